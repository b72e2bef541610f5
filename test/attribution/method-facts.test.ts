import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import {
  type Attributer,
  type Attribution,
  demo,
  demoSamples,
  loadModel,
  type MethodOptions,
  type Model,
  methods,
  type PreparedImage,
  type Tensor,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { writeSafetensors } from '../../scripts/testing/module.js'
import { noiseImage, smallModel } from '../support/small-model.js'

// What must be true of each method whatever the network has learnt.

const size = { height: 64, width: 64 }
const pixels = size.height * size.width
const target = 3
let model: Model
let image: PreparedImage
test.before(async () => {
  model = await smallModel()
  image = noiseImage(size)
})
test.after.always(() => model?.dispose())

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0)
const absolute = (values: Float32Array) => values.map(Math.abs)

async function logit(data: Float32Array): Promise<number> {
  const [logits] = await model.logits({ data, shape: image.shape })
  return logits![target]!
}

/** Each channel's mean in every pixel. */
function meanColour(): Float32Array {
  const mean = Float32Array.from(image.data)
  for (let c = 0; c < 3; c++) {
    const channel = mean.subarray(c * pixels, (c + 1) * pixels)
    channel.fill(sum(channel) / pixels)
  }
  return mean
}

function overColours(raw: Float32Array, reduce: (values: number[]) => number): Float32Array {
  return Float32Array.from({ length: pixels }, (_, i) =>
    reduce([raw[i]!, raw[pixels + i]!, raw[2 * pixels + i]!]),
  )
}

async function explain<Options extends MethodOptions>(
  make: (model: Model, options?: Options) => Attributer,
  options?: NoInfer<Options>,
): Promise<Attribution & { raw: Tensor }> {
  await using attributer = make(model, { ...options, keepRaw: true } as Options)
  const [result] = await attributer.attribute(image, { targets: target })
  return { ...result!, raw: result!.tensors.raw! }
}

test('the gradient says how the logit changes along any direction', async t => {
  const { raw } = await explain(methods.gradient)
  t.deepEqual(raw.shape, [3, 64, 64])
  const direction = noiseImage({ ...size, name: 'direction' }).data
  // Small against the kinks of the ReLUs, large against the rounding of logits.
  const step = 1e-3
  const moved = (by: number) => image.data.map((value, i) => value + by * direction[i]!)
  const slope = ((await logit(moved(step))) - (await logit(moved(-step)))) / (2 * step)
  const predicted = sum(raw.data.map((value, i) => value * direction[i]!))
  t.true(Math.abs(slope - predicted) < 0.02 * Math.abs(predicted), `${slope} ${predicted}`)
})

test('gradient × input is the gradient times the input', async t => {
  const gradient = await explain(methods.gradient)
  const product = await explain(methods['gradient-x-input'])
  t.true(
    relativeError(
      product.raw.data,
      gradient.raw.data.map((value, i) => value * image.data[i]!),
    ) < 1e-6,
  )
})

test('signed maps have absolute values that add up to 1, saliency adds up to 1; in `paper` the former add up to 1', async t => {
  t.true(Math.abs(sum(absolute((await explain(methods.gradient)).map.data)) - 1) < 1e-4)
  t.true(Math.abs(sum((await explain(methods.saliency)).map.data) - 1) < 1e-4)
  t.true(Math.abs(sum((await explain(methods.gradient, { preset: 'paper' })).map.data) - 1) < 1e-3)
})

test('smoothgrad without noise is the gradient', async t => {
  const smooth = await explain(methods.smoothgrad, { noise: 0, samples: 3 })
  const { raw } = await explain(methods.gradient)
  t.true(relativeError(smooth.raw.data, raw.data) < 1e-4)
})

