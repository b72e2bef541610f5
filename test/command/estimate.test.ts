import test from 'ava'
import {
  type EstimateOptions,
  estimate,
  ImageError,
  InvalidArgumentError,
  type Model,
  ModelError,
  perSample,
  StatisticsError,
} from '../../lib/index.js'
import { noiseImage, noiseImages, smallModel, smallStatistics } from '../support/small-model.js'

let model: Model
test.before(async () => {
  model = await smallModel()
})
test.after.always(() => model?.dispose())

const quiet = { onWarning: () => {} }

test('images of another size than the statistics are refused', async t => {
  await using statistics = await smallStatistics(model)
  await t.throwsAsync(perSample(model, { statistics }).attribute(noiseImage({ height: 96 })), {
    instanceOf: StatisticsError,
    message: /images of this size/,
  })
  const mixed = [noiseImage(), noiseImage({ height: 96 }), noiseImage()]
  await t.throwsAsync(estimate(model, { images: mixed, ...quiet }), { instanceOf: StatisticsError })
})

test('a stream is read only as far as needed, with progress', async t => {
  let given = 0
  function* endless() {
    for (;;) {
      given++
      yield noiseImage()
    }
  }
  const seen: number[] = []
  const onProgress = ({ samples, total }: { samples: number; total: number }) => {
    t.is(total, 10)
    seen.push(samples)
  }
  await using statistics = await estimate(model, {
    images: endless(),
    samples: 10,
    batch: 4,
    onProgress,
    ...quiet,
  })
  t.is(statistics.description.layers[0]!.samples, 10)
  t.deepEqual(seen, [4, 8, 10])
  t.true(given <= 10 + 16)
})

test('a broken image fails the estimate, or is skipped with onError', async t => {
  const images = [noiseImage(), '/nowhere.png', noiseImage()]
  await t.throwsAsync(estimate(model, { images, ...quiet }), { instanceOf: ImageError })
  const skipped: number[] = []
  const onError = (_: Error, { index }: { index: number }) => void skipped.push(index)
  await using statistics = await estimate(model, { images, onError, ...quiet })
  t.is(statistics.description.layers[0]!.samples, 2)
  t.deepEqual(skipped, [1])
})

test('too few images fail, few ones warn', async t => {
  await t.throwsAsync(estimate(model, { images: noiseImage(), ...quiet }), { instanceOf: StatisticsError })
  await t.throwsAsync(estimate(model, { images: [], ...quiet }), { instanceOf: StatisticsError })
  const warnings: string[] = []
  await using _ = await estimate(model, {
    images: noiseImages(3),
    onWarning: text => void warnings.push(text),
  })
  t.is(warnings.length, 1)
  t.regex(warnings[0]!, /3 images are rough/)
})

test('an abort ends the estimate with its reason', async t => {
  const images = noiseImages(40)
  await t.throwsAsync(estimate(model, { images, signal: AbortSignal.abort(), ...quiet }), {
    any: true,
    name: 'AbortError',
  })
  const controller = new AbortController()
  const reason = new Error('enough')
  const onProgress = () => controller.abort(reason)
  const running = estimate(model, { images, batch: 4, signal: controller.signal, onProgress, ...quiet })
  t.is(await t.throwsAsync(running), reason)
})

test('wrong options are named', async t => {
  const images = noiseImages(2)
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ images, sample: 3 }, /'sample'/],
    [{ images, samples: 0 }, /samples/],
    [{ images, batch: 1.5 }, /batch/],
    [{ images, preset: 'papers' }, /preset/],
    [{ images, layer: 'layer1', layers: ['layer2'] }, /both/],
    [{ images, layers: [] }, /layers/],
    [{ images, signal: 'now' }, /signal/],
    [{ images: undefined }, /image/],
  ]
  for (const [options, message] of wrong) {
    const running = estimate(model, { ...quiet, ...options } as unknown as EstimateOptions)
    await t.throwsAsync(running, { instanceOf: InvalidArgumentError, message })
  }
  await t.throwsAsync(estimate(model, { images, layer: 'layer5', ...quiet }), { instanceOf: ModelError })
  await using statistics = await smallStatistics(model)
  t.throws(() => statistics.layer('layer2', { minimumStd: Number.NaN }), { instanceOf: InvalidArgumentError })
})
