import { type Outcome, OutcomeSum, type TrainingStep } from './reports.js'

/** What some steps one after another gave. */
export interface IntervalReport extends Outcome {
  /** The last step, counted from the start of training. */
  step: number
  epoch: number
  /** Of the last step. */
  gradientNorm: number
  imagesPerSecond: number
  /** The share of time in which steps waited for images. */
  waitShare: number
}

/** Gathers steps until they are reported. */
export class Interval {
  #sum = new OutcomeSum()
  #seconds = 0
  #waited = 0
  #last: TrainingStep | undefined

  add(step: TrainingStep): void {
    this.#sum.add(step)
    this.#seconds += step.seconds
    this.#waited += step.waited
    this.#last = step
  }

  /** What was gathered, and begins anew; undefined where there was nothing. */
  take(): IntervalReport | undefined {
    const last = this.#last
    if (!last) return undefined
    const mean = this.#sum.mean()
    const report = {
      ...mean,
      step: last.step,
      epoch: last.epoch,
      gradientNorm: last.gradientNorm,
      imagesPerSecond: this.#seconds > 0 ? mean.images / this.#seconds : 0,
      waitShare: this.#seconds > 0 ? this.#waited / this.#seconds : 0,
    }
    this.#sum = new OutcomeSum()
    this.#seconds = 0
    this.#waited = 0
    this.#last = undefined
    return report
  }
}
