import test from 'ava'
import type { Attributer, Attribution } from '../../lib/attribution/attribution.js'
import { logarithmicNs, masksFor, relateDrops } from '../../lib/evaluation/protocols/sensitivity-n.js'
import {
  cascade,
  cascadingRandomization,
  degradation,
  type HeatMap,
  infidelity,
  insertionDeletion,
  type Model,
  maxSensitivity,
  type PreparedImage,
  perSample,
  sensitivityN,
} from '../../lib/index.js'
import { changed, closeTo, images, maps, noiseMap, size, softmax } from '../support/evaluation.js'
import { noiseImage, smallModel, smallStatistics } from '../support/small-model.js'

let model: Model
test.before(async () => {
  model = await smallModel()
})
test.after.always(() => model?.dispose())

/** Pixels from the highest value of the map to the lowest. */
function order(map: HeatMap): number[] {
  return Array.from(map.data.keys()).sort((i, j) => map.data[j]! - map.data[i]! || i - j)
}

test('insertion and deletion change the highest pixels first', async t => {
  const [image, map] = [images[1]!, maps[1]!]
  const step = 1000
  const cut = { step, blurTails: 'cut' } as const
  const { images: found } = await insertionDeletion(model, { images: image, maps: map, ...cut, targets: 2 })
  const [{ deletion, insertion, shares, deletionArea }] = found as [(typeof found)[0]]
  t.deepEqual(
    Array.from(shares, share => Math.round(share * size * size)),
    [0, 1000, 2000, 3000, 4000, 4096],
  )
  const highest = order(map)
  const firstTwo = new Set(highest.slice(0, 2 * step))
  const [logits] = await model.logits(changed(image, (value, pixel) => (firstTwo.has(pixel) ? 0 : value)))
  t.true(closeTo(deletion[2]!, softmax(logits!, 2), 1e-5))

  const blurred = blur(image)
  const [inserted] = await model.logits(
    changed(blurred, (value, pixel, channel) =>
      firstTwo.has(pixel) ? image.data[channel * size * size + pixel]! : value,
    ),
  )
  t.true(closeTo(insertion[2]!, softmax(inserted!, 2), 1e-4))
  const [clean] = await model.logits(image)
  t.true(closeTo(deletion[0]!, softmax(clean!, 2), 1e-5))
  t.true(closeTo(insertion[5]!, deletion[0]!, 1e-5))
  let area = 0
  for (let i = 1; i < shares.length; i++)
    area += ((shares[i]! - shares[i - 1]!) * (deletion[i]! + deletion[i - 1]!)) / 2
  t.true(closeTo(deletionArea, area, 1e-9))
})

/** Gaussian of 11×11, σ = 5, cut off at its kernel, zero beyond the border. */
function blur(image: PreparedImage): PreparedImage {
  const bell = Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / 50))
  const norm = bell.reduce((sum, value) => sum + value, 0) ** 2
  return changed(image, (_, pixel, channel) => {
    const [x, y] = [pixel % size, Math.floor(pixel / size)]
    let sum = 0
    for (let dy = -5; dy <= 5; dy++) {
      for (let dx = -5; dx <= 5; dx++) {
        if (x + dx < 0 || x + dx >= size || y + dy < 0 || y + dy >= size) continue
        const neighbour = image.data[channel * size * size + (y + dy) * size + x + dx]!
        sum += (bell[dx + 5]! * bell[dy + 5]! * neighbour) / norm
      }
    }
    return sum
  })
}

test('the numbers of tiles of sensitivity-n are those of the paper', t => {
  t.deepEqual(logarithmicNs(784), [1, 2, 2, 4, 6, 9, 13, 20, 31, 48, 73, 113, 173, 266, 408, 627])
  const ns = logarithmicNs(224 * 224)
  t.is(ns.length, 16)
  t.deepEqual([ns[0], ns.at(-1)], [1, Math.round(0.8 * 224 * 224)])
})

