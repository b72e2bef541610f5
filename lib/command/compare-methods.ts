import { checkOptions } from '../attribution/options.js'
import { describeMethod, describeMethods, type MethodDescription, type OptionValue } from '../index.js'
import { UsageError } from './exit.js'
import { readValue, type Setting } from './method.js'
import { chosenStatistics, usesDemoNetwork, withLearnt } from './needs.js'
import type { ModelOptions, PreprocessingOptions } from './options.js'

/** The options that say which methods are compared. */
export interface CompareMethodFlags {
  methods?: readonly string[]
  set: readonly Setting[]
  preset?: string
  statistics?: string
  patterns?: string
  readout?: string
}

/** A method that is compared, with its options. */
export interface ChosenMethod {
  method: MethodDescription
  settings: Record<string, OptionValue>
}

export interface Choice {
  methods: ChosenMethod[]
  /** What would have been taken, had it had what it needs. */
  leftOut: { name: string; why: string }[]
  /** The file that the methods need, if any does. */
  statistics: string | undefined
}

type Given = ModelOptions & PreprocessingOptions & CompareMethodFlags

/** The methods that were asked for, or else all that have what they need; checked before anything slow.
 * @throws UsageError, InvalidArgumentError: no such method or option, a value that doesn't fit, something missing */
export function chooseMethods(options: Given): Choice {
  const isGiven = options.methods !== undefined
  const wanted = isGiven ? [...new Set(options.methods)].map(describeMethod) : describeMethods()
  const methods = isGiven ? wanted : wanted.filter(method => missing(method, options) === undefined)
  const needing = methods.find(({ needs }) => needs.includes('statistics'))
  requireTaken(options.set, methods)
  return {
    methods: methods.map(method => ({
      method,
      settings: withLearnt(method, settingsOf(method, options), options),
    })),
    leftOut: wanted
      .filter(method => !methods.includes(method))
      .map(method => ({ name: method.name, why: missing(method, options)! })),
    statistics: needing && chosenStatistics(needing, options),
  }
}

function missing({ needs }: MethodDescription, options: Given): string | undefined {
  if (needs.includes('statistics') && options.statistics === undefined && !usesDemoNetwork(options))
    return 'it needs --statistics, which `iba estimate` makes.'
  if (needs.includes('patterns') && options.patterns === undefined)
    return 'it needs --patterns, which `iba fit-patterns` makes.'
  if (needs.includes('readout') && options.readout === undefined && !usesDemoNetwork(options))
    return 'it needs --readout, which `iba train-readout` makes.'
  return undefined
}

function settingsOf(
  method: MethodDescription,
  { set, preset, patterns, readout }: Given,
): Record<string, OptionValue> {
  const settings: Record<string, OptionValue> = {}
  const hasPreset = method.options.some(({ name }) => name === 'preset')
  if (preset !== undefined && hasPreset) settings.preset = preset
  if (patterns !== undefined && method.needs.includes('patterns')) settings.patterns = patterns
  if (readout !== undefined && method.needs.includes('readout')) settings.weights = readout
  for (const setting of set) {
    if (isFor(setting, method))
      settings[optionOf(setting)] = readValue(method, optionOf(setting), setting.text)
  }
  return checkOptions(method, settings)
}

/** Refuses a setting that no chosen method takes. */
function requireTaken(set: readonly Setting[], methods: readonly MethodDescription[]): void {
  for (const setting of set) {
    if (methods.some(method => isFor(setting, method))) continue
    throw new UsageError(
      `--set ${setting.name}=${setting.text}: none of the compared methods takes it. ` +
        'Give METHOD.OPTION=VALUE, or the name of an option that a method has (`iba methods NAME` lists them).',
    )
  }
}

function isFor({ name }: Setting, method: MethodDescription): boolean {
  const [first, second] = name.split('.')
  if (second !== undefined) return first === method.name
  return method.options.some(option => option.name === name)
}

function optionOf({ name }: Setting): string {
  return name.split('.').at(-1)!
}
