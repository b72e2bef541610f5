import { RequestFailure } from './failure.js'

/** Bounds the requests that are being received or answered, before their bodies are read: what they hold in memory. Past half
 * of it, each client has an equal share. */
export class Receiving {
  readonly #most: number
  readonly #of = new Map<string, number>()
  #count = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Counts a request of a client.
   * @returns what is called once it is over
   * @throws RequestFailure there is no room for it */
  enter(client: string): () => void {
    const own = this.#of.get(client) ?? 0
    const share = this.#most / 2 / (this.#of.size + (own === 0 ? 1 : 0))
    if (this.#count >= this.#most)
      throw new RequestFailure(
        'OVERLOADED',
        'The server receives as many requests as it can hold.',
        'Try again after the seconds that Retry-After tells.',
        1,
      )
    if (this.#count >= this.#most / 2 && own >= share)
      throw new RequestFailure(
        'TOO_MANY_REQUESTS',
        'You have more requests under way than your share.',
        'Send fewer at a time, and try again after the seconds that Retry-After tells.',
        1,
      )
    this.#count++
    this.#of.set(client, own + 1)
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#count--
      const left = this.#of.get(client)! - 1
      if (left > 0) this.#of.set(client, left)
      else this.#of.delete(client)
    }
  }
}
