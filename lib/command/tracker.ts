import type { Job } from './jobs.js'
import { count, note } from './output.js'
import type { Progress } from './progress.js'

/** Counts what is done, and what part of the images that are under way. */
export class Tracker {
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
