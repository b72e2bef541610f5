import test from 'ava'
import type { Attributer, Attribution } from '../../lib/attribution/attribution.js'
import {
  complexity,
  confidenceChange,
  effectiveHeatRatio,
  faithfulnessCorrelation,
  focus,
  type HeatMap,
  insertionDeletion,
  irof,
  type Model,
  mosaic,
  type ObjectMask,
  randomLogit,
  regionPerturbation,
  road,
  selectivity,
  sensitivityN,
  sparseness,
  superpixels,
} from '../../lib/index.js'
import { images, maps, noiseMap, size } from '../support/evaluation.js'
import { smallModel } from '../support/small-model.js'

let model: Model
test.before(async () => {
  model = await smallModel()
})
test.after.always(() => model?.dispose())

const pixels = size * size

function toMap(value: (x: number, y: number) => number): HeatMap {
  const data = Float32Array.from({ length: pixels }, (_, i) => value(i % size, Math.floor(i / size)))
  return { data, width: size, height: size, unit: 'relative' }
}

function toMask(inside: (x: number, y: number) => boolean): ObjectMask {
  return {
    data: Uint8Array.from(toMap((x, y) => Number(inside(x, y))).data),
    width: size,
    height: size,
  }
}

test('all heat on the object has the ratio of its mean heat, or 1 where pixels are counted; none on it has 0', t => {
  const inside = (x: number, y: number) => x < 20 && y >= 30
  const map = toMap((x, y) => (inside(x, y) ? 0.5 + x / 40 : 0.05))
  t.is(effectiveHeatRatio(map, toMask(inside), { counting: 'pixels' }).score, 1)
  const { ratios } = effectiveHeatRatio(map, toMask(inside))
  t.true(ratios[0]! > 0.7 && ratios[0]! < 0.8)
  t.true(ratios.every((ratio, i) => i === 0 || ratio >= ratios[i - 1]!))
  t.is(
    effectiveHeatRatio(
      map,
      toMask((x, y) => !inside(x, y)),
    ).score,
    0,
  )
  t.is(
    effectiveHeatRatio(
      toMap(() => 0),
      toMask(inside),
    ).score,
    0,
  )
  // A negative value moves the whole map up, as the least becomes 0.
  const signed = effectiveHeatRatio(
    toMap((x, y) => map.data[y * size + x]! * 2 - 1),
    toMask(inside),
    { counting: 'pixels' },
  )
  t.is(signed.score, 1)
})

test('a map of one pixel is as simple and as sparse as can be, an even or empty one the opposite', t => {
  const single = toMap((x, y) => (x === 5 && y === 7 ? -3 : 0))
  t.is(complexity(single), 0)
  t.true(Math.abs(sparseness(single) - (1 - 1 / pixels)) < 1e-9)
  for (const value of [2, 0]) {
    const even = toMap(() => value)
    t.true(Math.abs(complexity(even) - Math.log(pixels)) < 1e-9)
    t.true(Math.abs(sparseness(even)) < 1e-9)
  }
  // Neither depends on the map's scale or signs.
  const scaled = { ...maps[0]!, data: maps[0]!.data.map(value => value * -7) }
  t.true(Math.abs(complexity(scaled) - complexity(maps[0]!)) < 1e-6)
  t.true(Math.abs(sparseness(scaled) - sparseness(maps[0]!)) < 1e-6)
})

test('a map that keeps all changes no confidence, one that keeps nothing leaves what an empty image has', async t => {
  const [image] = images
  const kept = await confidenceChange(model, {
    images: image!,
    maps: toMap((x, y) => (x === 0 && y === 0 ? 0.999999 : 1)),
  })
  // The least value of the map is 0 once it is scaled: all but one pixel stays.
  t.true(Math.abs(kept.images[0]!.before - kept.images[0]!.after) < 0.01)
  const { images: found, ...empty } = await confidenceChange(model, { images: image!, maps: toMap(() => 3) })
  const [logits] = await model.logits({ ...image!, data: new Float32Array(image!.data.length) })
  const sum = logits!.reduce((total, value) => total + Math.exp(value), 0)
  t.true(Math.abs(found[0]!.after - Math.exp(logits![found[0]!.target]!) / sum) < 1e-6)
  t.true(empty.increase === 0 || empty.drop === 0)
})

