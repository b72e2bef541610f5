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
