import { type Command, InvalidArgumentError as InvalidOption, Option } from 'commander'
import { findOption, optionFromText } from '../attribution/described-options.js'
import { type ChosenMethod, chooseMethod } from '../attribution/methods.js'
import { describeMethod, type MethodDescription, type OptionDescription, type OptionValue } from '../index.js'
import {
  addResourceOptions,
  chosenResources,
  type ResourceFlags,
  requireNeeded,
  takenResources,
} from './chosen-resources.js'
import type { ModelOptions, PreprocessingOptions } from './common-options.js'
import { UsageError } from './exit.js'
import { flagOf } from './option-flags.js'

/** One `--set`. */
export interface Setting {
  name: string
  text: string
}

/** What the options that set up a method give; `flags` says which more there are. */
export interface MethodFlags extends ResourceFlags {
  method: string
  set: readonly Setting[]
  preset?: string
  layer?: string
}

/** The method whose options have flags of their own, which are short for `--set`. */
const defaultMethod = describeMethod('per-sample')

/** The options of it that are no numbers and have a flag for other methods too, and how that is told. */
const shared: Readonly<Record<string, string>> = {
  preset:
    "conventions of this package and the authors' library, or of the paper's code; per-sample's fast is the former sooner",
  batch: 'images that are explained together at most',
  layer: 'for methods that look at one (`iba layers` lists them)',
}

const shortNames: Readonly<Record<string, string>> = {
  learningRate: 'lr',
  minimumStd: 'min-std',
  // Evaluations have a tolerance of their own.
  tolerance: 'loss-tolerance',
}

/** The options that have a flag. Rows are left to `--set`: evaluations have rows of their own. */
const flagged = defaultMethod.options
  .filter(({ name, form }) => name in shared || ((form === 'number' || form === 'whole') && name !== 'rows'))
  .map(option => ({ option, flag: methodFlag(option) }))

/** `--method`, `--set`, what methods need, and the options of the default one by name. */
export function addMethodOptions(command: Command): void {
  command
    .optionsGroup('Method:')
    .option('--method <name>', '`iba methods` lists them', defaultMethod.name)
    .addOption(setOption())
  for (const { option, flag } of flagged) if (option.name in shared) command.addOption(flag)
  addResourceOptions(command)
  command.optionsGroup('Per-sample bottleneck:')
  for (const { option, flag } of flagged) if (!(option.name in shared)) command.addOption(flag)
}

/** The flag of a method's option. Its default is told and not filled in: only what was given counts. */
function methodFlag({ name, summary, defaults, ...option }: OptionDescription): Option {
  const told = defaults.iba === null ? '' : ` (default: ${defaults.iba})`
  const flag = shortNames[name]
  return flagOf({
    ...option,
    ...(flag !== undefined && { flag }),
    name,
    summary: shared[name] ?? `${summary}${told}`,
    defaults: { iba: null, paper: null },
  })
}

/** `--set`, as often as needed. */
export function setOption(
  description = 'an option of the method (`iba methods NAME` lists them); repeatable',
): Option {
  return new Option('--set <option=value>', description)
    .argParser((text: string, before: readonly Setting[]) => [...before, parseSetting(text)])
    .default([], 'none')
}

/** `--preset`. */
export function presetOption(): Option {
  return methodFlag(findOption(defaultMethod, 'preset'))
}

/** The chosen method with the options that flags and `--set` give it and the files of what it needs, checked before
 * anything slow.
 * @param more options that follow from others
 * @throws UsageError, InvalidArgumentError: no such method or option, a value that doesn't fit, or something missing */
export function chosenMethod(
  given: MethodFlags & ModelOptions & PreprocessingOptions,
  more: Readonly<Record<string, OptionValue>> = {},
): ChosenMethod {
  const method = describeMethod(given.method)
  const settings: Record<string, OptionValue> = {}
  for (const { option, flag } of flagged) {
    const value = (given as unknown as Record<string, OptionValue | undefined>)[flag.attributeName()]
    if (value === undefined) continue
    requireBelonging(method, flag.long!, option.name)
    settings[option.name] = value
  }
  requireNeeded(method, given)
  for (const { name, text } of given.set) settings[name] = readValue(method, name, text)
  const resources = { ...chosenResources(method, given), ...takenResources(method, given) }
  return chooseMethod(method.name, { ...settings, ...more, ...resources })
}

/** A value of an option from what was typed.
 * @throws InvalidArgumentError the method has no such option, or it is of another form */
export function readValue(method: MethodDescription, name: string, text: string): OptionValue {
  return optionFromText(findOption(method, name), text)
}

function parseSetting(text: string): Setting {
  const end = text.indexOf('=')
  if (end < 1) throw new InvalidOption("Expected an option and its value, such as 'rows=8'.")
  return { name: text.slice(0, end).trim(), text: text.slice(end + 1) }
}

function requireBelonging(method: MethodDescription, flag: string, option: string): void {
  const names = method.options.map(({ name }) => name)
  if (names.includes(option)) return
  throw new UsageError(
    `${flag} is no option of ${method.name}. Its options are: ${names.join(', ')}; give them with --set.`,
  )
}
