import type { HeatMap } from '../attribution/attribution.js'
import { invalid, requireInteger, requireNumber } from '../foundation/validate.js'
import { addon } from '../native/addon.js'
import { callNativeSync } from '../native/call.js'
import { type MapSimilarity, matrix } from '../native/maps-calls.js'
import { requireHeatMap } from '../rendering/picture.js'
import { mean } from './numbers.js'

/** Options of {@link ssim}. */
export interface SsimOptions {
  /** The side of the square windows, odd. Default 5, as in the paper's sanity check. */
  window?: number
  /** The range that the maps' values span. Default 1. */
  range?: number
}

export type { MapSimilarity }

/** The mean structural similarity (Wang et al. 2004) of two maps of one size: evenly weighted windows that lie inside
 * the map, sample covariance, K₁ = 0.01, K₂ = 0.03.
 * @returns 1 for equal maps, down to −1 */
export function ssim(a: HeatMap, b: HeatMap, options: SsimOptions = {}): number {
  requireSameSize(a, b)
  const window = requireInteger('window', options.window ?? 5, 3, Math.min(a.height, a.width))
  const range = requireNumber('range', options.range ?? 1, Number.MIN_VALUE)
  return callNativeSync(() => addon().ssim({ a: matrix(a), b: matrix(b), window, range }))
}

/** Spearman's rank correlation of two maps of one size; equal values share the mean of their ranks. */
export function spearman(a: HeatMap, b: HeatMap): number {
  requireSameSize(a, b)
  return callNativeSync(() => addon().spearman({ a: matrix(a), b: matrix(b) }))
}

/** How alike two maps are, as the sanity check compares them (Adebayo et al. 2018): both are clipped at the percentiles
 * 0.5 and 99.5 and scaled to [0, 1]; of the map and the map with its sign turned, the more similar one counts. */
export function mapSimilarity(original: HeatMap, map: HeatMap): MapSimilarity {
  requireSameSize(original, map)
  return callNativeSync(() => addon().compareMaps({ original: matrix(original), map: matrix(map) }))
}

/** Pearson's correlation coefficient; 0 where one of the lists is constant. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [meanA, meanB] = [mean(a), mean(b)]
  let [covariance, varianceA, varianceB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB]
    covariance += x * y
    varianceA += x * x
    varianceB += y * y
  }
  const norm = Math.sqrt(varianceA * varianceB)
  return norm > 0 ? covariance / norm : 0
}

function requireSameSize(a: HeatMap, b: HeatMap): void {
  requireHeatMap(a)
  requireHeatMap(b)
  if (a.width !== b.width || a.height !== b.height)
    throw invalid('the second map', `a map of ${a.width}×${a.height}`, `${b.width}×${b.height}`)
}
