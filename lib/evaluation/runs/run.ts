import type { Sample } from '../../datasets/dataset.js'
import { RunError } from '../../foundation/errors.js'
import { mean } from '../numbers.js'
import type { Protocol, RunContext } from '../protocols/protocol.js'
import type { RunHeader, RunRecord, RunResult } from './record.js'
import type { RunLog } from './run-log.js'

export interface RunOptions {
  protocol: Protocol
  header: RunHeader
  log: RunLog
  context: Omit<RunContext, 'isDone' | 'onError' | 'onProgress'>
  /** Called with how many of the records are there, begun ones counted in part. */
  onProgress?: (done: number, total: number) => void
  onFailure?: (error: Error) => void
}

/** Runs what of a protocol isn't in the log yet, and sums it up.
 * @throws RunError where no image took part; the signal's reason */
export async function runProtocol(options: RunOptions): Promise<RunResult> {
  const { protocol, header, log, context } = options
  const started = new Date()
  const total = context.samples.length * Math.max(1, protocol.stages(context.model).length)
  const failures: RunResult['failures'] = []
  const onError = (error: Error, { id }: Sample) => {
    failures.push({ id, message: error.message })
    options.onFailure?.(error)
  }
  let done = log.records.length
  const before = done
  options.onProgress?.(done, total)
  const onProgress = (share: number) => options.onProgress?.(done + Math.min(share, 0.99), total)
  const running = protocol.run({ ...context, isDone: key => log.has(key), onError, onProgress })
  for await (const record of running) {
    await log.add(record)
    done++
    options.onProgress?.(done, total)
  }
  const seconds = (Date.now() - started.getTime()) / 1000
  return completeResult(protocol, header, log.records, {
    started: started.toISOString(),
    finished: new Date().toISOString(),
    throughput:
      (done - before) / Math.max(seconds, 1e-3) / Math.max(1, protocol.stages(context.model).length),
    failures,
  })
}

/** A result from all records of a run, whichever order they came in. */
export function completeResult(
  protocol: Protocol,
  header: RunHeader,
  records: readonly RunRecord[],
  timing: Pick<RunResult, 'started' | 'finished' | 'throughput' | 'failures'>,
): RunResult {
  const sorted = [...records].sort((a, b) => (a.key < b.key ? -1 : 1))
  const used = sorted.filter(({ values }) => values !== undefined)
  if (used.length === 0) throw new RunError(noImage(protocol, sorted))
  return {
    ...header,
    ...protocol.summarise(sorted),
    ...timing,
    secondsPerMap: mean(used.map(({ seconds }) => seconds)),
    records: sorted,
  }
}

function noImage(protocol: Protocol, records: readonly RunRecord[]): string {
  const reasons = [...new Set(records.flatMap(({ skipped }) => skipped ?? []))]
  const why = reasons.length > 0 ? `: ${reasons.join('; ')}` : ': none could be read'
  return `No image took part in '${protocol.fullTitle}'${why}.`
}