test('integrated gradients add up to the difference of the logits, but for the gap, which shrinks with the steps', async t => {
  const difference = (await logit(image.data)) - (await logit(meanColour()))
  const gaps: number[] = []
  for (const steps of [4, 64]) {
    const { raw, checks, map } = await explain(methods['integrated-gradients'], { steps })
    t.is(map.unit, 'logits')
    const gap = difference - sum(raw.data)
    t.true(Math.abs(gap - checks.completenessGap!) < 1e-3 * Math.max(1, Math.abs(difference)), `${gap}`)
    gaps.push(Math.abs(gap))
  }
  t.true(gaps[1]! < gaps[0]!, `${gaps}`)
  t.true(gaps[1]! < 0.05 * Math.abs(difference), `${gaps} of ${difference}`)
})

test('integrated gradients by Gauss–Legendre take the gradient at the roots, with their weights', async t => {
  const outer = Math.sqrt(0.6) / 2
  const places = [0.5 - outer, 0.5, 0.5 + outer]
  const weights = [5 / 18, 4 / 9, 5 / 18]
  const expected = new Float32Array(image.data.length)
  await using attributer = methods.gradient(model, { keepRaw: true })
  for (const [k, place] of places.entries()) {
    const between = { ...image, data: image.data.map(value => value * place) }
    const [{ tensors }] = (await attributer.attribute(between, { targets: target })) as [Attribution]
    for (const i of expected.keys()) expected[i]! += weights[k]! * tensors.raw!.data[i]! * image.data[i]!
  }
  const options = { steps: 3, baseline: 'zero', quadrature: 'gauss-legendre' } as const
  const { raw } = await explain(methods['integrated-gradients'], options)
  t.true(relativeError(raw.data, expected) < 1e-4, `${relativeError(raw.data, expected)}`)
  const other = await explain(methods['integrated-gradients'], { ...options, quadrature: 'riemann-right' })
  t.true(relativeError(other.raw.data, expected) > 1e-2)
  await t.throwsAsync(explain(methods['integrated-gradients'], { ...options, steps: 10_001 }), {
    message: /gauss-legendre.*at most 10000/,
  })
})

test('occlusion is the drop of the logit when a patch is replaced by the mean colour', async t => {
  const { raw, map } = await explain(methods.occlusion, { patch: 16 })
  t.deepEqual(raw.shape, [1, 4, 4])
  t.is(map.unit, 'logits')
  const before = await logit(image.data)
  const mean = meanColour()
  for (const [row, column] of [
    [0, 0],
    [1, 2],
    [3, 3],
  ] as const) {
    const isInside = (i: number) =>
      Math.floor((i % pixels) / 64 / 16) === row && Math.floor((i % 64) / 16) === column
    const drop = before - (await logit(image.data.map((value, i) => (isInside(i) ? mean[i]! : value))))
    t.true(Math.abs(raw.data[row * 4 + column]! - drop) < 1e-4, `${row} ${column}`)
    t.is(map.data[(row * 16 + 5) * 64 + column * 16 + 9], raw.data[row * 4 + column])
  }
})

test('patches with gaps between them begin inside the image, and leave the gaps out', async t => {
  for (const [stride, patches] of [
    [20, 4],
    [62, 2],
    [64, 1],
    [100, 1],
  ] as const) {
    const { raw, map } = await explain(methods.occlusion, { patch: 4, stride })
    t.deepEqual(raw.shape, [1, patches, patches])
    t.is(map.data[10], 0)
    t.is(map.data.at(-1), stride < 64 ? raw.data.at(-1) : 0)
  }
})

test('occlusion-8 and -14 are occlusion with that patch', async t => {
  for (const [name, patch] of [
    ['occlusion-8', 8],
    ['occlusion-14', 14],
  ] as const) {
    const [named, general] = [await explain(methods[name]), await explain(methods.occlusion, { patch })]
    t.deepEqual(named.map.data, general.map.data)
  }
})

