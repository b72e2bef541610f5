import { closest, distance } from 'fastest-levenshtein'
import { InvalidArgumentError } from './errors.js'
import { isAbortSignal } from './realms.js'
import { numberText } from './text.js'

/** What a value looks like in an error message: short, with its type. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 57)}...` : value}'`
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object') return `${value.constructor?.name ?? 'object'}`
  if (typeof value === 'function') return 'a function'
  return `${String(value)} (${typeof value})`
}

/** The error for a value that isn't what `name` needs. */
export function invalid(name: string, expected: string, value: unknown): InvalidArgumentError {
  return new InvalidArgumentError(`Expected ${expected} for ${name} but received ${describe(value)}.`)
}

export function requireNumber(name: string, value: unknown, minimum = -Infinity, maximum = Infinity): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < minimum || value > maximum) {
    throw invalid(name, `a number${rangeText(minimum, maximum)}`, value)
  }
  return value
}

export function requireInteger(
  name: string,
  value: unknown,
  minimum = Number.MIN_SAFE_INTEGER,
  maximum = Number.MAX_SAFE_INTEGER,
): number {
  if (!Number.isSafeInteger(value) || (value as number) < minimum || (value as number) > maximum) {
    throw invalid(name, `a whole number${rangeText(minimum, maximum)}`, value)
  }
  return value as number
}

export function requireString(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalid(name, 'a non-empty string', value)
  return value
}

export function requireOneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) throw invalid(name, `one of: ${allowed.join(', ')}`, value)
  return value as T
}

/** Whether values are neither NaN nor infinite. */
export function areFinite(values: Float32Array): boolean {
  // By index: of an image these are so many that `every` would hold up the event loop for ten milliseconds.
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false
  return true
}

/** Accepts an AbortSignal, or none. */
export function requireSignal(value: unknown): void {
  if (value !== undefined && !isAbortSignal(value)) throw invalid('signal', 'an AbortSignal', value)
}

export function requireObject<T extends object>(name: string, value: T): T {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw invalid(name, 'an object', value)
  return value
}

/** Rejects option names that don't exist, so that a misspelt option is never silently ignored. */
export function requireKnownKeys(name: string, value: object, allowed: readonly string[]): void {
  for (const key of Object.keys(requireObject(name, value))) {
    if (!allowed.includes(key)) {
      throw new InvalidArgumentError(
        `Unknown option '${key}' in ${name}.${suggestion(key, allowed)} The options are: ${allowed.join(', ')}.`,
      )
    }
  }
}

/** ` Did you mean 'steps'?`, or nothing where no name is near. */
export function suggestion(name: string, names: readonly string[]): string {
  if (names.length === 0) return ''
  const nearest = closest(name, names)
  const near = distance(name, nearest) <= Math.max(2, nearest.length / 2)
  return near ? ` Did you mean '${nearest}'?` : ''
}

/** ` from 1 to 4096`, ` of at least 0`, ` above 0`: which numbers are accepted, for a sentence. */
export function rangeText(minimum: number, maximum: number): string {
  const isAbove0 = minimum === Number.MIN_VALUE
  const hasMinimum = minimum > Number.MIN_SAFE_INTEGER
  const hasMaximum = maximum < Number.MAX_SAFE_INTEGER
  const [from, to] = [numberText(minimum), numberText(maximum)]
  if (isAbove0) return hasMaximum ? ` above 0 and up to ${to}` : ' above 0'
  if (hasMinimum && hasMaximum) return ` from ${from} to ${to}`
  if (hasMinimum) return ` of at least ${from}`
  return hasMaximum ? ` of at most ${to}` : ''
}
