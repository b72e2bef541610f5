import test from 'ava'
import { bootstrap } from '../../lib/evaluation/bootstrap.js'
import { degradationScore, degradationTerms } from '../../lib/evaluation/protocols/degradation.js'
import {
  degradation,
  demoSamples,
  type HeatMap,
  loadModel,
  type Model,
  type PreparedImage,
} from '../../lib/index.js'
import { seededNormal } from '../../scripts/testing/module.js'
import { changed, closeTo, images, maps, noiseMap, size, softmax } from '../support/evaluation.js'
import { noiseImages, smallModel } from '../support/small-model.js'

let model: Model
test.before(async () => {
  model = await smallModel()
})
test.after.always(() => model?.dispose())

function channelMean(image: PreparedImage, channel: number): number {
  const pixels = size * size
  let sum = 0
  for (let i = 0; i < pixels; i++) sum += image.data[channel * pixels + i]!
  return sum / pixels
}

test('degradation degrades the tiles of the highest means first, or of the lowest, to the mean of each channel', async t => {
  const [image, map] = [images[0]!, maps[0]!]
  const tile = 20 // the last row and column of tiles take the 4 pixels that are left over
  const tileOf = (pixel: number) =>
    Math.min(Math.floor(pixel / size / tile), 2) * 3 + Math.min(Math.floor((pixel % size) / tile), 2)
  const members = Array.from({ length: 9 }, (_, k) =>
    Array.from(map.data.keys()).filter(pixel => tileOf(pixel) === k),
  )
  const means = members.map(pixels => pixels.reduce((sum, i) => sum + map.data[i]!, 0) / pixels.length)
  const sorted = [...means.keys()].sort((i, j) => means[j]! - means[i]!)

  const { images: found } = await degradation(model, { images: image, maps: map, targets: 3, tile })
  const [{ shares, ofTarget, ofTop1, top1 }] = found as [(typeof found)[0]]
  t.deepEqual(
    Array.from(shares, share => Math.round(share * 9)),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  const colours = [0, 1, 2].map(channel => channelMean(image, channel))
  for (const k of [0, 1, 4, 9]) {
    for (const [curve, tiles] of [
      ['mostRelevantFirst', sorted.slice(0, k)],
      ['leastRelevantFirst', sorted.slice(9 - k)],
    ] as const) {
      const degraded = changed(image, (value, pixel, channel) =>
        tiles.includes(tileOf(pixel)) ? colours[channel]! : value,
      )
      const [logits] = await model.logits(degraded)
      t.true(closeTo(ofTarget[curve][k]!, softmax(logits!, 3), 1e-5), `${curve} ${k}`)
      t.true(closeTo(ofTop1[curve][k]!, softmax(logits!, top1), 1e-5), `${curve} ${k}`)
    }
  }
})

test('the points of degradation are those of the paper', async t => {
  const counts = async (side: number, tile: number) => {
    const [image] = noiseImages(1, { height: side })
    const map = noiseMap('map', side)
    const found = await degradation(await tinyModel, { images: image!, maps: map, tile, rows: 64 })
    const tiles = Math.floor(side / tile) ** 2
    return Array.from(found.shares, share => Math.round(share * tiles))
  }
  const tinyModel = smallModel({ width: 1 })
  t.teardown(async () => (await tinyModel).dispose())
  const eight = await counts(224, 8)
  t.deepEqual([...eight.slice(0, 4), ...eight.slice(-3)], [0, 1, 9, 17, 769, 777, 784])
  const fourteen = await counts(224, 14)
  t.deepEqual([...fourteen.slice(0, 4), ...fourteen.slice(-2)], [0, 1, 4, 6, 254, 256])
  t.is(eight.length, 101) // the fully degraded image comes on top of the paper's 100
  t.is(fourteen.length, 101)
})

test('fewer points are some of all points', async t => {
  const [image, map] = [images[0]!, maps[0]!]
  const find = async (points?: number) =>
    (await degradation(model, { images: image, maps: map, tile: 8, ...(points && { points }) })).images[0]!
  const [all, some] = [await find(), await find(5)]
  t.deepEqual(
    Array.from(some.shares, share => Math.round(share * 64)),
    [0, 1, 17, 33, 49, 64],
  )
  for (const [i, share] of Array.from(some.shares).entries()) {
    const place = Array.from(all.shares).indexOf(share)
    for (const curve of ['mostRelevantFirst', 'leastRelevantFirst'] as const)
      t.true(closeTo(some.ofTop1[curve][i]!, all.ofTop1[curve][place]!, 1e-6))
  }
  await t.throwsAsync(find(1), { message: /points/ })
})

test('the score is the area between the averaged curves, scaled to the ends', async t => {
  const result = await degradation(model, { images, maps, tile: 8 })
  const between = Array.from(result.shares, (_, i) => {
    const at = (curve: 'mostRelevantFirst' | 'leastRelevantFirst', k: number) =>
      (result.images[0]!.ofTop1[curve][k]! + result.images[1]!.ofTop1[curve][k]!) / 2
    const [clean, degraded] = [at('mostRelevantFirst', 0), at('mostRelevantFirst', result.shares.length - 1)]
    return (at('leastRelevantFirst', i) - at('mostRelevantFirst', i)) / (clean - degraded)
  })
  let area = 0
  for (let i = 1; i < between.length; i++)
    area += ((result.shares[i]! - result.shares[i - 1]!) * (between[i]! + between[i - 1]!)) / 2
  t.true(closeTo(result.score, area, 1e-9))
  const { curves } = result
  t.true(closeTo(curves.mostRelevantFirst[0]!, 1, 1e-9) && closeTo(curves.leastRelevantFirst[0]!, 1, 1e-9))
  t.true(closeTo(curves.mostRelevantFirst[result.shares.length - 1]!, 0, 1e-9))
})

test('on the demo, random maps score 0 within their interval, and the objects themselves far above', async t => {
  await using demo = await loadModel('demo', { device: 'cpu' })
  const samples = (await demoSamples()).slice(0, 8)
  const paths = samples.map(({ path }) => path)
  const run = (chosen: HeatMap[]) =>
    degradation(demo, { images: paths, maps: chosen, tile: 28, points: 16, rows: 32 })
  const inBox = ({ box }: (typeof samples)[0]): HeatMap => ({
    data: Float32Array.from({ length: 224 * 224 }, (_, i) => {
      const [x, y] = [i % 224, Math.floor(i / 224)]
      return x >= box.left && x < box.right && y >= box.top && y < box.bottom ? 1 : 0
    }),
    width: 224,
    height: 224,
    unit: 'relative',
  })
  const random = await run(samples.map((_, i) => noiseMap(`random ${i}`, 224)))
  const perfect = await run(samples.map(inBox))
  const score = bootstrap(
    random.images.map(image => degradationTerms(image, 'ofTop1')),
    degradationScore,
  )
  t.log(`random ${score.value} [${score.low}, ${score.high}], the object's box ${perfect.score}`)
  t.is(score.value, random.score)
  t.true(score.low! <= 0 && score.high! >= 0)
  t.true(perfect.score > score.high! + 0.3)
})

test('the interval of a score narrows with the number of images, and is the same each time', t => {
  const values = Array.from(seededNormal('values', 0, [400]))
  const average = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length
  const [few, many] = [bootstrap(values.slice(0, 25), average), bootstrap(values, average)]
  // Normal values: about ±1.96/√n.
  t.true(closeTo(few.high! - few.low!, (2 * 1.96) / 5, 0.25))
  t.true(closeTo(many.high! - many.low!, (2 * 1.96) / 20, 0.04))
  t.deepEqual(bootstrap(values, average), many)
  t.deepEqual(bootstrap([3], average), { value: 3, low: null, high: null, level: 0.95 })
})

test('a score has no value where it is not a number', t => {
  const inverse = (list: readonly number[]) => 1 / list.reduce((sum, value) => sum + value, 0)
  t.deepEqual(bootstrap([0, 0], inverse), { value: null, low: null, high: null, level: 0.95 })
  t.deepEqual(bootstrap([1, 0], inverse), { value: 1, low: null, high: null, level: 0.95 })
})
