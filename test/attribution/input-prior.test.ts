import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { writeNpy } from '../../lib/images/npy.js'
import {
  type Attribution,
  ImageError,
  type InputIbaOptions,
  InvalidArgumentError,
  type Model,
  ModelError,
  methods,
  type Statistics,
} from '../../lib/index.js'
import { type FamilyRun, familyReference, relativeError } from '../support/family.js'
import { noiseImage, noiseImages, smallModel, smallStatistics } from '../support/small-model.js'

// What passes the pixels anyway: given, and generated, against plain PyTorch with the same draws; see
// test/support/make-prior-fixtures.py.

const reference = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../../test/fixtures/family/priors.json', import.meta.url)), 'utf8'),
) as {
  settings: Partial<InputIbaOptions>
  given: FamilyRun
  feature: { prior: number[] }
  gan: FamilyRun & { prior: number[] }
}

const { steps, copies, seed } = familyReference.settings
const side = 64
const mask = Float32Array.from(
  { length: side * side },
  (_, i) => ((7 * Math.floor(i / side) + 3 * (i % side)) % 11) / 11,
)

let folder: string
let model: Model
let statistics: Statistics
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prior-'))
  model = await smallModel()
  statistics = await smallStatistics(model)
})
test.after.always(async () => {
  statistics?.dispose()
  model?.dispose()
  await rm(folder, { recursive: true, force: true })
})

async function explain(options: Partial<InputIbaOptions>, images = [noiseImage()]): Promise<Attribution[]> {
  await using attributer = methods['input-iba'](model, {
    ...{ statistics, steps, copies, featureSteps: steps },
    ...options,
  })
  return await attributer.attribute(images, { targets: 3, seed })
}

/** Every fourth pixel of each colour. */
function sampled(prior: ArrayLike<number>): number[] {
  return Array.from(prior).filter((_, i) => i % 4 === 0 && Math.floor((i % (side * side)) / side) % 4 === 0)
}

test('a given prior is that of PyTorch, from memory and from a file', async t => {
  const [found] = await explain({ prior: mask, keepPrior: true })
  const { series, map, tensors } = found!
  const errors = [
    relativeError(series.crossEntropy!, reference.given.crossEntropy),
    relativeError(series.information!, reference.given.information),
    relativeError(map.data, reference.given.result),
  ]
  t.log(`relative L2 ${errors.map(error => error.toExponential(1)).join(', ')}`)
  t.true(Math.max(...errors) < 1e-4)
  t.deepEqual(tensors.prior!.shape, [3, side, side])
  t.deepEqual(tensors.prior!.data.subarray(side * side, 2 * side * side), mask)

  const path = join(folder, 'mask.npy')
  await writeNpy(path, mask, [side, side])
  const [fromFile] = await explain({ prior: path as `${string}.npy` })
  t.deepEqual(fromFile!.map.data, map.data)
  // What is kept can be given again.
  const [again] = await explain({ prior: tensors.prior!.data as Float32Array })
  t.deepEqual(again!.map.data, map.data)
})

test('a given prior of nothing is none, and one of everything makes information free', async t => {
  const [nothing] = await explain({ prior: new Float32Array(side * side) })
  const [none] = await explain({ prior: 'none' })
  t.true(relativeError(nothing!.map.data, none!.map.data) < 1e-5)
  const [everything] = await explain({ prior: new Float32Array(side * side).fill(1) })
  t.true(everything!.series.information!.every(nats => Math.abs(nats) < 1e-6))
})

test('the evidence of the layer is the prior that it says', async t => {
  const [found] = await explain({ keepPrior: true })
  const expected = [0, 1, 2].flatMap(() => reference.feature.prior)
  t.true(relativeError(sampled(found!.tensors.prior!.data), expected) < 1e-5)
})

