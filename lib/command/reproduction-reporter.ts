import type { RunResult } from '../evaluation/runs/record.js'
import { count } from '../foundation/text.js'
import type { ReproductionListener } from '../reproduction/reproduction.js'
import { scoreText } from './evaluation-result.js'
import { duration, note, print, printJsonLine } from './output.js'
import { images, type Progress, startProgress } from './progress.js'

/** Tells of a reproduction on the terminal. */
export class ReproductionReporter implements ReproductionListener {
  readonly #quiet: boolean
  readonly #json: boolean
  #progress: Progress | undefined
  failures = 0

  /** @param json for a program: what it prints is JSON */
  constructor(quiet: boolean, json: boolean) {
    this.#quiet = quiet
    this.#json = json
  }

  onMeasuring(model: string): void {
    this.#note(`${model}: timing one map of each method …`)
  }

  onEstimate(estimate: { left: number; total: number; seconds: number }): void {
    const { left, total, seconds } = estimate
    const sentence =
      left === 0
        ? `All of ${count(total, 'value')} are there already.`
        : `${left.toLocaleString('en')} of ${count(total, 'value')} left to measure, which takes about ${duration(seconds)}.`
    if (this.#json) printJsonLine(estimate)
    else print(sentence)
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
    if (this.#json) printJsonLine({ model: model.name, method: method.title, protocol, score })
    else print(`${model.name}, ${method.title}, ${protocol}: ${scoreText(score)}`)
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
