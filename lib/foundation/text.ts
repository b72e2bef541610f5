// Control characters, marks that change the direction of writing, and separators of lines.
const unseen = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu

/** A text as a terminal can show it on one line: what would move its cursor, change its colours, turn the direction of
 * writing or begin a line is spelled out, as in `\\x1b`. A text that was made visible stays as it is. */
export function visible(text: string): string {
  return text.replace(unseen, spelled)
}

/** A value as JSON that a terminal can show too: what `visible` spells out is escaped, and reads as the same value. */
export function visibleJson(value: unknown, indent?: number): string {
  // Line feeds and spaces stand between values only.
  return JSON.stringify(value, null, indent).replace(unseen, letter =>
    letter === '\n' ? letter : escaped(letter),
  )
}

function spelled(letter: string): string {
  const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
  const code = letter.charCodeAt(0)
  return short[letter] ?? (code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : escaped(letter))
}

function escaped(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** '1 image', '20 images'. */
export function count(amount: number, noun: string): string {
  return `${amount.toLocaleString('en')} ${noun}${amount === 1 ? '' : 's'}`
}

/** 'a', 'a and b', 'a, b and c'. */
export function listed(words: readonly string[]): string {
  const [last = '', ...others] = words.toReversed()
  return others.length === 0 ? last : `${others.toReversed().join(', ')} and ${last}`
}

/** A number as it is written in texts: large round ones with an exponent, as in '1e12'. */
export function numberText(value: number): string {
  return Math.abs(value) >= 1e9 ? value.toExponential().replace('+', '') : String(value)
}
