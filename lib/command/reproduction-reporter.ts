import type { RunResult } from '../evaluation/runs/record.js'
import { count } from '../foundation/text.js'
import type { ReproductionListener } from '../reproduction/reproduction.js'
import { scoreText } from './evaluation-result.js'
import { duration, note, print } from './output.js'
import { images, type Progress, startProgress } from './progress.js'

/** Tells of a reproduction on the terminal. */
export class ReproductionReporter implements ReproductionListener {
  readonly #quiet: boolean
  #progress: Progress | undefined
  failures = 0

  constructor(quiet: boolean) {
    this.#quiet = quiet
  }

  onMeasuring(model: string): void {
    this.#note(`${model}: timing one map of each method …`)
  }

  onEstimate({ left, total, seconds }: { left: number; total: number; seconds: number }): void {
    print(
      left === 0
        ? `All of ${count(total, 'value')} are there already.`
        : `${left.toLocaleString('en')} of ${count(total, 'value')} left to measure, which takes about ${duration(seconds)}.`,
    )
  }

  onLearning(model: string, what: string, done: number, total: number): void {
    if (!this.#progress) {
      this.#note(`${model}: ${what} of ${count(total, 'image')} …`)
      this.#start()
    }
    this.#progress?.update(done, total)
    if (done >= total) this.stop()
  }

  onCell(cell: { model: string; title: string; number: number; total: number; secondsLeft: number }): void {
    this.stop()
    const { model, title, number, total, secondsLeft } = cell
    this.#note(`[${number}/${total}] ${model}, ${title}; about ${duration(secondsLeft)} left`)
    this.#start()
  }

  onProgress(done: number, total: number): void {
    this.#progress?.update(done, total)
  }

  onResult({ protocol, model, method, score }: RunResult): void {
    this.stop()
    print(`${model.name}, ${method.title}, ${protocol}: ${scoreText(score)}`)
  }

  onFailure(error: Error): void {
    this.failures++
    const tell = () => note(`iba: ${error.message}`)
    if (this.#progress) this.#progress.pause(tell)
    else tell()
  }

  stop(): void {
    this.#progress?.stop()
    this.#progress = undefined
  }

  #start(): void {
    this.#progress = startProgress(images, { quiet: this.#quiet })
  }

  #note(line: string): void {
    if (!this.#quiet) note(line)
  }
}
