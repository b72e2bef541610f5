export function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/** The value below which a share of the values lies, interpolated between neighbours. */
export function quantile(values: readonly number[], share: number): number {
  return sortedQuantile(
    [...values].sort((a, b) => a - b),
    share,
  )
}

/** The same of values in ascending order. */
export function sortedQuantile(sorted: ArrayLike<number>, share: number): number {
  const position = (sorted.length - 1) * share
  const below = Math.floor(position)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!)
}

/** The mean of several curves at each of their points. */
export function meanCurve(curves: readonly ArrayLike<number>[]): Float64Array {
  return Float64Array.from(curves[0] ?? [], (_, i) => mean(curves.map(curve => curve[i]!)))
}

/** The area under a curve that is linear between its points. */
export function areaUnder(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let area = 0
  for (let i = 1; i < x.length; i++) area += ((x[i]! - x[i - 1]!) * (y[i]! + y[i - 1]!)) / 2
  return area
}
