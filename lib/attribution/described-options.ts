import { InvalidArgumentError } from '../foundation/errors.js'
import type { Preset } from '../foundation/presets.js'
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
import type { PlainValue, ResourceName } from '../native/attribution-calls.js'
import { requireArray, requireImages } from './given-arrays.js'

/** An option of a method, as data. */
export interface OptionDescription {
  /** As in the options object. */
  name: string
  /** The command line's name for it, where that isn't the option's own: 'lr' for `--lr`. */
  flag?: string
  /** What it means. */
  summary: string
  /** `whole`: a whole number; `flag`: true or false; `choice`: one of `choices`; `numbers`: a list of numbers; `array`: a
   * Float32Array, the path of a .npy file, or one of `choices` where there are some; `images`: a list of images, or the
   * path of a folder or of a .npy file of them. */
  form: 'number' | 'whole' | 'flag' | 'choice' | 'text' | 'numbers' | 'array' | 'images'
  /** What stands for it in each preset where nothing is given; null where the method finds its value out itself. */
  defaults: Readonly<Record<Preset, PlainValue | null>>
  /** Of a number, or of each number of a list or an array. */
  minimum?: number
  /** The greatest value that is taken. */
  maximum?: number
  /** The words that are taken. */
  choices?: readonly string[]
}

/** A method as data: enough to list it, to check its options and to make it. */
export interface MethodDescription {
  /** As in the registry. */
  name: string
  /** One sentence. */
  summary: string
  /** Where it was published, or what its settings follow. */
  source: string
  /** What has to be given beside the options, under these names. */
  needs: readonly ResourceName[]
  /** What can be given as well. */
  takes: readonly ResourceName[]
  /** How many images are explained together where nothing else is asked for. */
  batch: {
    /** On processors. */
    cpu: number
    /** On GPUs. */
    cuda: number
  }
  /** Its options and what all methods have. */
  options: readonly OptionDescription[]
}

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
