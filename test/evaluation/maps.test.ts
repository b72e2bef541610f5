import test from 'ava'
import { pearson } from '../../lib/evaluation/similarity.js'
import {
  boundingBoxScore,
  type HeatMap,
  mapSimilarity,
  type ObjectMask,
  pointingGame,
  spearman,
  ssim,
} from '../../lib/index.js'
import { seededNormal } from '../../scripts/testing/module.js'

const [height, width] = [23, 31]

function noiseMap(name: string): HeatMap {
  return { data: seededNormal(name, 0, [height, width]), width, height, unit: 'relative' }
}

function toMap(values: (x: number, y: number) => number): HeatMap {
  const data = Float32Array.from({ length: width * height }, (_, i) =>
    values(i % width, Math.floor(i / width)),
  )
  return { data, width, height, unit: 'relative' }
}

function toMask(inside: (x: number, y: number) => boolean): ObjectMask {
  return { data: Uint8Array.from(toMap((x, y) => (inside(x, y) ? 1 : 0)).data), width, height }
}

/** The definition, window by window. */
function naiveSsim(a: HeatMap, b: HeatMap, window: number, range: number): number {
  const [c1, c2] = [(0.01 * range) ** 2, (0.03 * range) ** 2]
  let sum = 0
  let windows = 0
  for (let top = 0; top + window <= height; top++) {
    for (let left = 0; left + window <= width; left++, windows++) {
      const places = Array.from(
        { length: window * window },
        (_, i) => (top + Math.floor(i / window)) * width + left + (i % window),
      )
      const [x, y] = [a, b].map(map => places.map(place => map.data[place]!)) as [number[], number[]]
      const mean = (values: number[]) => values.reduce((total, value) => total + value, 0) / values.length
      const [mx, my] = [mean(x), mean(y)]
      const covariance = (p: number[], mp: number, q: number[], mq: number) =>
        p.reduce((total, value, i) => total + (value - mp) * (q[i]! - mq), 0) / (p.length - 1)
      const [vx, vy, vxy] = [covariance(x, mx, x, mx), covariance(y, my, y, my), covariance(x, mx, y, my)]
      sum += ((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx ** 2 + my ** 2 + c1) * (vx + vy + c2))
    }
  }
  return sum / windows
}

test('SSIM is the mean over all windows of the definition, in double precision', t => {
  const [a, b] = [noiseMap('a'), noiseMap('b')]
  const mixed = { ...b, data: b.data.map((value, i) => value * 0.3 + a.data[i]!) }
  for (const [window, range] of [
    [5, 1],
    [7, 4],
  ] as const) {
    const found = ssim(a, mixed, { window, range })
    t.true(Math.abs(found - naiveSsim(a, mixed, window, range)) < 1e-10)
  }
  t.true(Math.abs(ssim(a, a) - 1) < 1e-12)
  t.throws(() => ssim(a, b, { window: 4 }), { code: 'INVALID_ARGUMENT' })
  t.throws(() => ssim(a, { ...b, width: height, height: width }), { code: 'INVALID_ARGUMENT' })
})

test('Spearman is the correlation of ranks, ties sharing the mean of theirs', t => {
  const a = noiseMap('a')
  // Rounded, so that many values are equal.
  const b = {
    ...noiseMap('b'),
    data: noiseMap('b').data.map((value, i) => Math.round(2 * value + a.data[i]!)),
  }
  const ranks = (values: ArrayLike<number>) =>
    Array.from(values, value => {
      const below = Array.from(values).filter(other => other < value).length
      const equal = Array.from(values).filter(other => other === value).length
      return below + (equal - 1) / 2
    })
  t.true(Math.abs(spearman(a, b) - pearson(ranks(a.data), ranks(b.data))) < 1e-12)
  t.true(Math.abs(spearman(a, { ...a, data: a.data.map(value => value ** 3) }) - 1) < 1e-12)
  t.is(spearman(a, { ...a, data: a.data.map(() => 3) }), 0)
})

test('the sanity check finds a map whose sign is turned the same', t => {
  const map = noiseMap('a')
  const turned = { ...map, data: map.data.map(value => -5 * value + 2) }
  const { ssim: structure, spearman: order } = mapSimilarity(map, turned)
  t.true(structure > 0.999999)
  t.true(order > 0.999999)
  const other = mapSimilarity(map, noiseMap('b'))
  t.true(other.ssim < 0.2 && other.spearman < 0.2)
})

test('the box score is the share of the n highest pixels in a mask of n pixels', t => {
  const map = noiseMap('a')
  const mask = toMask((x, y) => x >= 4 && x < 15 && y >= 3 && y < 12)
  const n = 11 * 9
  const highest = Array.from(map.data.keys())
    .sort((i, j) => map.data[j]! - map.data[i]! || i - j)
    .slice(0, n)
  const positive = map.data.map(value => Math.max(value, 0))
  const inside = positive.filter((_, i) => mask.data[i] === 1).reduce((sum, value) => sum + value, 0)
  const total = positive.reduce((sum, value) => sum + value, 0)
  const found = boundingBoxScore(map, mask)
  t.is(found.pixels, n)
  t.is(found.score, highest.filter(i => mask.data[i] === 1).length / n)
  t.true(Math.abs(found.mass - inside / total) < 1e-6)
})

test('a map that is the mask scores 1, one that is its opposite 0, an even one by its first pixels', t => {
  const mask = toMask((x, y) => x < 3 && y < 3)
  t.is(
    boundingBoxScore(
      toMap((x, y) => (x < 3 && y < 3 ? 2 : 1)),
      mask,
    ).score,
    1,
  )
  t.is(
    boundingBoxScore(
      toMap((x, y) => (x < 3 && y < 3 ? 1 : 2)),
      mask,
    ).score,
    0,
  )
  // The first nine pixels in row order, three of which are in the mask.
  t.is(
    boundingBoxScore(
      toMap(() => 1),
      mask,
    ).score,
    3 / 9,
  )
  t.throws(
    () =>
      boundingBoxScore(
        toMap(() => 1),
        toMask(() => false),
      ),
    { code: 'INVALID_ARGUMENT' },
  )
})

test('the pointing game allows the tolerance around the object, and no more', t => {
  const map = toMap((x, y) => (x === 20 && y === 10 ? 1 : 0))
  const mask = toMask((x, y) => x < 18 && y < 7) // its nearest pixel is (17, 6): 5 away
  t.true(pointingGame(map, mask, { tolerance: 5 }))
  t.false(pointingGame(map, mask, { tolerance: 4.9 }))
  t.true(pointingGame(map, mask))
})
