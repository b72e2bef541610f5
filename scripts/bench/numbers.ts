/** The value below which a share of the values lies, interpolated between neighbours. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const below = Math.floor(position)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!)
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Pearson's correlation coefficient. */
export function pearson(a: Float32Array, b: Float32Array): number {
  const [centredA, centredB] = [centred(a), centred(b)]
  return dot(centredA, centredB) / Math.sqrt(dot(centredA, centredA) * dot(centredB, centredB))
}

/** ‖a − b‖ / ‖b‖ */
export function relativeL2(a: Float32Array, b: Float32Array): number {
  const difference = a.map((value, i) => value - b[i]!)
  return Math.sqrt(dot(difference, difference) / dot(b, b))
}

function centred(values: Float32Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Float64Array.from(values, value => value - mean)
}

function dot<Values extends Float32Array | Float64Array>(a: Values, b: Values): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
