import type { Attribution, HeatMap } from './attribution.js'
import type { Target } from './target.js'

/** What a result says in numbers and names, ready for JSON. */
export interface AttributionSummary {
  target: Target
  className?: string
  score: number
  /** null where the target has none. */
  probability: number | null
  method: string
  unit: string
  /** The numbers of each step of the work, for methods that have any. */
  steps?: Record<string, number>[]
  checks: Attribution['checks']
  /** Of a text: a value for each token, and what these stand for. */
  tokens?: number[]
  tokenTexts?: readonly string[]
  /** The sum of the map; null if the map isn't in bits. */
  bits: number | null
  seconds: number
}

/** The summary of a result. */
export function summaryOf(result: Attribution): AttributionSummary {
  const { target, className, score, probability, method, map, checks, series, seconds } = result
  const { tokens, tokenTexts } = result
  return {
    target,
    ...(className !== undefined && { className }),
    score,
    probability: Number.isNaN(probability) ? null : probability,
    method,
    unit: map.unit,
    ...(Object.keys(series).length > 0 && { steps: stepsOf(series) }),
    checks,
    ...(tokens && { tokens: [...tokens] }),
    ...(tokenTexts && { tokenTexts }),
    bits: bitsOf(map),
    seconds,
  }
}

/** The sum of a map; null if it isn't in bits. */
export function bitsOf({ unit, data }: HeatMap): number | null {
  if (!unit.startsWith('bits')) return null
  let sum = 0
  // By index: a server does this for each map on its event loop, and a function for each pixel takes milliseconds.
  for (let i = 0; i < data.length; i++) sum += data[i]!
  return sum
}

/** A record of each step's numbers. */
function stepsOf(series: Attribution['series']): Record<string, number>[] {
  const names = Object.keys(series)
  return series[names[0]!]!.map((_, step) =>
    Object.fromEntries(names.map(name => [name, series[name]![step]!])),
  )
}
