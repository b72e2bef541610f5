import test from 'ava'
import { addon } from '../../lib/native/addon.js'

type Shape = readonly [channels: number, height: number, width: number]

const count = ([channels, height, width]: Shape) => channels * height * width
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

function noise(name: string, shape: Shape, scale = 1): Float64Array {
  return Float64Array.from(addon().seededNormal(name, 0, shape), x => scale * x)
}

function information(alpha: Float64Array, activation: Float64Array, shape: Shape, sigma: number) {
  return addon().information(alpha, activation, shape, sigma)
}

/** Gaussian of 2·round(2σ)+1 taps, cut where the map is too small for its reflection. */
function kernel(sigma: number, size: number): { offset: number; weight: number }[] {
  const radius = Math.min(Math.round(2 * sigma), size - 1)
  const offsets = Array.from({ length: 2 * radius + 1 }, (_, i) => i - radius)
  const weights = offsets.map(offset => Math.exp(-0.5 * (offset / sigma) ** 2))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return offsets.map((offset, i) => ({ offset, weight: weights[i]! / sum }))
}

function reflected(index: number, size: number): number {
  if (index < 0) return -index
  return index >= size ? 2 * (size - 1) - index : index
}

function smoothed(values: Float64Array, shape: Shape, sigma: number): Float64Array {
  if (sigma === 0) return values
  const [channels, height, width] = shape
  const result = new Float64Array(values.length)
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0
        for (const row of kernel(sigma, height)) {
          for (const column of kernel(sigma, width)) {
            const from = reflected(y + row.offset, height) * width + reflected(x + column.offset, width)
            sum += row.weight * column.weight * values[c * height * width + from]!
          }
        }
        result[(c * height + y) * width + x] = sum
      }
    }
  }
  return result
}

/** KL[N(λr', (1−λ)²) ‖ N(0, 1)], as the formula is written. */
function naiveCapacity(alpha: Float64Array, activation: Float64Array, shape: Shape, sigma: number) {
  const keep = smoothed(alpha.map(sigmoid), shape, sigma)
  const drop = smoothed(
    alpha.map(x => sigmoid(-x)),
    shape,
    sigma,
  )
  return keep.map((lambda, i) => {
    const rest = drop[i]!
    return 0.5 * ((lambda * activation[i]!) ** 2 + rest ** 2 - 1) - Math.log(rest)
  })
}

function greatestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce(
    (greatest, x, i) => Math.max(greatest, Math.abs(x - b[i]!) / Math.max(1, Math.abs(b[i]!))),
    0,
  )
}

const shapes: Shape[] = [
  [3, 9, 7],
  [1, 1, 1],
  [2, 2, 3],
  [2, 1, 6],
  [1, 28, 28],
]

for (const shape of shapes) {
  for (const sigma of [0, 0.5, 1, 2]) {
    test(`capacity is the divergence: ${shape.join('×')}, σ = ${sigma}`, t => {
      const alpha = noise('alpha', shape, 3)
      const activation = noise('activation', shape)
      const { capacity } = information(alpha, activation, shape, sigma)
      t.true(greatestDifference(capacity, naiveCapacity(alpha, activation, shape, sigma)) < 1e-12)
    })
  }
}

for (const shape of shapes.slice(0, 4)) {
  for (const sigma of [0, 1]) {
    test(`the gradient is that of the sum: ${shape.join('×')}, σ = ${sigma}`, t => {
      const alpha = noise('alpha', shape, 2)
      const activation = noise('activation', shape)
      const sum = (at: Float64Array) => naiveCapacity(at, activation, shape, sigma).reduce((a, b) => a + b, 0)
      const step = 1e-5
      const expected = alpha.map((_, i) => {
        const moved = (by: number) => sum(alpha.map((x, j) => (i === j ? x + by : x)))
        return (moved(step) - moved(-step)) / (2 * step)
      })
      const { gradient } = information(alpha, activation, shape, sigma)
      t.true(greatestDifference(gradient, expected) < 1e-6)
    })
  }
}

test('capacity and gradient stay finite, and capacity positive, for |α| up to 40', t => {
  const shape: Shape = [1, 9, 9]
  const alpha = Float64Array.from({ length: count(shape) }, (_, i) => i - 40)
  for (const scale of [0, 1, 1000]) {
    for (const sigma of [0, 1]) {
      const { capacity, gradient } = information(alpha, noise('activation', shape, scale), shape, sigma)
      t.true(capacity.every(Number.isFinite))
      t.true(gradient.every(Number.isFinite))
      // Rounding of ½·((1−λ)² − 1) − ln(1−λ) near λ = 0 may fall a last digit below.
      t.true(capacity.every(x => x > -1e-15))
    }
  }
})

test('an open mask passes −ln(1−λ) nats and more, a closed one none', t => {
  const shape: Shape = [1, 2, 2]
  const activation = noise('activation', shape)
  const open = information(new Float64Array(4).fill(30), activation, shape, 1).capacity
  t.true(open.every(x => x > 29))
  const closed = information(new Float64Array(4).fill(-30), activation, shape, 1).capacity
  t.true(closed.every(x => Math.abs(x) < 1e-9))
})

test('capacity grows with the mask where the activation is far from the mean', t => {
  const shape: Shape = [1, 1, 81]
  const alpha = Float64Array.from({ length: 81 }, (_, i) => (i - 40) / 4)
  const { capacity } = information(alpha, new Float64Array(81).fill(1.5), shape, 0)
  t.true(capacity.every((x, i) => i === 0 || x > capacity[i - 1]!))
})

test('channels do not mix, and the smoothing keeps a constant mask', t => {
  const shape: Shape = [2, 6, 5]
  const alpha = new Float64Array(60).fill(-2).fill(3, 30)
  const activation = new Float64Array(60).fill(1)
  const plain = information(alpha, activation, shape, 0).capacity
  t.true(greatestDifference(information(alpha, activation, shape, 1).capacity, plain) < 1e-12)
  t.not(plain[0], plain[59])
})

test('arguments that are not finite or not of the shape are refused', t => {
  const values = new Float64Array(4)
  const refused: [Float64Array, Float64Array, Shape, number][] = [
    [values, values, [1, 2, 3], 1],
    [values, new Float64Array(5), [1, 2, 2], 1],
    [values, values, [1, 2, 2], Number.NaN],
    [values, values, [1, 2, 2], Number.POSITIVE_INFINITY],
    [values, values, [1, 2, -2], 1],
    [new Float64Array(0), new Float64Array(0), [2 ** 31, 2 ** 31, 4], 1],
  ]
  for (const args of refused) {
    const error = t.throws(() => information(...args), undefined, JSON.stringify(args.slice(2)))
    t.is((error as Error & { code?: string }).code, 'INVALID_ARGUMENT')
  }
})
