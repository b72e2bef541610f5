import test from 'ava'
import {
  type Attribution,
  estimate,
  type LoadOptions,
  type Model,
  type PerSampleOptions,
  perSample,
  type Statistics,
  stepMaps,
} from '../../lib/index.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { type NoiseOptions, noiseImage, smallModel, smallStatistics } from '../support/small-model.js'

const layers = ['layer2', 'conv1', 'bn1', 'relu', 'maxpool', 'layer2.0.conv2', 'layer2.0.relu#1', 'avgpool']

let model: Model
let statistics: Statistics
test.before(async () => {
  model = await smallModel()
  statistics = await smallStatistics(model, layers)
})
test.after.always(() => {
  statistics?.dispose()
  model?.dispose()
})

async function explain(options: Partial<PerSampleOptions> = {}, targets?: number): Promise<Attribution> {
  const iba = perSample(model, { statistics, ...options })
  const [result] = await iba.attribute(noiseImage(), targets === undefined ? {} : { targets })
  return result!
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0)

/** Capacity summed over the channels, in bits. */
function bitsPerPlace({ tensors: { capacity } }: Attribution): Float64Array {
  const [, height, width] = capacity!.shape as [number, number, number]
  const bits = new Float64Array(height * width)
  for (const [i, nats] of capacity!.data.entries()) bits[i % bits.length]! += nats / Math.LN2
  return bits
}

test('the map sums to the bits that pass, up to what the enlargement loses at the border', async t => {
  const result = await explain({ keepCapacity: true })
  const bits = sum(bitsPerPlace(result))
  t.is(result.map.unit, 'bits/pixel')
  t.true(Math.abs(sum(result.map.data) / bits - 1) < 0.1)
})

test('the map is as large as the image, also one that is not square', async t => {
  const noise = { height: 64, width: 96 }
  await using own = await smallStatistics(model, ['layer2'], noise)
  const iba = perSample(model, { statistics: own, keepCapacity: true })
  const [result] = await iba.attribute(noiseImage(noise))
  t.deepEqual([result!.map.width, result!.map.height, result!.map.data.length], [96, 64, 96 * 64])
  t.deepEqual(result!.tensors.capacity!.shape, [16, 8, 12])
  t.is(result!.image.pixels.length, 96 * 64 * 3)
  t.true(Math.abs(sum(result!.map.data) / sum(bitsPerPlace(result!)) - 1) < 0.1)
})

test('the higher β, the less information passes', async t => {
  const information: number[] = []
  for (const beta of [0.1, 1, 10, 100])
    information.push((await explain({ beta })).series.information!.at(-1)!)
  t.deepEqual(
    information,
    [...information].sort((a, b) => b - a),
  )
  t.true(information[3]! < 0.5 * information[0]!)
})

test('the loss is cross-entropy plus β times information, and information is the mean capacity', async t => {
  const beta = 3
  const { series, tensors } = await explain({ beta, keepCapacity: true })
  const { capacity } = tensors
  t.is(series.loss!.length, 10)
  for (const [i, loss] of series.loss!.entries()) {
    const [crossEntropy, information] = [series.crossEntropy![i]!, series.information![i]!]
    t.true(crossEntropy >= 0 && information >= 0)
    t.true(Math.abs(loss - (crossEntropy + beta * information)) < 1e-9 * Math.abs(loss))
  }
  const mean = sum(capacity!.data) / capacity!.data.length
  t.true(Math.abs(mean / series.information!.at(-1)! - 1) < 1e-5)
})

test('the loss falls', async t => {
  const { loss } = (await explain()).series
  t.true(loss!.at(-1)! < 0.5 * loss![0]!)
})

test('one step leaves the mask as it starts: α = 5 everywhere', async t => {
  await using own = await smallStatistics(model, ['bn1'])
  const { capacity } = await perSample(model, { statistics: own, layer: 'bn1', steps: 1, keepCapacity: true })
    .attribute(noiseImage())
    .then(([result]) => result!.tensors)
  const lambda = 1 / (1 + Math.exp(-5))
  const base = 0.5 * ((1 - lambda) ** 2 - 1) - Math.log(1 - lambda)
  // A neuron at its mean has the least capacity; the rest is ½·(λr')².
  t.true(capacity!.data.every(nats => nats >= base - 1e-4))
  const { mean, std } = own.layer('bn1')
  const activation = await activationOf('bn1')
  const expected = activation.map((r, i) => base + 0.5 * (lambda * ((r - mean[i]!) / std[i]!)) ** 2)
  t.true(relativeError(capacity!.data, expected) < 1e-4)
})

