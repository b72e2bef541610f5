import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { writeNpy } from '../../lib/images/npy.js'
import {
  type Attributer,
  ImageError,
  type ImageInput,
  InvalidArgumentError,
  type Model,
  methods,
  type PreparedImage,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { noiseImage, noiseImages, smallModel } from '../support/small-model.js'

// Integrated gradients along other ways, against PAIR's saliency, and their kin; test/support/make-path-fixtures.py wrote the numbers,
// and make-shap-fixtures.py those of baselines from a set.

const path = fileURLToPath(new URL('../../../test/fixtures/paths/expected.safetensors', import.meta.url))
const whole = noiseImage()
const image: PreparedImage = {
  data: whole.data.filter((_, i) => i % 64 < 32 && Math.floor((i % 4096) / 64) < 32),
  shape: [3, 32, 32],
}
const sum = (values: Float32Array) => values.reduce((total, value) => total + value, 0)
let model: Model
let expected: Map<string, Float32Array>
let fromSet: Float32Array
test.before(async () => {
  model = await smallModel({ memoryFormat: 'contiguous' })
  const { tensors } = await addon().readWeightFile({ path })
  expected = new Map(tensors.map(({ name, data }) => [name, data]))
  const ofSet = await addon().readWeightFile({ path: path.replace('expected', 'baselines') })
  fromSet = ofSet.tensors[0]!.data
})
test.after.always(() => model?.dispose())

/** By how much the logit is above that of an image of zeros. */
async function riseFromZero(): Promise<number> {
  const [logits] = await model.logits(image)
  const [empty] = await model.logits({ data: new Float32Array(image.data.length), shape: image.shape })
  const target = logits!.indexOf(Math.max(...logits!))
  return logits![target]! - empty![target]!
}

async function explain(attributer: Attributer) {
  await using made = attributer
  const [result] = await made.attribute(image)
  return result!
}

// On the processor that wrote them they are equal to 3e-7. On another one rounding turns the sign of some activation near 0, and a
// gradient jumps there.
const jumps = 5e-3

for (const [name, maximumDistance] of [
  ['guided-ig', 0.02],
  ['guided-ig.free', 1],
  ['guided-ig.straight', 0],
] as const) {
  test(`${name} equals PAIR's`, async t => {
    const { tensors } = await explain(
      methods['guided-ig'](model, { steps: 20, maximumDistance, keepRaw: true }),
    )
    const error = relativeError(tensors.raw!.data, expected.get(name)!)
    t.log(`relative L2 ${error}`)
    t.true(error < jumps, `${error}`)
  })
}

for (const [name, maximumSigma] of [
  ['blur-ig', 50],
  ['blur-ig.weak', 5],
] as const) {
  test(`${name} equals PAIR's`, async t => {
    const made = methods['blur-ig'](model, { steps: 20, maximumSigma, rows: 3, keepRaw: true })
    const { tensors } = await explain(made)
    const error = relativeError(tensors.raw!.data, expected.get(name)!)
    t.log(`relative L2 ${error}`)
    t.true(error < jumps, `${error}`)
  })
}

test('GradientSHAP is the mean over the draws of gradients times ways', async t => {
  await using attributer = methods['gradient-shap'](model, { samples: 7, rows: 3, keepRaw: true })
  const [result] = await attributer.attribute(image, { seed: 5 })
  const error = relativeError(result!.tensors.raw!.data, expected.get('gradient-shap')!)
  t.log(`relative L2 ${error}`)
  t.true(error < jumps, `${error}`)
})

test("GradientSHAP's ways begin at images of a set as captum's", async t => {
  const set = noiseImages(5, { name: 'baselines', height: 32 })
  const options = { samples: 7, rows: 3, keepRaw: true, baselines: set }
  await using attributer = methods['gradient-shap'](model, options)
  const [result] = await attributer.attribute(image, { seed: 5 })
  const error = relativeError(result!.tensors.raw!.data, fromSet)
  t.log(`relative L2 ${error}`)
  t.true(error < jumps, `${error}`)

  const folder = await mkdtemp(join(tmpdir(), 'baselines-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const [i, { data, shape }] of set.entries()) await writeNpy(join(folder, `${i}.npy`), data, shape)
  await writeNpy(
    join(folder, 'all.npy'),
    Float32Array.from(set.flatMap(({ data }) => [...data])),
    [5, 3, 32, 32],
  )
  for (const baselines of [join(folder, 'all.npy'), set.map((_, i) => join(folder, `${i}.npy`))]) {
    await using other = methods['gradient-shap'](model, { ...options, baselines })
    const [again] = await other.attribute(image, { seed: 5 })
    t.deepEqual(again!.map.data, result!.map.data)
  }
  await rm(join(folder, 'all.npy'))
  await using ofFolder = methods['gradient-shap'](model, { ...options, baselines: folder })
  const [again] = await ofFolder.attribute(image, { seed: 5 })
  t.deepEqual(again!.map.data, result!.map.data)
})

test('baselines of other sizes, of none, or that can not be read are refused', async t => {
  const explained = (baselines: readonly ImageInput[] | string) =>
    explain(methods['gradient-shap'](model, { samples: 2, baselines }))
  await t.throwsAsync(explained([noiseImage()]), {
    instanceOf: InvalidArgumentError,
    message: /baselines of the explained image's shape \(3, 32, 32\), but received \(3, 64, 64\)/,
  })
  await t.throwsAsync(explained([image, noiseImage()]), {
    instanceOf: InvalidArgumentError,
    message: /images of one size for baselines, but .* has 32 × 32 pixels and .* 64 × 64/,
  })
  await t.throwsAsync(explained('./no folder'), { instanceOf: ImageError, message: /no folder/ })
  for (const wrong of [[], 5, ''])
    t.throws(() => methods['gradient-shap'](model, { baselines: wrong as never }), {
      instanceOf: InvalidArgumentError,
      message: /a list of images, or the path of a folder/,
    })
})

test('GradientSHAP of one baseline adds up to about the difference of the logits', async t => {
  const options = { baseline: 'zero', samples: 400 } as const
  const { map } = await explain(methods['gradient-shap'](model, options))
  const rise = await riseFromZero()
  t.true(Math.abs(sum(map.data) - rise) < 0.1 * Math.abs(rise), `${sum(map.data)} ${rise}`)
})

test('FullGrad is what its formula gives, and its parts make up the logit', async t => {
  const { map, checks } = await explain(methods['full-grad'](model, { rows: 2 }))
  const error = relativeError(map.data, expected.get('full-grad')!)
  t.log(`relative L2 ${error}, gap ${checks.completenessGap}`)
  t.true(error < jumps, `${error}`)
  const [logits] = await model.logits(image)
  t.true(Math.abs(checks.completenessGap!) < 1e-4 * Math.max(...logits!), `${checks.completenessGap}`)
})

for (const [name, height, width] of [
  ['xrai', 224, 224],
  ['xrai.resized', 300, 60],
] as const) {
  test(`${name} equals PAIR's, with the same segments`, async t => {
    await using attributer = methods.xrai(model, { steps: 10 })
    const [{ map } = { map: undefined }] = await attributer.attribute(noiseImage({ height, width }))
    const sampled = map!.data.filter((_, i) => (i % width) % 4 === 0 && Math.floor(i / width) % 4 === 0)
    const error = relativeError(sampled, expected.get(name)!)
    t.log(`relative L2 ${error}`)
    t.true(error < jumps, `${error}`)
  })
}

test('without a distance from the straight way, Guided IG is integrated gradients at the beginnings of the steps', async t => {
  const options = { baseline: 'zero', keepRaw: true } as const
  const guided = await explain(methods['guided-ig'](model, { ...options, steps: 200, maximumDistance: 0 }))
  const straight = await explain(methods['integrated-gradients'](model, { ...options, steps: 200 }))
  t.true(relativeError(guided.tensors.raw!.data, straight.tensors.raw!.data) < 0.1)
})

test('what the maps lack of the difference of the logits is their gap, which shrinks with the steps', async t => {
  const rise = await riseFromZero()
  const gaps = []
  for (const steps of [10, 100]) {
    const { map, checks } = await explain(methods['guided-ig'](model, { steps }))
    t.is(map.unit, 'logits')
    t.true(Math.abs(rise - sum(map.data) - checks.completenessGap!) < 1e-3)
    gaps.push(Math.abs(checks.completenessGap!))
  }
  t.true(gaps[1]! < gaps[0]!, `${gaps}`)
  const blurred = []
  for (const steps of [10, 200])
    blurred.push(Math.abs((await explain(methods['blur-ig'](model, { steps }))).checks.completenessGap!))
  t.true(blurred[1]! < blurred[0]!, `${blurred}`)
})

test('where the image is the baseline, there is nothing to explain', async t => {
  await using attributer = methods['guided-ig'](model, { steps: 3, baseline: 'zero' })
  const [{ map } = { map: undefined }] = await attributer.attribute({
    data: new Float32Array(image.data.length),
    shape: image.shape,
  })
  t.true(map!.data.every(value => value === 0))
})
