import { randomIntegers } from '../random.js'
import { quantile } from './numbers.js'

/** A score and how sure it is. */
export interface Score {
  value: number
  /** The interval's ends; null where there are fewer than two images to tell from. */
  low: number | null
  high: number | null
  /** The share of the draws that lie in the interval. */
  level: number
}

const level = 0.95
const draws = 1000

/** A score with its bootstrap percentile interval (Efron 1979): the images are drawn anew with replacement 1000 times.
 * The same items give the same interval. */
export function bootstrap<Item>(items: readonly Item[], score: (items: readonly Item[]) => number): Score {
  const value = score(items)
  if (items.length < 2) return { value, low: null, high: null, level }
  const random = randomIntegers(items.length)
  const drawn = Array.from({ length: draws }, () => score(items.map(() => items[random(items.length)]!)))
  return { value, low: quantile(drawn, (1 - level) / 2), high: quantile(drawn, (1 + level) / 2), level }
}
