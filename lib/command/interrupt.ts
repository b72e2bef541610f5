/** Turns the first Ctrl-C (or SIGTERM) into an abort, so that work can end in order. A second one ends the process
 * at once, as if nobody listened. */
export class Interrupts {
  readonly #controller = new AbortController()
  readonly #onSignal = () => {
    this[Symbol.dispose]()
    this.#controller.abort()
  }

  constructor() {
    process.on('SIGINT', this.#onSignal)
    process.on('SIGTERM', this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#onSignal)
    process.off('SIGTERM', this.#onSignal)
  }
}
