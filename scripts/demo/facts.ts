import type { HeatMap } from '../../lib/index.js'
import type { PageItem } from '../../lib/rendering/page.js'

/** What passed in all: '1824 bits'. */
export function bitsOf({ data }: HeatMap): string {
  return `${data.reduce((sum, value) => sum + value, 0).toFixed(0)} bits`
}

/** What is printed of an image. */
export function factsLine({ name, facts }: PageItem): string {
  return `${name}: ${facts.map(([label, value]) => `${label} ${value}`).join(', ')}`
}
