/** Seeded whole numbers below a bound (mulberry32): the order must be the same on every machine. */
export function randomIntegers(seed: number): (bound: number) => number {
  let state = (seed ^ Math.floor(seed / 2 ** 32)) >>> 0
  return bound => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}
