import { InvalidArgumentError } from '../foundation/errors.js'
import {
  invalid,
  rangeText,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireString,
  suggestion,
} from '../foundation/validate.js'
import type { ImageInput } from '../images/source.js'
import type { PlainValue } from '../native/attribution-calls.js'
import { requireArray, requireImages } from './given-arrays.js'
import type { MethodDescription, OptionDescription } from './method-description.js'

export type { MethodDescription, OptionDescription }

/** The value of an option. */
export type OptionValue = PlainValue | Float32Array | readonly ImageInput[]

/** The given options, checked; those that are undefined are left out.
 * @throws InvalidArgumentError for an unknown name, naming the nearest, a value of another form, or one out of range */
export function checkOptions(method: Described, given: object): Record<string, OptionValue> {
  const values: Record<string, OptionValue> = {}
  for (const [name, value] of Object.entries(requireObject('options', given))) {
    if (value !== undefined) values[name] = checkValue(findOption(method, name), value)
  }
  return values
}

/** @throws InvalidArgumentError where the method has no such option, naming the nearest */
export function findOption(method: Described, name: string): OptionDescription {
  const found = method.options.find(option => option.name === name)
  if (found) return found
  const names = method.options.map(option => option.name)
  throw new InvalidArgumentError(
    `${method.name} has no option '${name}'.${suggestion(name, names)} Its options are: ${names.join(', ')}.`,
  )
}

/** The value of an option that was written as text, such as in a query: lists have commas between their numbers.
 * @throws InvalidArgumentError where it can't be read as the option's form; its range is left to `checkOptions` */
export function optionFromText({ name, form }: OptionDescription, text: string): OptionValue {
  switch (form) {
    case 'number':
    case 'whole':
      return numberFromText(name, text)
    case 'numbers':
      return text.split(',').map(part => numberFromText(name, part))
    case 'flag':
      if (text !== 'true' && text !== 'false') throw invalid(name, 'true or false', text)
      return text === 'true'
    default:
      return text
  }
}

function numberFromText(name: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(value)) throw invalid(name, 'a number', text)
  return value
}

/** What has options as methods do: a protocol, a training. */
export type Described = Pick<MethodDescription, 'name' | 'options'>

/** An option whose default is the same in both presets. */
export function option(
  name: string,
  form: OptionDescription['form'],
  summary: string,
  standard: PlainValue | null,
  more: Pick<OptionDescription, 'flag' | 'minimum' | 'maximum' | 'choices'> = {},
): OptionDescription {
  return { name, summary, form, defaults: { iba: standard, paper: standard }, ...more }
}

/** The given options, checked, with the defaults of those that aren't given and have one.
 * @typeParam Values what the options are, in TypeScript's words
 * @throws InvalidArgumentError as `checkOptions` */
export function withDefaults<Values>(described: Described, given: object): Values {
  const defaults = described.options.flatMap(({ name, defaults }) =>
    defaults.iba === null ? [] : [[name, defaults.iba] as const],
  )
  return { ...Object.fromEntries(defaults), ...checkOptions(described, given) } as Values
}

function checkValue(option: OptionDescription, value: unknown): OptionValue {
  const { name, form, minimum, maximum, choices = [] } = option
  switch (form) {
    case 'number':
      return requireNumber(name, value, minimum, maximum)
    case 'whole':
      return requireInteger(name, value, minimum, maximum)
    case 'flag':
      if (typeof value !== 'boolean') throw invalid(name, 'true or false', value)
      return value
    case 'choice':
      return requireOneOf(name, value, choices)
    case 'text':
      return requireString(name, value)
    case 'numbers':
      if (!Array.isArray(value) || value.length === 0) throw invalid(name, 'a list of numbers', value)
      return value.map(number => requireNumber(`${name} (each)`, number, minimum, maximum))
    case 'array':
      return requireArray(option, value)
    case 'images':
      return requireImages(option, value)
  }
}

/** What may be given for an option, in few words.
 * @param given what arrays and images are given as */
export function acceptedText(
  { form, choices = [], minimum = -Infinity, maximum = Infinity }: OptionDescription,
  given: { array: string; images: string },
): string {
  if (form === 'choice') return choices.join(', ')
  if (form === 'images') return given.images
  const names = {
    number: 'a number',
    whole: 'a whole number',
    numbers: 'numbers with commas',
    flag: 'true, false',
    text: 'text',
    array: given.array,
  }
  return [...choices, `${names[form]}${rangeText(minimum, maximum)}`].join(', ')
}
