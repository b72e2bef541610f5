import test, { type ExecutionContext } from 'ava'
import {
  type Attribution,
  createAttributer,
  InvalidArgumentError,
  loadModel,
  type Model,
  methods,
  perSample,
  type Statistics,
  StatisticsError,
} from '../../lib/index.js'
import { type FamilyRun, familyReference, familyTransformer, relativeError } from '../support/family.js'
import { noiseImage, noiseImages, smallModel, smallStatistics } from '../support/small-model.js'

// Expected numbers are those of plain PyTorch with the same noise; see test/support/make-family-fixtures.py.

const { steps, copies, seed } = familyReference.settings
const settings = { steps, copies, keepCapacity: true } as const
const image = noiseImage()

let model: Model
let transformer: Model
let statistics: Statistics
let ofTransformer: Statistics
test.before(async () => {
  model = await smallModel()
  const norm = { mean: [0, 0, 0], std: [1, 1, 1] }
  transformer = await loadModel(familyTransformer, { preprocessing: { ...norm, resize: 64, crop: 64 } })
  statistics = await smallStatistics(model, model.blockLayers)
  ofTransformer = await smallStatistics(transformer, ['blocks.1.norm1', 'blocks.2.norm1'])
})
test.after.always(() => {
  for (const owned of [statistics, ofTransformer, model, transformer]) owned?.dispose()
})

function agree(t: ExecutionContext, { series, tensors }: Attribution, expected: FamilyRun, sign = 1): void {
  t.true(relativeError(series.crossEntropy!, expected.crossEntropy) < 1e-4, 'the fit')
  t.true(relativeError(series.information!, expected.information) < 1e-4, 'the information')
  t.true(relativeError(tensors.capacity!.data, expected.result) < 1e-4, 'the capacity')
  series.loss!.forEach((loss, i) => {
    const beta = (loss - sign * series.crossEntropy![i]!) / series.information![i]!
    t.true(beta > 0 && beta < 31, 'the loss has the sign of its kind')
  })
}

async function explain(name: string, options: object, target: unknown = 3, on = model): Promise<Attribution> {
  await using attributer = createAttributer(on, name, options)
  const [found] = await attributer.attribute([image], { targets: target as number, seed })
  return found!
}

for (const [name, { target, perSample: expected }] of Object.entries(familyReference.targets)) {
  test(`per-sample keeps the target '${name}'`, async t => {
    agree(t, await explain('per-sample', { statistics, ...settings }, target), expected)
  })
}

test('the inverse bottleneck is that of PyTorch, with and without a limit of its loss', async t => {
  const inverse = { statistics, ...settings, inverse: true, beta: 30 }
  agree(t, await explain('per-sample', inverse), familyReference.inverse, -1)
  agree(t, await explain('per-sample', { ...inverse, lossLimit: 1.5 }), familyReference.limited, -1)
  const dear = await explain('per-sample', { ...inverse, beta: 1e6, steps: 40 })
  t.true(
    dear.map.data.every(bits => bits < 1e-3),
    'what is dear is not removed',
  )
})

test('channels that share a mask, and another start, are those of PyTorch', async t => {
  const shared = { statistics, ...settings, share: 'channels', sigma: 0 }
  agree(t, await explain('per-sample', shared), familyReference.shared)
  agree(
    t,
    await explain('per-sample', { statistics, ...settings, initialAlpha: 2 }),
    familyReference.initialAlpha,
  )
})

test('M2IB needs no statistics and is that of PyTorch for an embedding', async t => {
  const { target } = familyReference.targets.embedding!
  const found = await explain('m2ib', { ...settings, layer: 'layer2' }, target)
  agree(t, found, familyReference.m2ib)
  t.true(Number.isNaN(found.probability))
  t.true(Math.abs(found.score - familyReference.targets.embedding!.score) < 1e-5)
})

test('CoIBA restricts layers of a convolutional network by one mask as PyTorch does', async t => {
  t.deepEqual([...model.blockLayers], ['layer2', 'layer3', 'layer4'])
  agree(t, await explain('coiba', { statistics, ...settings }), familyReference.coiba)
})

test('CoIBA restricts the norms of a transformer by one mask of tokens as PyTorch does', async t => {
  const layers = 'blocks.1.norm1, blocks.2.norm1'
  const options = { statistics: ofTransformer, ...settings, layers }
  agree(t, await explain('coiba', options, 3, transformer), familyReference.vit.coiba)
})

test('CoIBA leaves the class token alone as PyTorch does', async t => {
  const layers = 'blocks.1.norm1, blocks.2.norm1'
  const options = { statistics: ofTransformer, ...settings, layers, classToken: 'free' }
  const found = await explain('coiba', options, 3, transformer)
  agree(t, found, familyReference.vit.coibaFree)
  // Where nothing else passes, the class token still tells what it read before.
  const shut = { initialAlpha: -50, steps: 1 }
  const [free, restricted] = [
    await explain('coiba', { ...options, ...shut }, 3, transformer),
    await explain('coiba', { ...options, ...shut, classToken: 'restricted' }, 3, transformer),
  ]
  t.is(free.series.information![0], 0)
  t.not(free.series.crossEntropy![0], restricted.series.crossEntropy![0])
})