test('superpixels hang together, are about as many as asked for, and end at edges of colour', t => {
  const bytes = new Uint8Array(pixels * 3)
  const isRed = (i: number) => i % size < 23 && Math.floor(i / size) < 41
  for (let i = 0; i < pixels; i++) bytes.set(isRed(i) ? [200, 30, 20] : [20, 90, 200], 3 * i)
  const { data } = superpixels({ pixels: bytes, width: size, height: size }, { count: 30 })
  const count = new Set(data).size
  t.true(count >= 20 && count <= 40, String(count))
  t.is(Math.max(...data), count - 1)
  for (let segment = 0; segment < count; segment++) {
    const members = new Set(Array.from(data.keys()).filter(i => data[i] === segment))
    const colours = new Set(Array.from(members, isRed))
    t.is(colours.size, 1, `superpixel ${segment} crosses the edge`)
    const reached = new Set([members.values().next().value!])
    for (const i of reached) {
      const beside = [i % size > 0 && i - 1, i % size < size - 1 && i + 1, i - size, i + size]
      for (const other of beside) if (other !== false && members.has(other)) reached.add(other)
    }
    t.is(reached.size, members.size, `superpixel ${segment} is in several parts`)
  }
  t.is(new Set(superpixels({ pixels: bytes, width: size, height: size }, { count: 1 }).data).size, 1)
  const small = { pixels: new Uint8Array(12), width: 2, height: 2 }
  t.throws(() => superpixels(small, { count: 5 }), { code: 'INVALID_ARGUMENT', message: /at most .* 4/ })
})

test('faithfulness correlation is sensitivity-n of one n and tiles of a pixel', async t => {
  const options = { images, maps, targets: 3, seed: 4 }
  const found = await faithfulnessCorrelation(model, { ...options, subset: 50, runs: 12 })
  const { correlations } = await sensitivityN(model, { ...options, tile: 1, ns: [50], masks: 12 })
  t.is(found.correlation, correlations[0]!)
})

test('least relevant first is most relevant first of the map with its sign turned', async t => {
  const options = { images: images[0]!, targets: 1 }
  const turned = { ...maps[0]!, data: maps[0]!.data.map(value => -value) }
  const one = await regionPerturbation(model, { ...options, maps: maps[0]!, regions: 10 })
  const other = await regionPerturbation(model, { ...options, maps: turned, regions: 10 })
  t.true(Math.abs(one.leastRelevantFirst - other.mostRelevantFirst) < 1e-6)
  t.true(Math.abs(one.between + other.between) < 1e-6)
  const [first, second] = [
    await road(model, { ...options, maps: maps[0]!, shares: [0.5], noise: 0 }),
    await road(model, { ...options, maps: turned, shares: [0.5], noise: 0 }),
  ]
  t.true(Math.abs(first.combined + second.combined) < 1e-6)
})

test("ROAD's noise comes from its seed alone, and lies on what is imputed", async t => {
  const options = { images: images[0]!, maps: maps[0]!, shares: [0.2, 0.7], noise: 0.5 }
  const [one, again, other] = [
    await road(model, options),
    await road(model, { ...options, rows: 1 }),
    await road(model, { ...options, noiseSeed: 1 }),
  ]
  const curve = ({ images: found }: typeof one) => Array.from(found[0]!.probability.mostRelevantFirst)
  for (const [i, value] of curve(one).entries()) t.true(Math.abs(value - curve(again)[i]!) < 1e-6)
  t.notDeepEqual(curve(one), curve(other))
})

test('curves of replaced regions begin with the image as it is and end with all replaced', async t => {
  const options = { images: images[0]!, maps: maps[0]!, targets: 6 }
  const { images: tiles } = await selectivity(model, { ...options, tile: 20 })
  // 64 pixels hold three whole tiles of 20; the rest belongs to the last.
  t.is(tiles[0]!.probability.length, 10)
  t.is(tiles[0]!.shares[9], 1)
  const { images: segments } = await irof(model, { ...options, segments: 12, baseline: 'zero' })
  const [logits] = await model.logits(
    [new Float32Array(images[0]!.data.length)].map(data => ({ ...images[0]!, data })),
  )
  const sum = logits!.reduce((total, value) => total + Math.exp(value), 0)
  const empty = Math.exp(logits![6]!) / sum
  t.true(Math.abs(tiles[0]!.probability[9]! - empty) < 1e-6)
  const last = segments[0]!.ratios[segments[0]!.ratios.length - 1]!
  t.true(Math.abs(last * tiles[0]!.probability[0]! - empty) < 1e-6)
  t.is(segments[0]!.ratios[0], 1)
})

/** A method whose map depends on the class alone. */
function methodOf(toValues: (target: number) => HeatMap): Attributer {
  return {
    method: 'test',
    async attribute(_images, { targets = 3 } = {}) {
      const target = targets as number
      return [{ target, map: toValues(target) } as unknown as Attribution]
    },
    attributeAll: () => {
      throw new Error('not used')
    },
    dispose() {},
    async [Symbol.asyncDispose]() {},
  }
}

test('a method that ignores the class gives equal maps for another class, one that heeds it does not', async t => {
  const same = await randomLogit(
    model,
    methodOf(() => maps[0]!),
    images[0]!,
  )
  t.true(same.ssim > 0.999999 && same.spearman > 0.999999)
  t.is(same.target, 3)
  const others = new Set<number>()
  for (let classSeed = 0; classSeed < 60; classSeed++) {
    const method = methodOf(target => noiseMap(`class ${target}`))
    const { other, ssim } = await randomLogit(model, method, images[0]!, { classSeed })
    others.add(other)
    t.true(ssim < 0.2)
  }
  t.deepEqual([...others].sort(), [0, 1, 2, 4, 5, 6, 7, 8, 9])
})

