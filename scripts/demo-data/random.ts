/** A small seeded generator (sfc32): the same parts give the same numbers on every machine. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** Seeds from any mix of numbers and words; two different mixes give unrelated streams. */
  constructor(...parts: (number | string)[]) {
    const text = parts.join('/')
    this.#a = hash(text, 0x811c9dc5)
    this.#b = hash(text, 0x2b5f0a17)
    this.#c = hash(text, 0x6d3e91c3)
    for (let i = 0; i < 12; i++) this.bits()
  }

  /** The next 32 random bits, as an unsigned integer. */
  bits(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** Uniform in [from, to). */
  range(from: number, to: number): number {
    return from + (to - from) * (this.bits() / 0x1_0000_0000)
  }

  /** A whole number from `from` to `to`, both included. */
  integer(from: number, to: number): number {
    return from + Math.floor((this.bits() / 0x1_0000_0000) * (to - from + 1))
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.range(0, 1) < probability
  }

  /** One of the items, all equally likely. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.integer(0, items.length - 1)]
    if (item === undefined) throw new RangeError('pick needs at least one item')
    return item
  }

  /** A copy of the items in random order. */
  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items]
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(0, i)
      const held = result[i]!
      result[i] = result[j]!
      result[j] = held
    }
    return result
  }
}

function hash(text: string, start: number): number {
  let state = start
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  state ^= state >>> 16
  state = Math.imul(state, 0x85ebca6b)
  return state ^ (state >>> 13)
}
