import { InvalidArgumentError } from '../foundation/errors.js'
import type { Preset } from '../foundation/presets.js'
import {
  invalid,
  requireInteger,
  requireNumber,
  requireObject,
  requireOneOf,
  requireString,
  suggestion,
} from '../foundation/validate.js'

export type OptionValue = number | boolean | string | readonly number[]

/** An option of a method, as data. */
export interface OptionDescription {
  name: string
  summary: string
  /** `whole`: a whole number; `flag`: true or false; `choice`: one of `choices`; `numbers`: a list of numbers. */
  form: 'number' | 'whole' | 'flag' | 'choice' | 'text' | 'numbers'
  /** What stands for it in each preset where nothing is given; null where the method finds its value out itself. */
  defaults: Readonly<Record<Preset, OptionValue | null>>
  /** Of a number, or of each number of a list. */
  minimum?: number
  maximum?: number
  choices?: readonly string[]
  /** A value has to be given. */
  required?: true
}

/** A method as data: enough to list it, to check its options and to make it. */
export interface MethodDescription {
  name: string
  summary: string
  /** Where it was published, or what its settings follow. */
  source: string
  /** What has to be made once for a network before the method can be used: 'statistics', 'readout', or the required
   * options' names, such as 'patterns'. */
  needs: readonly string[]
  options: readonly OptionDescription[]
}

/** The given options, checked; those that are undefined are left out.
 * @throws InvalidArgumentError for an unknown name, naming the nearest, a value of another form, or one out of range */
export function checkOptions(method: MethodDescription, given: object): Record<string, OptionValue> {
  const values: Record<string, OptionValue> = {}
  for (const [name, value] of Object.entries(requireObject('options', given))) {
    if (value !== undefined) values[name] = checkValue(findOption(method, name), value)
  }
  return values
}

/** As `checkOptions`, with the defaults of the `iba` preset for those that aren't given and have one.
 * @typeParam Values what the description's options are, in TypeScript's words */
export function completeOptions<Values>(method: MethodDescription, given: object): Values {
  const defaults: Record<string, OptionValue> = {}
  for (const option of method.options) {
    if (option.defaults.iba !== null) defaults[option.name] = option.defaults.iba
  }
  return { ...defaults, ...checkOptions(method, given) } as Values
}

/** @throws InvalidArgumentError where the method has no such option, naming the nearest */
export function findOption(method: MethodDescription, name: string): OptionDescription {
  const found = method.options.find(option => option.name === name)
  if (found) return found
  const names = method.options.map(option => option.name)
  throw new InvalidArgumentError(
    `${method.name} has no option '${name}'.${suggestion(name, names)} Its options are: ${names.join(', ')}.`,
  )
}

/** A number whose default is the same in both presets. */
export function number(
  name: string,
  summary: string,
  standard: number,
  minimum: number,
  maximum?: number,
): OptionDescription {
  const bounds = { minimum, ...(maximum !== undefined && { maximum }) }
  return { name, summary, form: 'number', defaults: { iba: standard, paper: standard }, ...bounds }
}

/** A whole number of at least 1. */
export function whole(name: string, summary: string, standard: number, maximum: number): OptionDescription {
  const defaults = { iba: standard, paper: standard }
  return { name, summary, form: 'whole', defaults, minimum: 1, maximum }
}

/** Something that is off unless it is asked for. */
export function flag(name: string, summary: string): OptionDescription {
  return { name, summary, form: 'flag', defaults: { iba: false, paper: false } }
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
  }
}
