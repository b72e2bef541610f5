import { createHash } from 'node:crypto'
import type { Statistics } from '../learned/statistics.js'

/** Tells statistics apart by what they say of each layer. */
export function statisticsHash(statistics: Statistics): string {
  const hash = createHash('sha256')
  for (const { name } of statistics.description.layers) {
    const { mean, std, active } = statistics.layer(name)
    for (const values of [mean, std, active]) hash.update(values)
    hash.update(name)
  }
  return hash.digest('hex').slice(0, 16)
}
