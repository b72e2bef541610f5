import { count } from '../foundation/text.js'
import { EventFile } from '../training/event-file.js'
import { Interval, type IntervalReport } from '../training/interval.js'
import { JsonLog } from '../training/json-log.js'
import type { Outcome, TrainingEpoch, TrainingStep } from '../training/reports.js'
import type { TrainReadoutOptions } from '../training/settings.js'
import { duration, note } from './output.js'
import { images, type Measure, type Progress, startProgress } from './progress.js'

const steps: Measure = {
  amount: (done, total) =>
    `step ${done.toLocaleString('en')}${total === undefined ? '' : ` of ${total.toLocaleString('en')}`}`,
  rate: perSecond => `${perSecond.toFixed(perSecond < 10 ? 2 : 0)} steps/s`,
}
/** More names than this only bury the others. */
const mostNamed = 20

/** Where and how often a training is told of. */
export interface ReporterOptions {
  epochs: number
  log?: string
  tensorboard?: string
  /** Steps of an interval. */
  logEvery: number
  quiet?: boolean
}

/** Tells of a training: a bar and lines on the terminal, a log of JSON, events for TensorBoard. Of several processes, the
 * first one tells. */
export class TrainingReporter {
  readonly #options: ReporterOptions
  readonly #tells: boolean
  readonly #interval = new Interval()
  #progress: Progress
  #total: number | undefined
  #log: JsonLog | undefined
  #events: EventFile | undefined
  #step = 0
  #checkpoint: { path: string; step: number } | undefined
  broken = 0

  constructor(options: ReporterOptions, rank: number) {
    this.#options = options
    this.#tells = rank === 0
    this.#progress = startProgress(images, { quiet: !this.#tells || (options.quiet ?? false) })
  }

  /** What `trainReadout` calls. */
  callbacks(): Pick<
    TrainReadoutOptions,
    'onStatistics' | 'onStart' | 'onStep' | 'onEpoch' | 'onCheckpoint' | 'onBroken' | 'onWarning'
  > {
    return {
      onStatistics: ({ samples, total }) => this.#progress.update(samples, total),
      onStart: start => this.#begin(start),
      onStep: step => this.#onStep(step),
      onEpoch: epoch => this.#onEpoch(epoch),
      onCheckpoint: checkpoint => {
        this.#checkpoint = checkpoint
      },
      onBroken: error => this.#onBroken(error),
      onWarning: message => this.#say(`iba: ${message}`),
    }
  }

  /** Says the result, below everything else. */
  finish(say: () => void): void {
    this.#progress.stop()
    say()
  }

  /** How far training came, and how to go on. */
  describeInterruption(command: string): string {
    if (!this.#tells) return `Interrupted after ${count(this.#step, 'step')}; rank 0 keeps the checkpoint.`
    if (!this.#checkpoint) return `Interrupted after ${count(this.#step, 'step')}; nothing was written.`
    const { path, step } = this.#checkpoint
    return `Interrupted after ${count(step, 'step')}, kept in ${path}. To go on:\n  ${command}`
  }

  async close(): Promise<void> {
    this.#progress.stop()
    await this.#log?.close()
    await this.#events?.close()
  }

  async #begin({ step, stepsPerEpoch }: { step: number; stepsPerEpoch: number | undefined }): Promise<void> {
    this.#progress.stop()
    if (!this.#tells) return
    const { log, tensorboard, epochs, quiet = false } = this.#options
    this.#step = step
    this.#total = stepsPerEpoch === undefined ? undefined : stepsPerEpoch * epochs
    if (step > 0) note(`Goes on after ${count(step, 'step')}.`)
    this.#progress = startProgress(steps, { ...(this.#total !== undefined && { total: this.#total }), quiet })
    if (log !== undefined) this.#log = await JsonLog.open(log, step)
    if (tensorboard !== undefined) this.#events = await EventFile.create(tensorboard, step)
  }

  #onStep(step: TrainingStep): void {
    this.#step = step.step
    if (!this.#tells) return
    this.#interval.add(step)
    this.#progress.update(step.step, this.#total)
    if (step.step % this.#options.logEvery === 0) this.#tellInterval()
  }

  #tellInterval(): void {
    const report = this.#interval.take()
    if (!report) return
    this.#say(intervalLine(report))
    this.#log?.write({ kind: 'interval', ...report })
    const { step, gradientNorm, imagesPerSecond, waitShare } = report
    const rates = { gradient_norm: gradientNorm, images_per_second: imagesPerSecond, wait_share: waitShare }
    this.#events?.write(step, { ...valuesOf('training', report), ...rates })
  }

  #onEpoch(epoch: TrainingEpoch): void {
    if (!this.#tells) return
    this.#tellInterval()
    this.#say(epochLine(epoch))
    this.#log?.write({ kind: 'epoch', ...epoch })
    if (epoch.validation) this.#events?.write(epoch.step, valuesOf('validation', epoch.validation))
  }

  #onBroken(error: Error): void {
    this.broken++
    if (this.broken <= mostNamed) this.#progress.pause(() => note(`iba: ${error.message}`))
    if (this.broken === mostNamed + 1)
      this.#progress.pause(() => note('iba: more images can’t be read; they are only counted.'))
  }

  #say(line: string): void {
    if (this.#tells && !this.#options.quiet) this.#progress.pause(() => note(line))
  }
}

function valuesOf(
  what: string,
  { loss, crossEntropy, information, bits, accuracy }: Outcome,
): Record<string, number> {
  return {
    [`${what}/loss`]: loss,
    [`${what}/cross_entropy`]: crossEntropy,
    [`${what}/information`]: information,
    [`${what}/bits`]: bits,
    [`${what}/accuracy`]: accuracy,
  }
}

function intervalLine(report: IntervalReport): string {
  const { step, imagesPerSecond, waitShare } = report
  return (
    `step ${step}: ${outcomeText(report)}, ${imagesPerSecond.toFixed(1)} images/s, ` +
    `${(waitShare * 100).toFixed(0)} % of it waiting for images`
  )
}

function epochLine({ epoch, epochs, training, validation, seconds }: TrainingEpoch): string {
  const measured = validation ? `; validation: ${outcomeText(validation)}` : ''
  return `epoch ${epoch} of ${epochs}, ${duration(seconds)}: ${outcomeText(training)}${measured}`
}

function outcomeText({ loss, crossEntropy, bits, accuracy }: Outcome): string {
  return (
    `loss ${loss.toPrecision(4)} (cross-entropy ${crossEntropy.toPrecision(4)}), ${Math.round(bits).toLocaleString('en')} ` +
    `bits, accuracy ${(accuracy * 100).toFixed(1)} %`
  )
}
