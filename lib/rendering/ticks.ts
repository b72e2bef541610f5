/** Round values from 0 or a minimum to at most `maximum`, four to eight of them, to label a scale with. */
export function ticks(maximum: number, minimum = 0): number[] {
  const rough = (maximum - minimum) / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5].find(factor => factor * power >= rough) ?? 10) * power
  // A hair more than the maximum is allowed, so that rounding doesn't lose the last one.
  const first = Math.ceil(minimum / step - 1e-6)
  const count = Math.floor(maximum / step + 1e-6) - first + 1
  return Array.from({ length: count }, (_, i) => (first + i) * step)
}

/** Evenly spaced values as text, with just the digits that tell them apart. */
export function labels(values: readonly number[]): string[] {
  const [first = 0, second = first + 1] = values
  const step = second - first
  const last = values.at(-1) ?? 0
  if (step < 1e-5 || last >= 1e6) return values.map(value => String(Number(value.toPrecision(3))))
  const digits = [0, 1, 2, 3, 4, 5].find(
    digits => Math.abs(step - Number(step.toFixed(digits))) < step * 1e-3,
  )
  return values.map(value => value.toFixed(digits ?? 6))
}
