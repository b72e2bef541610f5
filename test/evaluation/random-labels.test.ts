import test from 'ava'
import {
  createAttributer,
  InvalidArgumentError,
  labelRandomization,
  type Model,
  mapSimilarity,
  methods,
  perSample,
} from '../../lib/index.js'
import { closeTo, images } from '../support/evaluation.js'
import { smallModel, smallStatistics } from '../support/small-model.js'

let model: Model
let other: Model
test.before(async () => {
  model = await smallModel()
  other = await smallModel({ weights: 'seeded:1' })
})
test.after.always(() => {
  model?.dispose()
  other?.dispose()
})

const gradient = (of: Model) => createAttributer(of, 'gradient')

test('the maps of a network beside those of another are compared image by image, of the same class', async t => {
  const found = await labelRandomization(model, gradient, { images, randomLabels: other })
  const original = await methods.gradient(model).attribute(images)
  const targets = original.map(({ target }) => target)
  const maps = await methods.gradient(other).attribute(images, { targets })
  t.is(found.images.length, images.length)
  for (const [i, { ssim, spearman, signedSpearman, absoluteSpearman }] of found.images.entries()) {
    const [a, b] = [original[i]!.map, maps[i]!.map]
    t.deepEqual({ ssim, spearman }, mapSimilarity(a, b))
    t.true(closeTo(signedSpearman, rankCorrelation(a.data, b.data), 1e-9))
    t.true(closeTo(absoluteSpearman, rankCorrelation(a.data.map(Math.abs), b.data.map(Math.abs)), 1e-9))
    t.true(Math.abs(signedSpearman) < 0.5 && ssim < 0.9)
  }
  const [first, second] = found.images
  for (const name of ['ssim', 'spearman', 'signedSpearman', 'absoluteSpearman'] as const)
    t.true(closeTo(found[name], (first![name] + second![name]) / 2, 1e-12))
})

test('a network beside itself has the same maps, also those of statistics that are made anew', async t => {
  await using twin = await smallModel()
  const bottleneck = async (of: Model) =>
    perSample(of, { statistics: await smallStatistics(of), steps: 3, copies: 2 })
  for (const method of [gradient, bottleneck]) {
    for (const randomLabels of [model, twin]) {
      const { images: found, ...means } = await labelRandomization(model, method, { images, randomLabels })
      for (const similarity of [means, ...found])
        t.true(
          Object.values(similarity).every(value => closeTo(value, 1, 1e-6)),
          JSON.stringify(similarity),
        )
    }
  }
})

test('a map with its sign turned is told apart from the map', async t => {
  const opposite = async (of: Model) => {
    const attributer = createAttributer(of, 'gradient')
    if (of === model) return attributer
    const attribute: typeof attributer.attribute = async (...given) => {
      const found = await attributer.attribute(...given)
      return found.map(result => ({ ...result, map: { ...result.map, data: result.map.data.map(v => -v) } }))
    }
    return Object.assign(Object.create(attributer), { attribute, dispose: () => attributer.dispose() })
  }
  await using twin = await smallModel()
  const found = await labelRandomization(model, opposite, { images, randomLabels: twin })
  t.true(closeTo(found.signedSpearman, -1, 1e-9))
  t.true(closeTo(found.absoluteSpearman, 1, 1e-9))
  t.true(closeTo(found.spearman, 1, 1e-6))
})

test('what is wrong with the networks is said', async t => {
  const isRefused = { instanceOf: InvalidArgumentError }
  await using fewer = await smallModel({ classes: 3 })
  await t.throwsAsync(labelRandomization(model, gradient, { images, randomLabels: fewer }), {
    ...isRefused,
    message: /a model of 10 classes for randomLabels .*one of 3/,
  })
  await t.throwsAsync(labelRandomization(model, gradient, { images } as never), {
    ...isRefused,
    message: /trained on permuted labels/,
  })
  const signal = AbortSignal.abort()
  await t.throwsAsync(labelRandomization(model, gradient, { images, randomLabels: other, signal }), {
    any: true,
    name: 'AbortError',
  })
})

/** Spearman's correlation, written out. */
function rankCorrelation(a: Float32Array, b: Float32Array): number {
  const ranks = (values: Float32Array) => {
    const order = Array.from(values.keys()).sort((i, j) => values[i]! - values[j]!)
    const found = new Float64Array(values.length)
    for (let begin = 0; begin < order.length; ) {
      let end = begin
      while (end < order.length && values[order[end]!] === values[order[begin]!]) end++
      for (let i = begin; i < end; i++) found[order[i]!] = (begin + end - 1) / 2
      begin = end
    }
    return found
  }
  const [x, y] = [ranks(a), ranks(b)]
  const middle = (a.length - 1) / 2
  const product = (one: Float64Array, two: Float64Array) =>
    one.reduce((sum, value, i) => sum + (value - middle) * (two[i]! - middle), 0)
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y))
}
