import type { Sample } from '../../datasets/dataset.js'
import { RunError } from '../../foundation/errors.js'
import { mean } from '../numbers.js'
import type { Protocol, RunContext } from '../protocols/protocol.js'
import type { RunHeader, RunRecord, RunResult, Summary } from './record.js'
import type { RunLog } from './run-log.js'
import { imageHash } from './sample-hash.js'

export interface RunOptions {
  protocol: Protocol
  header: RunHeader
  log: RunLog
  context: Omit<RunContext, 'isDone' | 'onRead' | 'onError' | 'onProgress'>
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
  const images = new Map<string, string>()
  const onRead = async (sample: Sample) => {
    // One that can't be read is told of where it is decoded.
    const hash = await imageHash(sample).catch(() => undefined)
    if (hash !== undefined) images.set(sample.id, hash)
  }
  let done = log.records.length
  const before = done
  options.onProgress?.(done, total)
  const onProgress = (share: number) => options.onProgress?.(done + Math.min(share, 0.99), total)
  const running = protocol.run({ ...context, isDone: key => log.has(key), onRead, onError, onProgress })
  for await (const record of running) {
    const image = images.get(record.id)
    await log.add(image === undefined ? record : { ...record, image })
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
    ...summaryOf(protocol, sorted),
    ...timing,
    secondsPerMap: mean(used.map(({ seconds }) => seconds)),
    records: sorted,
  }
}

function summaryOf(protocol: Protocol, records: readonly RunRecord[]): Summary {
  try {
    return protocol.summarise(records)
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    throw new RunError(
      `The records are not such as '${protocol.fullTitle}' makes: ${error.message}. Run it again.`,
      { cause: error },
    )
  }
}

function noImage(protocol: Protocol, records: readonly RunRecord[]): string {
  const reasons = [...new Set(records.flatMap(({ skipped }) => skipped ?? []))]
  const why = reasons.length > 0 ? `: ${reasons.join('; ')}` : ': none could be read'
  return `No image took part in '${protocol.fullTitle}'${why}.`
}
