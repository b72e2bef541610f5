/** Bits as they are told: few digits where there are many. */
export function bitsText(bits: number): string {
  return bits.toLocaleString('en', { maximumSignificantDigits: bits >= 1000 ? 4 : 3 })
}

/** A share as a percentage. */
export function percentText(share: number): string {
  const percent = share * 100
  return `${percent >= 9.95 || percent === 0 ? Math.round(percent) : percent.toFixed(1)} %`
}

/** What a class is called. */
export function classText(index: number, names: readonly string[]): string {
  return names[index] ?? `class ${index}`
}
