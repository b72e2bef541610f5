import test from 'ava'
import { multipliesBfloat16 } from '../../lib/foundation/processor.js'
import { createAttributer, describeMethods, InvalidArgumentError } from '../../lib/index.js'
import { choosePrecision } from '../../lib/model/precision.js'
import {
  Attributers,
  correlation,
  distance,
  ofAttention,
  type Trial,
  transformerTrial,
  trial,
} from '../support/methods.js'
import { noiseImages, smallModel, smallStatistics } from '../support/small-model.js'

const attributers = new Attributers()
let full: Trial
let rounded: Trial
let transformers: Trial[]
test.before(async () => {
  full = await trial('resnet18', 64, 64)
  rounded = await trial('resnet18', 64, 64, { precision: 'bfloat16' })
  transformers = [await transformerTrial(), await transformerTrial({ precision: 'bfloat16' })]
})
test.after.always(async () => {
  await attributers.dispose()
  for (const { model } of [full, rounded, ...transformers]) model?.dispose()
})

test('a model says what it computes in, and its weights are those of the file', t => {
  t.is(full.model.precision, 'float32')
  t.is(rounded.model.precision, 'bfloat16')
  t.is(rounded.model.weightHash, full.model.weightHash)
})

test("'auto' is bfloat16 where it is fast", async t => {
  t.is(choosePrecision('auto', 'cuda:0'), 'bfloat16')
  t.is(choosePrecision('auto', 'cpu'), multipliesBfloat16() ? 'bfloat16' : 'float32')
  await t.throwsAsync(smallModel({ precision: 'float16' as never }), {
    instanceOf: InvalidArgumentError,
    message: /precision/,
  })
})

test('logits differ by the rounding of the layers alone, and are not rounded themselves', async t => {
  for (const memoryFormat of ['channels-last', 'contiguous'] as const) {
    await using plain = await smallModel({ memoryFormat })
    await using coarse = await smallModel({ memoryFormat, precision: 'bfloat16' })
    const images = noiseImages(2)
    const [expected, found] = [await plain.logits(images), await coarse.logits(images)]
    for (const [i, logits] of found.entries()) {
      const norm = Math.hypot(...expected[i]!)
      const error = Math.hypot(...logits.map((value, c) => value - expected[i]![c]!)) / norm
      t.true(error > 0 && error < 0.02, `${memoryFormat}: ${error}`)
      t.true(logits.some(value => Math.fround(value) !== eightBits(value)))
    }
  }
})

/** The number of eight significant bits nearest to one. */
function eightBits(value: number): number {
  const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 7)
  return Math.round(value / step) * step
}

/** How far the maps may be from those in float32: Pearson's correlation and relative L2 distance. The bottleneck is held to
 * the first; a gradient jumps where rounding turns the sign of an activation. */
const bottleneck = { pearson: 0.995, distance: 0.05 }
const others = { pearson: 0.98, distance: 0.2 }
/** Of methods that compute in float32, of the weights as they were before they were rounded. */
const inFloat = { pearson: 0.999, distance: 0.03 }

const special: Readonly<Record<string, typeof others>> = Object.fromEntries(
  [
    ...['m2ib', 'gradient', 'saliency', 'gradient-x-input', 'blur-ig', 'full-grad'],
    ...['deep-lift', 'deep-shap', 'lrp', 'patternnet', 'pattern-attribution', ...ofAttention],
  ].map(name => [name, inFloat]),
)

for (const method of describeMethods()) {
  test.serial(`${method.name}: maps in bfloat16 are finite and close to those in float32`, async t => {
    const images = noiseImages(2)
    const tries = ofAttention.includes(method.name) ? transformers : [full, rounded]
    const targets = (await tries[0]!.model.predict(images)).map(({ target }) => target)
    const [expected, found] = await Promise.all(
      tries.map(async tried => {
        await using attributer = await attributers.make(tried, method)
        return await attributer.attribute(images, { targets })
      }),
    )
    const isBottleneck = method.needs.includes('statistics') || method.needs.includes('readout')
    const allowed = special[method.name] ?? (isBottleneck ? bottleneck : others)
    for (const [i, attribution] of found!.entries()) {
      t.true(attribution.map.data.every(Number.isFinite))
      const error = distance(attribution, expected![i]!)
      t.true(error <= allowed.distance, `relative L2 ${error}`)
      if (method.name === 'zero') continue
      const pearson = correlation(attribution, expected![i]!)
      t.true(pearson >= allowed.pearson, `Pearson ${pearson}`)
    }
  })
}

test('statistics that were learnt in float32 serve a network in bfloat16', async t => {
  await using statistics = await smallStatistics(full.model)
  statistics.requireFor(rounded.model)
  const images = noiseImages(1)
  const maps = await Promise.all(
    [full, rounded].map(async ({ model }) => {
      await using attributer = await createAttributer(model, 'per-sample', {
        statistics,
        copies: 2,
        steps: 4,
      })
      return (await attributer.attribute(images, { targets: 3, seed: 1 }))[0]!
    }),
  )
  t.true(correlation(maps[1]!, maps[0]!) >= bottleneck.pearson)
  t.true(distance(maps[1]!, maps[0]!) <= bottleneck.distance)
})

test('a gradient is float32 where it arrives', async t => {
  const [image] = noiseImages(1)
  const of = async ({ model }: Trial) =>
    (await model.layerGradient(image!, { layer: 'layer2', target: 3 }))[0]!
  const [expected, found] = [await of(full), await of(rounded)]
  t.deepEqual(found.shape, expected.shape)
  const error = Math.hypot(...found.data.map((value, i) => value - expected.data[i]!))
  t.true(error < 0.5 * Math.hypot(...expected.data), `${error}`)
})