/** The test image's activation: the mean over that image taken twice. */
async function activationOf(layer: string): Promise<Float32Array> {
  const images = [noiseImage(), noiseImage()]
  await using single = await estimate(model, { layer, images, onWarning: () => {} })
  return single.layer(layer).mean
}

test('a map of the paper preset spans [0, 1]', async t => {
  const { map } = await explain({ preset: 'paper' })
  t.is(map.unit, 'relative')
  t.true(map.data.every(value => value >= 0 && value <= 1))
  t.true(Math.max(...map.data) > 0.5)
})

test('a layer of one place has a constant map: 0 for the paper preset, never NaN', async t => {
  const paper = await explain({ layer: 'avgpool', preset: 'paper' })
  t.true(paper.map.data.every(value => value === 0))
  const iba = await explain({ layer: 'avgpool', keepCapacity: true })
  t.true(relativeError([sum(iba.map.data)], [sum(bitsPerPlace(iba))]) < 1e-4)
  t.true(iba.map.data.every(value => Math.abs(value - iba.map.data[0]!) < 1e-6))
})

test('keepSteps keeps the map of each step, the last of which is the map', async t => {
  const plain = await explain()
  t.deepEqual(stepMaps(plain), [])
  t.deepEqual(plain.tensors, {})
  const result = await explain({ keepSteps: true, steps: 4 })
  const maps = stepMaps(result)
  t.is(maps.length, 4)
  t.deepEqual(maps[3], result.map)
  t.notDeepEqual(maps[0]!.data, result.map.data)
  t.deepEqual((await explain({ steps: 4 })).map.data, result.map.data)
})

test('without a target the predicted class is explained', async t => {
  const [prediction] = await model.predict(noiseImage())
  const result = await explain()
  t.is(result.target, prediction!.target)
  t.true(Math.abs(result.probability - prediction!.probability) < 1e-6)
  t.deepEqual((await explain({}, prediction!.target)).map.data, result.map.data)
  const other = await explain({}, (prediction!.target + 1) % 10)
  t.true(other.probability < result.probability)
  t.notDeepEqual(other.map.data, result.map.data)
})

test('an inactive neuron carries no information', async t => {
  await using own = await smallStatistics(model, ['layer4'], { name: 'others' })
  const { active } = own.layer('layer4')
  t.true(active.includes(0), 'the test needs such neurons')
  const iba = perSample(model, { statistics: own, layer: 'layer4', keepCapacity: true, steps: 3 })
  const [result] = await iba.attribute(noiseImage())
  const { data } = result!.tensors.capacity!
  t.true(data.every((nats, i) => (active[i] ? nats >= 0 : nats === 0)))
})

for (const layer of layers) {
  test(`the bottleneck works in ${layer}`, async t => {
    for (const preset of ['iba', 'paper'] as const) {
      const {
        map,
        series: { loss },
        tensors: { capacity },
      } = await explain({ layer, preset, keepCapacity: true })
      t.true(map.data.every(Number.isFinite))
      t.true(capacity!.data.every(nats => nats > -1e-6))
      t.true(loss!.at(-1)! < loss![0]!, `${preset}: ${loss![0]} → ${loss!.at(-1)}`)
    }
  })
}

test('with an open mask the network sees the image: the cross-entropy is that of the prediction', async t => {
  for (const layer of ['layer2', 'layer2.0.conv2', 'conv1']) {
    const { series, probability } = await explain({ layer, steps: 1, copies: 64, minimumStd: 1e-6 })
    const clean = -Math.log(probability)
    t.true(Math.abs(series.crossEntropy![0]! - clean) < 0.1 * Math.max(1, clean), `${layer}: ${clean}`)
  }
})

