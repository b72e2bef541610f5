import { count } from '../foundation/text.js'
import { type Attributer, ImageError, NotFiniteError, type Target } from '../index.js'
import type { MethodFlags } from './chosen-method.js'
import type { ModelOptions, PreprocessingOptions } from './common-options.js'
import { IncompleteError, InterruptedError } from './exit.js'
import { type Job, jobImages } from './jobs.js'
import { duration, note, shellWord } from './output.js'
import { images, type Progress, startProgress } from './progress.js'
import { isDone, printRecord, recordOf, tableOf, type WantedFiles, writeResult } from './results.js'

/** The options of `iba attribute`. */
export interface AttributeCommandOptions extends ModelOptions, PreprocessingOptions, MethodFlags {
  images?: string
  /** Token ids in place of images. */
  tokens?: string
  tokenTexts?: string
  target?: string
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
  /** What to explain; undefined for the predicted class. */
  target: Target | undefined
  /** The names of the model's classes; empty where it has none. */
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
  const { attributer, options, target, wanted, classNames } = work
  const report = options.json ? printRecord : tableOf(jobs, classNames)
  const onError = (error: unknown, failed: readonly Job[]) => {
    // Anything else than an image would fail for the next one too.
    if (!(error instanceof ImageError || error instanceof NotFiniteError)) throw error
    tracker.fail(failed, error)
  }
  // Results come with the position of their image in what `jobImages` gave.
  const taken: Job[] = []
  const supply = jobImages(jobs, job => taken.push(job), onError)
  const results = attributer.attributeAll(supply, {
    ...(target !== undefined && { targets: target }),
    seed: options.seed,
    signal,
    onProgress: ({ index, step, steps }) => tracker.step(index, step / steps),
    onError: (error, { index }) => onError(error, [taken[index]!]),
  })
  for await (const result of results) {
    const job = taken[result.index]!
    const files = await writeResult(job, result, wanted)
    tracker.finish(result.index, () => report(recordOf(job, result, files)))
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

/** Counts what is done, and what part of the images that are under way. */
class Tracker {
  readonly #total: number
  readonly #progress: Progress
  readonly #underWay = new Map<number, number>()
  done = 0
  failed = 0

  constructor(total: number, progress: Progress) {
    this.#total = total
    this.#progress = progress
  }

  step(index: number, part: number): void {
    this.#underWay.set(index, part)
    this.#show()
  }

  /** @param report prints the result */
  finish(index: number, report: () => void): void {
    this.#underWay.delete(index)
    this.done++
    this.#progress.pause(report)
    this.#show()
  }

  fail(jobs: readonly Job[], error: Error): void {
    this.failed += jobs.length
    const name = jobs[0]?.name ?? ''
    const more = jobs.length > 1 ? ` (and ${count(jobs.length - 1, 'image')} after it)` : ''
    const message = error.message.includes(name) && !more ? error.message : `${name}${more}: ${error.message}`
    this.#progress.pause(() => note(`iba: ${message}`))
    this.#show()
  }

  #show(): void {
    const parts = [...this.#underWay.values()].reduce((sum, part) => sum + part, 0)
    this.#progress.update(this.done + this.failed + parts, this.#total)
  }
}
