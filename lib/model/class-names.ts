import { readBoundedText } from '../foundation/bounded-reading.js'
import { FileError, ModelError } from '../foundation/errors.js'
import { fileError } from '../foundation/files.js'
import { invalid, suggestion } from '../foundation/validate.js'
import type { ModelDescription } from '../native/model-calls.js'

/** The names of a model's classes: all of them in the order of their indices, or by index. */
export type ClassNames = readonly string[] | Readonly<Record<string, string>>

const limit = { bytes: 2 ** 24, of: 'a list of classes' }

/** Class names as a list.
 * @throws InvalidArgumentError a name is empty or no text, or an index is missing */
export function requireClassNames(name: string, given: unknown): readonly string[] {
  if (typeof given !== 'object' || given === null)
    throw invalid(name, 'a list of names, or a map to them', given)
  const names: unknown[] = Array.isArray(given) ? [...given] : byIndex(name, given)
  if (names.length === 0) throw invalid(name, 'at least one name', given)
  names.forEach((entry, index) => {
    if (typeof entry !== 'string' || entry === '') throw invalid(`${name}[${index}]`, 'a name', entry)
  })
  return names as string[]
}

function byIndex(name: string, map: object): unknown[] {
  const names: unknown[] = []
  for (const [key, entry] of Object.entries(map)) {
    if (!/^(0|[1-9]\d{0,6})$/.test(key)) throw invalid(name, 'indices of classes as keys', key)
    names[Number(key)] = entry
  }
  const missing = names.findIndex((_, index) => !(index in map))
  if (missing >= 0)
    throw invalid(name, `a name for each class from 0 to ${names.length - 1}`, `none for ${missing}`)
  return names
}

/** Class names from a file: JSON with a list of them or a map from index to name, or text with a name on each line.
 * @throws FileError where it can't be read, or holds neither */
export async function readClassNames(path: string): Promise<readonly string[]> {
  try {
    const text = await readBoundedText(path, limit)
    return /^\s*[[{]/.test(text) ? requireClassNames('its classes', JSON.parse(text)) : linesOf(text)
  } catch (error) {
    if (error instanceof SyntaxError) throw new FileError(`'${path}' is no valid JSON: ${error.message}.`)
    throw fileError(`Can't read class names from '${path}'`, error)
  }
}

function linesOf(text: string): readonly string[] {
  const lines = text
    .trimEnd()
    .split(/\r?\n/)
    .map(line => line.trim())
  return requireClassNames('its lines', lines)
}

/** The names of a model's classes. Of a single logit that of 'yes' is enough.
 * @throws ModelError where the model has another number of classes */
export function namesFor(
  { architecture, classes, isBinary }: ModelDescription,
  names: readonly string[],
): readonly string[] {
  if (names.length === classes) return names
  if (isBinary && names.length === 1) return [`not ${names[0]}`, names[0]!]
  throw new ModelError(
    `The classes have ${names.length} names, but ${architecture} has ${classes} outputs. Expected a name for each, in ` +
      'their order.',
  )
}

/** The class of a name. A name may have several parts with commas between them, of which one is enough, as in 'tabby, tabby cat'.
 * Letters may be small or large.
 * @throws ModelError where no class has that name, or several have */
export function findClass(names: readonly string[], wanted: string): number {
  const searched = wanted.trim().toLowerCase()
  const whole = indicesOf(names, name => name.toLowerCase() === searched)
  const found = whole.length > 0 ? whole : indicesOf(names, name => partsOf(name).includes(searched))
  if (found.length === 1) return found[0]!
  if (found.length > 1) {
    throw new ModelError(`Several classes are named '${wanted}': ${found.join(', ')}. Give the index of one.`)
  }
  const near = suggestion(searched, names.flatMap(partsOf))
  throw new ModelError(`There is no class '${wanted}'.${near}`)
}

function indicesOf(names: readonly string[], is: (name: string) => boolean): number[] {
  return names.flatMap((name, index) => (is(name) ? [index] : []))
}

function partsOf(name: string): string[] {
  return name
    .toLowerCase()
    .split(',')
    .map(part => part.trim())
}