test('a layer of vectors is one place: its map is even', async t => {
  await using vectors = await smallStatistics(model, ['fc', 'flatten'])
  for (const layer of ['fc', 'flatten']) {
    const iba = perSample(model, { statistics: vectors, layer, keepCapacity: true })
    const [{ map, tensors }] = (await iba.attribute(noiseImage())) as [Attribution]
    const { capacity } = tensors
    t.deepEqual(capacity!.shape, [layer === 'fc' ? 10 : 64])
    t.true(relativeError([sum(map.data)], [sum(capacity!.data) / Math.LN2]) < 1e-4)
    t.true(map.data.every(value => Math.abs(value - map.data[0]!) < 1e-6))
  }
})

const variants: [string, LoadOptions, NoiseOptions][] = [
  ['grey images', { inputChannels: 1 }, { channels: 1 }],
  ['two classes', { classes: 2 }, {}],
  ['a small image', {}, { height: 32 }],
]
for (const [what, options, noise] of variants) {
  test(`${what} can be explained`, async t => {
    await using own = await smallModel(options)
    await using learnt = await smallStatistics(own, ['layer2'], noise)
    const [result] = await perSample(own, { statistics: learnt }).attribute(noiseImage(noise))
    t.true(result!.map.data.every(Number.isFinite))
    t.is(result!.image.pixels.length, 3 * result!.map.data.length)
  })
}

test('sigma 0 leaves the mask unsmoothed, and gives another map', async t => {
  const plain = await explain({ sigma: 0 })
  t.true(plain.map.data.every(Number.isFinite))
  t.true(relativeError(plain.map.data, (await explain()).map.data) > 0.01)
})

test('the proximal solver comes lower in ten steps than Adam in twenty', async t => {
  for (const sigma of [0, 1]) {
    const adam = (await explain({ sigma, steps: 20 })).series.loss!
    const proximal = (await explain({ sigma, solver: 'proximal' })).series.loss!
    t.is(proximal.length, 10)
    t.true(proximal.at(-1)! < adam.at(-1)!, `${proximal.at(-1)} and ${adam.at(-1)}`)
  }
})

test("the proximal solver's map is that of its last mask, and of each step where they are kept", async t => {
  const options = { solver: 'proximal', keepSteps: true } as const
  const five = stepMaps(await explain({ ...options, steps: 5 }))
  const result = await explain({ ...options, steps: 3, keepCapacity: true })
  const three = stepMaps(result)
  t.is(three.length, 3)
  t.deepEqual(three[2]!.data, result.map.data)
  t.deepEqual(three[2]!.data, five[2]!.data)
  t.true(Math.abs(sum(result.map.data) / sum(bitsPerPlace(result)) - 1) < 0.1)
})

test('the proximal solver takes any number of copies, and the images of a batch by themselves', async t => {
  const options = { statistics, solver: 'proximal', steps: 3, copies: 3 } as const
  const images = [noiseImage(), noiseImage({ name: 'another' })]
  const together = await perSample(model, options).attribute(images)
  for (const [i, image] of images.entries()) {
    const [alone] = await perSample(model, options).attribute(image)
    t.true(relativeError(alone!.map.data, together[i]!.map.data) < 1e-4)
  }
  const [single] = await perSample(model, { ...options, copies: 1 }).attribute(images[0]!)
  t.true(single!.map.data.every(Number.isFinite))
})

test('adapted copies give nearly the map of many, in fewer passes', async t => {
  const many = (await explain({ copies: 80 })).map.data
  const constant = relativeError((await explain({ copies: 10 })).map.data, many)
  const adaptive = relativeError((await explain({ copyPlan: 'adaptive' })).map.data, many)
  t.true(adaptive < 1.3 * constant, `${adaptive} and ${constant}`)
  const single = await explain({ copies: 1, copyPlan: 'adaptive' })
  t.true(single.map.data.every(Number.isFinite))
})

test('fast is the iba preset with adapted copies, unless they are chosen', async t => {
  const fast = await explain({ preset: 'fast' })
  t.deepEqual(fast.map, (await explain({ preset: 'iba', copyPlan: 'adaptive' })).map)
  const constant = await explain({ preset: 'fast', copyPlan: 'constant' })
  t.deepEqual(constant.map, (await explain({ preset: 'iba' })).map)
})
