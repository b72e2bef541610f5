import type { Attributer } from '../attribution/attribution.js'
import { attributerOf, type ChosenMethod } from '../attribution/methods.js'
import type { Model } from '../model/model.js'

/** Attributers of one model, one for each method with its options: requests that share them are explained in batches. Those
 * that were not used for long are given up. */
export class AttributerPool {
  readonly #model: Model
  readonly #size: number
  /** The one that was used last is last. */
  readonly #kept = new Map<string, { attributer: Attributer; users: number }>()

  constructor(model: Model, size = 32) {
    this.#model = model
    this.#size = size
  }

  /** Uses the attributer of a method. What it is given besides options must always be the same. */
  async use<Result>(
    chosen: ChosenMethod,
    work: (attributer: Attributer) => Promise<Result>,
  ): Promise<Result> {
    const key = keyOf(chosen)
    const entry = this.#kept.get(key) ?? { attributer: attributerOf(this.#model, chosen), users: 0 }
    this.#kept.delete(key)
    this.#kept.set(key, entry)
    entry.users++
    try {
      this.#giveUp()
      return await work(entry.attributer)
    } finally {
      entry.users--
    }
  }

  dispose(): void {
    for (const { attributer } of this.#kept.values()) attributer.dispose()
    this.#kept.clear()
  }

  #giveUp(): void {
    for (const [key, { attributer, users }] of this.#kept) {
      if (this.#kept.size <= this.#size) return
      if (users > 0) continue
      this.#kept.delete(key)
      attributer.dispose()
    }
  }
}

function keyOf({ method, options, batch }: ChosenMethod): string {
  return JSON.stringify([method.name, batch, Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))])
}
