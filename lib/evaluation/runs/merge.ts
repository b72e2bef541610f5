import { RunError } from '../../foundation/errors.js'
import { protocolOf } from '../protocols/all.js'
import { differences, tellDifferences } from './header.js'
import type { RunResult } from './record.js'
import { completeResult } from './run.js'

/** Joins the results of all ranks of a run to what one process would have found.
 * @throws RunError where they are not all parts of one run, each once */
export function mergeResults(parts: readonly RunResult[]): RunResult {
  const [first] = parts
  if (!first) throw new RunError('Expected the results of at least one rank.')
  for (const part of parts) {
    const different = differences(first, part, 'any part')
    if (different.length > 0)
      throw new RunError(
        `These results are not parts of one run: they differ in ${tellDifferences(different)}.`,
      )
  }
  requireAllRanks(parts)
  const { score, scores, curves, places, records, failures, secondsPerMap, ...header } = first
  return completeResult(
    protocolOf(first),
    { ...header, part: { rank: 0, size: 1 } },
    parts.flatMap(part => part.records),
    {
      started: parts.map(part => part.started).sort()[0]!,
      finished: parts
        .map(part => part.finished)
        .sort()
        .at(-1)!,
      throughput: parts.reduce((sum, part) => sum + part.throughput, 0),
      failures: parts.flatMap(part => part.failures),
    },
  )
}

function requireAllRanks(parts: readonly RunResult[]): void {
  const size = parts[0]!.part.size
  const ranks = parts.map(({ part }) => part.rank).sort((a, b) => a - b)
  const expected = Array.from({ length: size }, (_, rank) => rank)
  if (parts.every(({ part }) => part.size === size) && ranks.join() === expected.join()) return
  throw new RunError(
    `Expected the results of the ranks ${expected.join(', ')} of ${size}, each once, but received those of ` +
      `${parts.map(({ part }) => `rank ${part.rank} of ${part.size}`).join(', ')}.`,
  )
}