test('masks cover n tiles each, depend on the seed alone, and spread evenly', t => {
  const [masks] = masksFor(64, { ns: [16], masks: 400, seed: 5 })
  const covered = Array.from({ length: 400 }, (_, i) =>
    masks!.data.subarray(i * 64, (i + 1) * 64).reduce((sum, value) => sum + value, 0),
  )
  t.true(covered.every(count => count === 16))
  t.deepEqual(masksFor(64, { ns: [16], masks: 400, seed: 5 })[0], masks)
  t.notDeepEqual(masksFor(64, { ns: [16], masks: 400, seed: 6 })[0]!.data, masks!.data)
  const often = Array.from({ length: 64 }, (_, tile) =>
    masks!.data.reduce((sum, value, i) => sum + (i % 64 === tile ? value : 0), 0),
  )
  // 400 draws with chance 1/4: within five deviations.
  t.true(often.every(count => Math.abs(count - 100) < 5 * Math.sqrt(75)))
})

test('a map that is the true effect of each tile correlates perfectly where one tile is masked', async t => {
  const image = images[0]!
  const [clean] = await model.logits(image)
  const tiles = Array.from({ length: 16 }, (_, k) => k)
  const tileOf = (pixel: number) => Math.floor(pixel / size / 16) * 4 + Math.floor((pixel % size) / 16)
  const effects: number[] = []
  for (const k of tiles) {
    const [logits] = await model.logits(changed(image, (value, pixel) => (tileOf(pixel) === k ? 0 : value)))
    effects.push(clean![4]! - logits![4]!)
  }
  const data = Float32Array.from({ length: size * size }, (_, pixel) => effects[tileOf(pixel)]! / 256)
  const map: HeatMap = { data, width: size, height: size, unit: 'relative' }
  const single = { n: 1, count: 16, data: Uint8Array.from({ length: 256 }, (_, i) => Number(i % 17 === 0)) }
  const found = await sensitivityN(model, { images: image, maps: map, targets: 4, tile: 16, masks: [single] })
  const [[{ drop, relevance, correlation }]] = found.images as [[(typeof found.images)[0][0]]]
  t.true(correlation > 0.99999)
  for (const k of tiles) {
    t.true(closeTo(drop[k]!, effects[k]!, 1e-4))
    t.true(closeTo(relevance[k]!, effects[k]!, 1e-4))
  }
})

test('what masks do to a logit, known from one map, tells the same of another as measuring it anew', async t => {
  const options = { images: images[0]!, targets: 2, tile: 16, masks: masksFor(16, { ns: [1, 4], masks: 6 }) }
  const [first] = (await sensitivityN(model, { ...options, maps: maps[0]! })).images
  const [second] = (await sensitivityN(model, { ...options, maps: maps[1]! })).images
  t.notDeepEqual(first, second)
  for (const [i, { drop, relevance, correlation }] of relateDrops(
    first!,
    maps[1]!,
    16,
    options.masks,
  ).entries()) {
    t.deepEqual([drop, relevance], [second![i]!.drop, second![i]!.relevance])
    t.true(closeTo(correlation, second![i]!.correlation, 1e-12))
  }
})

test('infidelity: an empty map explains nothing, and scaling never makes it worse', async t => {
  const empty = { ...maps[0]!, data: new Float32Array(size * size) }
  const options = { images: images[0]!, targets: 1, samples: 30, deviation: 0.1 }
  const nothing = await infidelity(model, { ...options, maps: empty })
  const noise = await infidelity(model, { ...options, maps: maps[0]! })
  t.is(nothing.value, nothing.scaled)
  t.true(nothing.value > 0)
  t.true(noise.scaled <= noise.value)
  t.true(noise.scaled <= nothing.value)
  const large = { ...maps[0]!, data: maps[0]!.data.map(value => value * 1000) }
  const scaled = await infidelity(model, { ...options, maps: large })
  t.true(closeTo(scaled.scaled / noise.scaled, 1, 1e-4))
})

