import { randomIntegers } from '../foundation/random.js'
import { mean, quantile } from './numbers.js'

/** A score and how sure it is. */
export interface Score {
  /** null where it is not defined, as the degradation of images whose probability doesn't change. */
  value: number | null
  /** The interval's ends; null where there are fewer than two images to tell from, or some draw has no value. */
  low: number | null
  /** The upper end; null where `low` is. */
  high: number | null
  /** The share of the draws that lie in the interval. */
  level: number
}

const level = 0.95
const draws = 1000

/** A score with its bootstrap percentile interval (Efron 1979): the images are drawn anew with replacement 1000 times.
 * The same items give the same interval. */
export function bootstrap<Item>(items: readonly Item[], score: (items: readonly Item[]) => number): Score {
  const found = score(items)
  const value = Number.isFinite(found) ? found : null
  if (items.length < 2) return { value, low: null, high: null, level }
  const random = randomIntegers(items.length)
  const drawn = Array.from({ length: draws }, () => score(items.map(() => items[random(items.length)]!)))
  if (!drawn.every(Number.isFinite)) return { value, low: null, high: null, level }
  return { value, low: quantile(drawn, (1 - level) / 2), high: quantile(drawn, (1 + level) / 2), level }
}

/** The mean of some values with its interval. */
export function bootstrapMean(values: readonly number[]): Score {
  return bootstrap(values, mean)
}
