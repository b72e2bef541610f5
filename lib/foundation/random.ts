/** Seeded whole numbers below a bound (mulberry32), the same on every machine. */
export function randomIntegers(seed: number): (bound: number) => number {
  let state = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0
  return bound => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}

/** A seed of 32 bits that depends on each of some whole numbers and on their order, so that what is drawn for one image
 * of one epoch needs no memory of what was drawn before. */
export function mixSeeds(...numbers: readonly number[]): number {
  let hash = 0x9747b28c
  const take = (word: number) => {
    hash = Math.imul(hash ^ Math.imul(word, 0xcc9e2d51), 0x1b873593)
    hash = ((hash << 13) | (hash >>> 19)) >>> 0
    hash = (Math.imul(hash, 5) + 0xe6546b64) >>> 0
  }
  for (const number of numbers) {
    take(number >>> 0)
    take(Math.floor(number / 2 ** 32) >>> 0)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The whole numbers below a count, in an order drawn from a seed (Fisher-Yates); 4 bytes each. */
export function permutation(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  const random = randomIntegers(seed)
  for (let left = count; left > 1; left--) {
    const drawn = random(left)
    const last = left - 1
    ;[order[drawn], order[last]] = [order[last]!, order[drawn]!]
  }
  return order
}