test('a mosaic holds each image in its quarter, and focus is what of the map lies on the chosen ones', t => {
  const image = (value: number) => ({
    data: Float32Array.from({ length: 2 * 6 * 5 }, (_, i) => value + (i >= 30 ? 10 : 0)),
    shape: [2, 6, 5] as const,
  })
  const quarters = [image(1), image(2), image(3), image(4)] as const
  const halved = mosaic(quarters, 'halved')
  t.deepEqual(halved.shape, [2, 6, 5])
  // Of five columns the first two belong to the images on the left.
  t.deepEqual([...halved.data.slice(0, 5)], [1, 1, 2, 2, 2])
  t.deepEqual([...halved.data.slice(30 + 3 * 5, 30 + 4 * 5)], [13, 13, 14, 14, 14])
  const full = mosaic(quarters, 'full')
  t.deepEqual(full.shape, [2, 12, 10])
  t.deepEqual([...full.data.slice(6 * 10, 7 * 10)], [3, 3, 3, 3, 3, 4, 4, 4, 4, 4])

  const ramp = { data: Float32Array.from({ length: 16 }, (_, i) => i), shape: [1, 4, 4] as const }
  const shrunk = mosaic([ramp, ramp, ramp, ramp], 'halved')
  t.deepEqual([...shrunk.data.slice(0, 4)], [2.5, 4.5, 2.5, 4.5])

  const map = toMap((x, y) => (y < 32 ? (x < 32 ? 1 : 3) : x < 32 ? -5 : 4))
  t.is(focus(map, [true, false, true, false]), 1 / 8)
  t.is(focus(map, [false, true, false, true]), 7 / 8)
  t.is(
    focus(
      toMap(() => -1),
      [true, true, true, true],
    ),
    0,
  )
  t.throws(() => mosaic([ramp, ramp, ramp, image(1)], 'full'), { code: 'INVALID_ARGUMENT', message: /4×4/ })
})

test('insertion and deletion leave out images whose class is improbable, and say how many', async t => {
  const given = { images, maps, step: 2048 }
  const whole = await insertionDeletion(model, given)
  t.is(whole.leftOut, 0)
  // No pixel is deleted at the first point.
  const probabilities = whole.images.map(({ deletion }) => deletion[0]!)
  const [least = 0, next = 0] = [...probabilities].sort((a, b) => a - b)
  t.true(least < next)
  const part = await insertionDeletion(model, { ...given, minimumProbability: (least + next) / 2 })
  t.is(part.leftOut, 1)
  t.deepEqual(
    part.images,
    whole.images.filter(({ deletion }) => deletion[0]! > least),
  )
  t.is(part.settings.minimumProbability, (least + next) / 2)
  // What is no class has no such probability.
  const contrast = await insertionDeletion(model, {
    ...given,
    targets: { contrast: [1, 2] },
    minimumProbability: 1,
  })
  t.is(contrast.leftOut, 0)
  await t.throwsAsync(insertionDeletion(model, { ...given, preset: 'input-iba', minimumProbability: 1 }), {
    code: 'INVALID_ARGUMENT',
    message: /No image took part: .* below 1\. Give a lower minimumProbability/,
  })
  await t.throwsAsync(insertionDeletion(model, { ...given, minimumProbability: 1.5 }), {
    code: 'INVALID_ARGUMENT',
    message: /from 0 to 1 for minimumProbability but received 1\.5/,
  })
})

test('wrong settings are told with what was expected', async t => {
  const given = { images: images[0]!, maps: maps[0]! }
  const wrong: [() => Promise<unknown>, RegExp][] = [
    [() => insertionDeletion(model, { ...given, blurKernel: 4 }), /odd number for blurKernel/],
    [() => insertionDeletion(model, { ...given, preset: 'rice' as never }), /rise, input-iba, coiba/],
    [
      () => insertionDeletion(model, { ...given, blurKernel: 129, blurBorder: 'mirror' }),
      /129 pixels reaches beyond an image of 64×64/,
    ],
    [() => road(model, { ...given, shares: [0.5, 1] }), /above 0 and below 1/],
    [() => regionPerturbation(model, { ...given, baseline: 'noise' as never }), /baseline/],
    [() => regionPerturbation(model, { ...given, tile: 65 }), /larger than the image/],
    [() => irof(model, { ...given, segments: 5000 }), /at most as many superpixels/],
    [
      () => irof(model, { ...given, segments: { data: new Float32Array(4), width: 2, height: 2 } }),
      /64×64 pixels/,
    ],
    [() => faithfulnessCorrelation(model, { ...given, subset: pixels + 1 }), /ns/],
    [() => selectivity(model, { ...given, tiles: 3 } as never), /Did you mean 'tile'/],
  ]
  for (const [call, message] of wrong) await t.throwsAsync(call, { code: 'INVALID_ARGUMENT', message })
})
