import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import {
  type Attribution,
  InvalidArgumentError,
  loadReadout,
  loadStatistics,
  type Model,
  ModelError,
  perSample,
  readout,
  StatisticsError,
  WeightsError,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { writeSafetensors } from '../../scripts/testing/module.js'
import { noiseImage, noiseImages, smallModel } from '../support/small-model.js'

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../../test/fixtures/readout/${name}`, import.meta.url))

let model: Model
let folder: string
let expected: Map<string, Float32Array>
test.before(async () => {
  model = await smallModel()
  folder = await mkdtemp(join(tmpdir(), 'iba-readout-'))
  const { tensors } = await addon().readWeightFile({ path: fixture('expected.safetensors') })
  expected = new Map(tensors.map(({ name, data }) => [name, data]))
})
test.after.always(async () => {
  model?.dispose()
  await rm(folder, { recursive: true, force: true })
})

async function explain(weights: string): Promise<Attribution> {
  await using attributer = readout(model, { readout: weights, keepCapacity: true })
  const [result] = await attributer.attribute(noiseImage({ name: 'noise' }))
  return result!
}

for (const variant of ['A', 'B'] as const) {
  test(`a file as the authors published theirs, variant ${variant}, gives the map of the plain form`, async t => {
    const {
      map,
      tensors: { capacity },
    } = await explain(fixture(`readout_resnet18_${variant}.torch`))
    t.true(relativeError(capacity!.data, expected.get(`${variant}.capacity`)!) < 1e-4)
    t.true(relativeError(map.data, expected.get(`${variant}.map`)!) < 1e-4)
    t.is(map.unit, 'relative')
    await using trained = await loadReadout(model, fixture(`readout_resnet18_${variant}.torch`))
    const { layer, preset, kernelSize, sigma, ...description } = trained.description
    t.is(description.variant, variant)
    t.deepEqual(
      [layer, preset, kernelSize, sigma],
      variant === 'A' ? ['layer1', 'paper', 3, 0.75] : ['layer1', 'paper', 1, 0.25],
    )
  })
}

test("the iba preset's conventions: means are subtracted, inactive neurons pass nothing, masks are smoothed", async t => {
  const { map, series, tensors } = await explain(fixture('iba.safetensors'))
  const { capacity } = tensors
  const nats = expected.get('iba.capacity')!
  t.true(relativeError(capacity!.data, nats) < 1e-4)
  t.true(nats.includes(0), 'the test needs an inactive neuron')
  t.true(capacity!.data.every((value, i) => (nats[i] === 0 ? value === 0 : true)))
  t.is(map.unit, 'bits/pixel')
  const sum = capacity!.data.reduce((total, value) => total + value, 0)
  t.true(Math.abs(sum / capacity!.data.length / series.information![0]! - 1) < 1e-5)
  const bits = map.data.reduce((total, value) => total + value, 0)
  t.true(Math.abs(bits / (sum / Math.LN2) - 1) < 0.1)
})

test('what is saved is read again, bit for bit', async t => {
  for (const name of ['iba.safetensors', 'readout_resnet18_A.torch']) {
    await using first = await loadReadout(model, fixture(name))
    const path = join(folder, 'saved.safetensors')
    await first.save(path)
    await using second = await loadReadout(model, path)
    t.deepEqual(second.description, first.description)
    const [a] = await readout(model, { readout: first }).attribute(noiseImage())
    const [b] = await readout(model, { readout: second }).attribute(noiseImage())
    t.deepEqual(b!.map.data, a!.map.data)
  }
})

test('a map doesn’t depend on the batch, nor on the target', async t => {
  await using weights = await loadReadout(model, fixture('iba.safetensors'))
  const images = noiseImages(7)
  const together = await readout(model, { readout: weights, batch: 7 }).attribute(images, { seed: 3 })
  for (const [i, image] of images.entries()) {
    const [alone] = await readout(model, { readout: weights, keepLogits: true }).attribute(image, {
      targets: 4,
      seed: 3,
    })
    t.true(relativeError(alone!.map.data, together[i]!.map.data) < 1e-5)
    t.is(alone!.target, 4)
  }
})

test('logits behind the bottleneck depend on the seed of the noise alone', async t => {
  await using weights = await loadReadout(model, fixture('iba.safetensors'))
  const iba = readout(model, { readout: weights, keepLogits: true })
  const logits = async (seed: number) =>
    (await iba.attribute(noiseImage(), { seed }))[0]!.tensors.logits!.data
  const [first, again, other] = [await logits(1), await logits(1), await logits(2)]
  t.is(first.length, 10)
  t.deepEqual(again, first)
  t.notDeepEqual(other, first)
  const [plain] = await readout(model, { readout: weights }).attribute(noiseImage())
  t.deepEqual(plain!.tensors, {})
})

test("the authors' estimators become statistics of the paper preset", async t => {
  await using all = await loadStatistics(fixture('estimator_resnet18_1,2,3,4,fc.torch'), { model })
  t.deepEqual(
    all.description.layers.map(({ name }) => name),
    ['layer1', 'layer2', 'layer3', 'layer4', 'fc'],
  )
  t.is(all.description.preset, 'paper')
  await using one = await loadStatistics(fixture('estimator_resnet18_2.torch'), { model })
  for (const statistics of [all, one]) {
    const { mean, std } = statistics.layer('layer2')
    t.true(relativeError(std, expected.get('layer2.std')!) < 1e-5)
    t.true(mean.every(value => value === 0))
  }
  const [result] = await perSample(model, { statistics: one }).attribute(noiseImage())
  t.true(result!.map.data.every(Number.isFinite))
})

test('images of another size are refused, with both sizes', async t => {
  const iba = readout(model, { readout: fixture('iba.safetensors') })
  await t.throwsAsync(iba.attribute(noiseImage({ height: 96 })), {
    instanceOf: StatisticsError,
    message: /'layer1' in the shape \[8, 16, 16\].*\[8, 24, 24\]/,
  })
})

test('a readout of another model is refused', async t => {
  const path = join(folder, 'own.safetensors')
  const { tensors, metadata } = await addon().readWeightFile({ path: fixture('iba.safetensors') })
  writeSafetensors(path, tensors, { ...metadata, weights: '0123456789abcdef' })
  await t.throwsAsync(loadReadout(model, path), {
    instanceOf: WeightsError,
    message: /weights 0123456789abcdef/,
  })
  writeSafetensors(path, tensors, { ...metadata, model: 'vgg16' })
  await t.throwsAsync(loadReadout(model, path), { instanceOf: WeightsError, message: /vgg16/ })
  writeSafetensors(path, tensors, { ...metadata, layer: 'layer9' })
  await t.throwsAsync(loadReadout(model, path), { instanceOf: ModelError, message: /layer9/ })
})

test('broken files are refused with what is wrong', async t => {
  const { tensors, metadata } = await addon().readWeightFile({ path: fixture('iba.safetensors') })
  const path = join(folder, 'broken.safetensors')
  const without = (name: string) => tensors.filter(entry => entry.name !== name)
  const reshaped = tensors.map(entry =>
    entry.name === 'conv2.weight' ? { ...entry, shape: [8, entry.data.length / 8, 1, 1] } : entry,
  )
  const cases: [typeof tensors, Record<string, string>, RegExp][] = [
    [without('conv2.bias'), metadata, /lacks the entry 'conv2.bias'/],
    [without('std_3'), metadata, /lacks the entry 'std_3'/],
    [tensors, { ...metadata, format: 'x' }, /holds no readout/],
    [tensors, { ...metadata, reads: '' }, /names no layers/],
    [tensors, { ...metadata, kernel_size: 'five' }, /'five' as its kernel_size/],
    [tensors, { ...metadata, reads: 'layer1,layer2' }, /doesn't fit the layers/],
    [reshaped, metadata, /conv2.weight.*doesn't fit/],
  ]
  for (const [content, description, message] of cases) {
    writeSafetensors(path, content, description)
    await t.throwsAsync(loadReadout(model, path), { instanceOf: WeightsError, message })
  }
  const published = await readFile(fixture('readout_resnet18_A.torch'))
  await writeFile(path, published.subarray(0, published.length - 100))
  await t.throwsAsync(loadReadout(model, path), { instanceOf: WeightsError })
  await copyFile(fixture('estimator_resnet18_2.torch'), path)
  await t.throwsAsync(loadReadout(model, path), { instanceOf: WeightsError, message: /'model_state'/ })
  await t.throwsAsync(loadReadout(model, join(folder, 'nothing')), { instanceOf: WeightsError })
})

test('wrong options are named', async t => {
  const weights = fixture('iba.safetensors')
  t.throws(() => readout(model, {} as never), { instanceOf: InvalidArgumentError, message: /for readout/ })
  t.throws(() => readout(model, { readout: weights, beta: 3 } as never), {
    instanceOf: InvalidArgumentError,
    message: /beta/,
  })
  t.throws(() => readout(model, { readout: weights, batch: 0 }), {
    instanceOf: InvalidArgumentError,
    message: /batch/,
  })
})

test('an abort ends the work with its reason', async t => {
  const iba = readout(model, { readout: fixture('iba.safetensors'), batch: 64 })
  const reason = new Error('enough')
  const controller = new AbortController()
  const running = iba.attribute(noiseImages(64), {
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  })
  t.is(await t.throwsAsync(running), reason)
})
