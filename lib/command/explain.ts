import { type Attributer, ImageError } from '../index.js'
import { IncompleteError, InterruptedError } from './exit.js'
import { type Job, jobImages } from './jobs.js'
import type { MethodFlags } from './method.js'
import type { ModelOptions, PreprocessingOptions } from './options.js'
import { count, duration, note, shellWord } from './output.js'
import { images, startProgress } from './progress.js'
import { printRecord, tableOf } from './report.js'
import { isDone, recordOf, type WantedFiles, writeResult } from './results.js'
import { Tracker } from './tracker.js'

/** The options of `iba attribute`. */
export interface AttributeCommandOptions extends ModelOptions, PreprocessingOptions, MethodFlags {
  target?: number
  seed: number
  out: string
  image: boolean
  animate?: 'gif' | 'webp'
  saveCapacity?: boolean
  raw?: boolean
  skipExisting?: boolean
  json?: boolean
  quiet?: boolean
}

/** Everything that is decided before the first image is read. */
export interface Work {
  jobs: readonly Job[]
  attributer: Attributer
  classNames: readonly string[]
  wanted: WantedFiles
  options: AttributeCommandOptions
}

/** Explains all images that are left to do, writes their files and tells of each.
 * @throws {IncompleteError} some images failed
 * @throws {InterruptedError} the signal was aborted */
export async function explainAll(work: Work, signal: AbortSignal): Promise<void> {
  const { jobs, options, wanted } = work
  const left = options.skipExisting ? jobs.filter(job => !isDone(job, wanted)) : jobs
  const earlier = jobs.length - left.length
  if (earlier > 0)
    note(`${earlier} of ${count(jobs.length, 'image')} ${earlier === 1 ? 'is' : 'are'} done already.`)
  if (left.length === 0) return

  const started = performance.now()
  const progress = startProgress(images, { total: left.length, quiet: options.quiet ?? false })
  const tracker = new Tracker(left.length, progress)
  try {
    await explain(left, work, tracker, signal)
  } catch (error) {
    if (!signal.aborted) throw error
    throw interrupted(tracker.done + earlier, jobs.length, options)
  } finally {
    progress.stop()
  }
  summarise(tracker, left.length, (performance.now() - started) / 1000, options)
}

async function explain(
  jobs: readonly Job[],
  work: Work,
  tracker: Tracker,
  signal: AbortSignal,
): Promise<void> {
  const { attributer, options, wanted, classNames } = work
  const report = options.json ? printRecord : tableOf(jobs, classNames)
  const onError = (error: unknown, failed: readonly Job[]) => {
    // Anything else than an image would fail for the next one too.
    if (!(error instanceof ImageError)) throw error
    tracker.fail(failed, error)
  }
  // Results come with the position of their image in what `jobImages` gave.
  const taken: Job[] = []
  const supply = jobImages(jobs, job => taken.push(job), onError)
  const results = attributer.attributeAll(supply, {
    ...(options.target !== undefined && { targets: options.target }),
    seed: options.seed,
    signal,
    onProgress: ({ index, step, steps }) => tracker.step(index, step / steps),
    onError: (error, { index }) => onError(error, [taken[index]!]),
  })
  for await (const result of results) {
    const job = taken[result.index]!
    const files = await writeResult(job, result, wanted)
    tracker.finish(result.index, () => report(recordOf(job, result, files, classNames[result.target])))
  }
}

function summarise(
  { done, failed }: Tracker,
  total: number,
  seconds: number,
  { out, quiet }: AttributeCommandOptions,
): void {
  if (failed === 0) {
    if (!quiet) note(`${count(total, 'image')} in ${duration(seconds)}. The results are in ${out}.`)
    return
  }
  const others = done > 0 ? ` The results of the others are in ${out}.` : ''
  throw new IncompleteError(`${failed} of ${count(total, 'image')} failed.${others}`)
}

function interrupted(done: number, total: number, { out }: AttributeCommandOptions): InterruptedError {
  const again = [...process.argv.slice(2).filter(word => word !== '--skip-existing'), '--skip-existing']
  return new InterruptedError(
    `Interrupted: ${done} of ${count(total, 'image')} done, in ${out}. To go on:\n` +
      `  iba ${again.map(shellWord).join(' ')}`,
  )
}
