/** A user's callback, called where nothing can wait for it, such as from a native thread's report. What it throws, and what
 * a promise that it returns rejects with, goes to `onFailure`: it must never end the process. */
export class Listener<Arguments extends unknown[]> {
  readonly #callback: (...given: Arguments) => unknown
  readonly #onFailure: (error: unknown) => void
  #answers: Promise<unknown> | undefined

  constructor(callback: (...given: Arguments) => unknown, onFailure: (error: unknown) => void) {
    this.#callback = callback
    this.#onFailure = onFailure
  }

  tell(...given: Arguments): void {
    try {
      const answer = this.#callback(...given)
      if (isPromiseLike(answer)) this.#await(answer)
    } catch (error) {
      this.#onFailure(error)
    }
  }

  /** Waits for the promises that the callback returned, whichever way they settle. */
  async answered(): Promise<void> {
    let waitedFor: Promise<unknown> | undefined
    while (waitedFor !== this.#answers) {
      waitedFor = this.#answers
      await waitedFor
    }
  }

  #await(answer: PromiseLike<unknown>): void {
    const settled = Promise.resolve(answer).catch(this.#onFailure)
    this.#answers = Promise.all([this.#answers, settled])
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