test('the generated prior is that of PyTorch with the same draws', async t => {
  const [found] = await explain({ prior: 'gan', ...reference.settings, keepPrior: true })
  const start = [0, 1, 2].flatMap(() => reference.feature.prior)
  const prior = sampled(found!.tensors.prior!.data)
  const moved = prior.map((value, i) => value - start[i]!)
  const errors = [
    relativeError(
      moved,
      reference.gan.prior.map((value, i) => value - start[i]!),
    ),
    relativeError(found!.series.information!, reference.gan.information),
    relativeError(found!.map.data, reference.gan.result),
  ]
  t.log(`relative L2 of the way, the information and the map ${errors.map(error => error.toExponential(1))}`)
  // RMSprop takes the sign of a gradient that is nearly 0: a last digit of the image changes the way in PyTorch itself by 0.04.
  t.true(errors[0]! < 0.15 && errors[1]! < 1e-3 && errors[2]! < 1e-3, `${errors}`)
})

test('a generated prior depends on the seed, and neither on the batch nor on the rows', async t => {
  const options = { prior: 'gan', ...reference.settings, keepPrior: true } as const
  const images = noiseImages(2)
  const together = await explain({ ...options, batch: 2 }, images)
  const [alone] = await explain({ ...options, batch: 1, rows: 3 }, [images[1]!])
  // A batch may round otherwise, and RMSprop takes the sign of a gradient that is nearly 0, as above.
  t.true(relativeError(together[1]!.tensors.prior!.data, alone!.tensors.prior!.data) < 0.05)
  t.true(relativeError(together[1]!.map.data, alone!.map.data) < 1e-3)
  const [again] = await explain({ ...options, batch: 1, rows: 3 }, [images[1]!])
  t.deepEqual(again!.tensors.prior!.data, alone!.tensors.prior!.data)
  await using attributer = methods['input-iba'](model, { statistics, steps, copies, ...options })
  const [other] = await attributer.attribute(images[1]!, { targets: 3, seed: seed + 1 })
  t.true(relativeError(other!.tensors.prior!.data, alone!.tensors.prior!.data) > 0.1)
})

test('its progress counts the steps of the critic', async t => {
  const done: [number, number][] = []
  await using attributer = methods['input-iba'](model, {
    ...{ statistics, steps, copies, featureSteps: 3, prior: 'gan' },
    ...reference.settings,
  })
  await attributer.attribute(noiseImage(), { onProgress: ({ step, steps }) => done.push([step, steps]) })
  const { priorEpochs = 0, priorSamples = 0, priorBatch = 1 } = reference.settings
  const all = 3 + steps + priorEpochs * Math.ceil(priorSamples / priorBatch)
  t.deepEqual(done.at(-1), [all, all])
  t.is(done.length, all)
})

test('a prior that is none is refused with what is needed', async t => {
  const wrong: [unknown, RegExp][] = [
    ['feeture', /one of: feature, gan, none, or a Float32Array or the path of a \.npy file for prior/],
    [[0.5], /one of: .* for prior but received an array of 1/],
    [new Float32Array(0), /for prior but received Float32Array/],
    [Float32Array.of(0, 1.5), /numbers from 0 to 1 for prior, but number 1 of them is 1\.5/],
    [Float32Array.of(Number.NaN), /number 0 of them is NaN/],
  ]
  for (const [prior, message] of wrong)
    t.throws(() => methods['input-iba'](model, { statistics, prior: prior as never }), {
      instanceOf: InvalidArgumentError,
      message,
    })
  await t.throwsAsync(explain({ prior: new Float32Array(100) }), {
    instanceOf: InvalidArgumentError,
    message:
      /Expected \(64, 64\) numbers for prior.* but received \(100\)\. Resize and crop the mask as the image/,
  })
  const turned = join(folder, 'turned.npy')
  await writeNpy(turned, mask, [32, 128])
  await t.throwsAsync(explain({ prior: turned as `${string}.npy` }), { message: /but received \(32, 128\)/ })
  const wide = join(folder, 'wide.npy')
  await writeNpy(wide, Float32Array.of(-1, 0), [2])
  await t.throwsAsync(explain({ prior: wide as `${string}.npy` }), { message: /number 0 of them is -1/ })
  await t.throwsAsync(explain({ prior: './nowhere.npy' }), {
    instanceOf: ImageError,
    message: /nowhere\.npy/,
  })
  // One place a side can't be halved twice.
  await using deep = await smallStatistics(model, ['layer4'])
  await t.throwsAsync(explain({ statistics: deep, layer: 'layer4', prior: 'gan' }), {
    instanceOf: ModelError,
    message: /at least 4 × 4 places, but the layer has 2 × 2/,
  })
})
