/** Work of the event loop's own thread that comes in crowds, such as the answers to a whole batch: one piece in each turn of the loop,
 * so that the next batch starts and others are heard in between. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Until it is the caller's turn. */
  next(): Promise<void> {
    this.#last = this.#last.then(() => new Promise(resolve => setImmediate(resolve)))
    return this.#last
  }
}