/** A method whose map is a function of the image. */
function methodOf(toMap: (image: Float32Array) => Float32Array): Attributer {
  const method: Attributer = {
    method: 'test',
    async attribute(list) {
      return (list as PreparedImage[]).map(
        ({ data }, index): Attribution => ({
          index,
          name: '',
          method: 'test',
          target: 0,
          score: 0,
          probability: 1,
          map: { data: toMap(data), width: size, height: size, unit: 'relative' },
          image: { pixels: new Uint8Array(), width: size, height: size },
          seconds: 0,
          checks: {},
          series: {},
          tensors: {},
          steps: 0,
        }),
      )
    },
    attributeAll: () => {
      throw new Error('not used')
    },
    dispose() {},
    async [Symbol.asyncDispose]() {},
  }
  return method
}

test('maximum sensitivity is 0 for a map that ignores the image, and bounded for one that is linear in it', async t => {
  const image = noiseImage()
  t.is(
    await maxSensitivity(
      methodOf(() => maps[0]!.data),
      image,
    ),
    0,
  )
  const first = (data: Float32Array) => data.slice(0, size * size)
  const found = await maxSensitivity(methodOf(first), image, { radius: 0.05 })
  const length = Math.sqrt(first(image.data).reduce((sum, value) => sum + value * value, 0))
  // The noise is even within ±0.05: its length is close to 0.05/√3 for each pixel.
  t.true(closeTo(found, (0.05 / Math.sqrt(3)) * (size / length), 0.002))
})

test('the cascade goes from the last layer to the first, block by block, and changes what it should', async t => {
  const stages = cascade(model)
  t.deepEqual(
    stages.map(({ name }) => name),
    [
      'fc',
      'layer4.1',
      'layer4.0',
      'layer3.1',
      'layer3.0',
      'layer2.1',
      'layer2.0',
      'layer1.1',
      'layer1.0',
      'bn1',
      'conv1',
    ],
  )
  t.deepEqual(stages[0]!.modules, ['fc'])
  t.true(stages[2]!.modules.includes('layer4.0.downsample.0'))
  t.false(stages[2]!.modules.includes('layer3.1.conv1'))

  const before = await model.logits(images[0]!)
  const stage = stages.slice(0, 3).at(-1)!
  const seen: string[] = []
  const results = await cascadingRandomization(
    model,
    async changedModel => {
      seen.push(changedModel.weightHash)
      return perSample(changedModel, { statistics: await smallStatistics(changedModel), steps: 8, copies: 2 })
    },
    { images, stages: [{ name: 'nothing', modules: [] }, stage], seed: 3 },
  )
  t.deepEqual(
    results.map(result => result.stage),
    ['nothing', 'layer4.0'],
  )
  t.is(seen[1], model.weightHash)
  t.not(seen[2], model.weightHash)
  t.true(results[0]!.ssim > 0.999 && results[0]!.spearman > 0.999)
  t.true(results[1]!.spearman < 0.999)
  // The model itself keeps its weights.
  t.deepEqual(await model.logits(images[0]!), before)
})

test('evaluations stop on abort, and say what is wrong with their arguments', async t => {
  const controller = new AbortController()
  const options = { images, maps, signal: controller.signal, rows: 1, onProgress: () => controller.abort() }
  await t.throwsAsync(degradation(model, options), { any: true, name: 'AbortError' })
  const wrong = [
    { images, maps: maps[0]! },
    { images: images[0]!, maps },
    { images, maps, targets: [1] },
    { images, maps, targets: 10 },
    { images, maps, tile: 0 },
    { images, maps, tile: 65 },
    { images, maps: maps.map(map => ({ ...map, data: map.data.map(() => Number.NaN) })) },
    { images, maps: images.map(() => noiseMap('map', 32)) },
    { images, maps, tiles: 8 } as never,
  ]
  for (const given of wrong)
    await t.throwsAsync(degradation(model, given), { code: 'INVALID_ARGUMENT' }, JSON.stringify(given.tile))
})