test('relevance that arrives and the conservation gap add up to the logit', async t => {
  const before = await logit(image.data)
  for (const composite of ['epsilon', 'epsilon-gamma-box', 'z-plus', 'gamma'] as const) {
    const { raw, map, checks } = await explain(methods.lrp, { composite })
    t.is(map.unit, 'logits')
    t.true(Math.abs(sum(raw.data) + checks.conservationGap! - before) < 1e-3 * Math.max(1, Math.abs(before)))
    t.true(relativeError(map.data, overColours(raw.data, sum)) < 1e-5)
  }
})

test('the conservation gap is what the biases take: a network without any has none', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'iba-conservation-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const { tensors } = await addon().readWeightFile({ path: demo.weights })
  // A batch norm's running mean acts as a bias too.
  for (const { name, data } of tensors) if (/bias$|running_mean$/.test(name)) data.fill(0)
  const weights = join(folder, 'weights.safetensors')
  writeSafetensors(weights, tensors, {})
  const [sample] = await demoSamples()

  await using trained = await loadModel('demo', { device: 'cpu' })
  await using unbiased = await loadModel('demo', { weights, device: 'cpu' })
  for (const composite of ['epsilon-gamma-box', 'epsilon', 'gamma', 'z-plus'] as const) {
    const shares: number[] = []
    for (const network of [trained, unbiased]) {
      await using attributer = methods.lrp(network, { composite })
      const [{ checks }] = (await attributer.attribute(sample!.path)) as [Attribution]
      const [logits] = await network.logits(sample!.path)
      shares.push(Math.abs(checks.conservationGap!) / Math.max(...logits!))
    }
    t.true(shares[0]! > 0.3, `${composite}: ${shares[0]}`)
    t.true(shares[1]! < 1e-3, `${composite}: ${shares[1]}`)
  }
})

test('the rules of the first layer take black and white from the preprocessing', async t => {
  const { mean, std } = model.preprocessing
  const bounds = {
    low: mean.map((value, channel) => -value / std[channel]!),
    high: mean.map((value, channel) => (1 - value) / std[channel]!),
  }
  const [standard, given] = [await explain(methods.lrp), await explain(methods.lrp, bounds)]
  t.deepEqual(standard.map.data, given.map.data)
  const other = await explain(methods.lrp, { low: [-9, -9, -9], high: [9, 9, 9] })
  t.notDeepEqual(standard.map.data, other.map.data)
})

test('Grad-CAM lies between 0 and 1, and guided Grad-CAM is its product with guided backpropagation', async t => {
  const cam = await explain(methods['grad-cam'], { layer: 'layer3' })
  t.true(cam.map.data.every(value => value >= 0 && value <= 1))
  const guided = await explain(methods['guided-backprop'])
  const product = await explain(methods['guided-grad-cam'], { layer: 'layer3' })
  const expected = guided.raw.data.map((value, i) => value * cam.map.data[i % pixels]!)
  t.true(relativeError(product.raw.data, expected) < 1e-5)
})

test('a layer that is not there is refused with the nearest', async t => {
  await t.throwsAsync(explain(methods['grad-cam'], { layer: 'layer9' }), {
    code: 'MODEL',
    message: /layer[1-4]/,
  })
})

test('guided backpropagation and DeconvNet differ from the gradient and from each other', async t => {
  const gradient = await explain(methods.gradient)
  const guided = await explain(methods['guided-backprop'])
  const deconv = await explain(methods.deconvnet)
  t.true(relativeError(guided.raw.data, gradient.raw.data) > 0.1)
  t.true(relativeError(deconv.raw.data, guided.raw.data) > 0.1)
  t.true(
    relativeError(
      guided.map.data,
      overColours(absolute(guided.raw.data), v => Math.max(...v)),
    ) < 1e-6,
  )
})

test('random holds each of the even numbers from -1 to 1 once, zero holds nothing', async t => {
  const random = [...(await explain(methods.random)).map.data].sort((a, b) => a - b)
  const expected = Array.from({ length: pixels }, (_, i) => -1 + (2 * i) / (pixels - 1))
  t.true(relativeError(random, expected) < 1e-5)
  t.true((await explain(methods.zero)).map.data.every(value => value === 0))
})
