/** Round values from 0 to at most `maximum`, four to eight of them, to label a scale with. */
export function ticks(maximum: number): number[] {
  const rough = maximum / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5].find(factor => factor * power >= rough) ?? 10) * power
  // A hair more than the maximum is allowed, so that rounding doesn't lose the last one.
  return Array.from({ length: Math.floor(maximum / step + 1e-6) + 1 }, (_, i) => i * step)
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