test('a network without a class token has the same map where that is free', async t => {
  const found = await explain('coiba', { statistics, steps, copies, classToken: 'free' })
  t.deepEqual(found.map.data, (await explain('coiba', { statistics, steps, copies })).map.data)
})

test('CoIBA in one layer is the per-sample bottleneck with shared channels', async t => {
  const one = await explain('coiba', { statistics, ...settings, layers: 'layer2', beta: 10 })
  const shared = { statistics, ...settings, share: 'channels', sigma: 0 }
  t.deepEqual(one.map.data, (await explain('per-sample', shared)).map.data)
})

test('CoIBA gives an image the same map in a batch as alone', async t => {
  await using attributer = methods.coiba(model, { statistics, steps, copies, batch: 3 })
  const images = noiseImages(3)
  const together = await attributer.attribute(images, { targets: [3, 1, null] })
  await using single = methods.coiba(model, { statistics, steps, copies, batch: 1 })
  const [alone] = await single.attribute([images[1]!], { targets: 1 })
  t.true(relativeError(together[1]!.map.data, alone!.map.data) < 1e-4)
})

test('layers out of order, and statistics that lack one, are refused by name', async t => {
  await t.throwsAsync(explain('coiba', { statistics, layers: 'layer3,layer2' }), {
    instanceOf: InvalidArgumentError,
    message: /'layer2' doesn't lie behind 'layer3'/,
  })
  await using single = await smallStatistics(model, ['layer2'])
  await t.throwsAsync(explain('coiba', { statistics: single }), {
    instanceOf: StatisticsError,
    message: /layer3/,
  })
})

test('the bottleneck at the pixels without a prior is that of PyTorch', async t => {
  const found = await explain('input-iba', { statistics, steps, copies, prior: 'none' })
  t.true(relativeError(found.series.crossEntropy!, familyReference.inputIba.crossEntropy) < 1e-4)
  t.true(relativeError(found.series.information!, familyReference.inputIba.information) < 1e-4)
  t.true(relativeError(found.map.data, familyReference.inputIba.result) < 1e-4)
})

test('evidence of a hidden layer makes information at the pixels cheaper', async t => {
  const options = { statistics, steps: 3, copies, featureSteps: 3, map: 'bits' }
  const [prior, none] = [
    await explain('input-iba', options),
    await explain('input-iba', { ...options, prior: 'none' }),
  ]
  t.is(prior.map.unit, 'bits/pixel')
  t.true(prior.series.information![0]! < none.series.information![0]!)
})

test('the maps of several layers are combined as they say', async t => {
  const options = { statistics, steps, copies, layers: 'layer2,layer3' }
  const one = await explain('per-sample', { statistics, steps, copies })
  const other = await explain('per-sample', { statistics, steps, copies, layer: 'layer3' })
  const normed = ({ map: { data } }: Attribution) => {
    const length = Math.hypot(...data)
    return data.map(value => value / length)
  }
  const sum = await explain('multi-layer', { ...options, combine: 'weighted-sum', weights: [2, 0.5] })
  const expected = normed(one).map((value, i) => 2 * value + 0.5 * normed(other)[i]!)
  t.true(relativeError(sum.map.data, expected) < 1e-5)
  t.is(sum.map.unit, 'relative')
  const both = await explain('multi-layer', { ...options, thresholds: [0, 0.01] })
  const wanted = one.map.data.map((value, i) => (normed(other)[i]! >= 0.01 ? value : 0))
  t.true(relativeError(both.map.data, wanted) < 1e-5)
  t.deepEqual(both.tensors.layerMaps!.shape, [2, 64, 64])
  await t.throwsAsync(explain('multi-layer', { ...options, thresholds: [1] }), {
    message: /thresholds has 1 numbers/,
  })
  const single = await explain('multi-layer', { ...options, layers: 'layer2' })
  t.deepEqual(single.map.data, one.map.data, 'one layer is the per-sample bottleneck')
})

test('options that exclude each other are refused', async t => {
  const refused = (options: object, message: RegExp) =>
    t.throwsAsync(explain('per-sample', { statistics, ...options }), {
      instanceOf: InvalidArgumentError,
      message,
    })
  await refused({ lossLimit: 2 }, /lossLimit is for the inverse bottleneck/)
  await refused({ inverse: true, solver: 'proximal' }, /Choose the solver adam/)
  await refused({ share: 'channels', solver: 'proximal' }, /Choose the solver adam/)
})

test('the faster plan of copies serves the inverse bottleneck too', async t => {
  await using iba = perSample(model, { statistics, inverse: true, preset: 'fast', steps: 6 })
  const [found] = await iba.attribute([image], { targets: 3 })
  t.true(found!.map.data.every(Number.isFinite))
})
