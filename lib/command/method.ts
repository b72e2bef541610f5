import { type Command, InvalidArgumentError as InvalidOption, Option } from 'commander'
import { checkOptions, findOption } from '../attribution/options.js'
import {
  describeMethod,
  describeMethods,
  type MethodDescription,
  type OptionValue,
  presets,
} from '../index.js'
import { UsageError } from './exit.js'
import { decimal, positive, wholeNumber } from './options.js'

/** One `--set`. */
export interface Setting {
  name: string
  text: string
}

/** What the options that set up a method give. Those with a name of their own are short for `--set`. */
export interface MethodFlags {
  method: string
  set: readonly Setting[]
  statistics?: string
  patterns?: string
  readout?: string
  layer?: string
  preset?: string
  beta?: number
  steps?: number
  copies?: number
  lr?: number
  sigma?: number
  minStd?: number
  batch?: number
}

const flags = {
  layer: { flag: '--layer', option: 'layer' },
  preset: { flag: '--preset', option: 'preset' },
  beta: { flag: '--beta', option: 'beta' },
  steps: { flag: '--steps', option: 'steps' },
  copies: { flag: '--copies', option: 'copies' },
  lr: { flag: '--lr', option: 'learningRate' },
  sigma: { flag: '--sigma', option: 'sigma' },
  minStd: { flag: '--min-std', option: 'minimumStd' },
  batch: { flag: '--batch', option: 'batch' },
  patterns: { flag: '--patterns', option: 'patterns' },
  readout: { flag: '--readout', option: 'weights' },
} as const

/** `--method`, `--set`, what methods need, and the options of most of them by name. */
export function addMethodOptions(command: Command): void {
  command
    .optionsGroup('Method:')
    .option('--method <name>', '`iba methods` lists them', 'per-sample')
    .addOption(setOption())
    .addOption(presetOption())
    .option('--batch <number>', 'images that are explained together at most', wholeNumber(1, 1024))
    .option('--layer <name>', 'for methods that look at one (`iba layers` lists them)')
  addNeedOptions(command)
  command
    .optionsGroup('Per-sample bottleneck:')
    .option('--beta <number>', 'the price of information: higher shows less (default: 10)', decimal(0))
    .option('--steps <number>', 'optimisation steps (default: 10)', wholeNumber(1, 100_000))
    .option(
      '--copies <number>',
      'noise copies of each image in each step (default: 10)',
      wholeNumber(1, 10_000),
    )
    .option('--lr <number>', 'learning rate of Adam (default: 1)', decimal(0))
    .option('--sigma <number>', 'smoothing of the mask in neurons, 0 for none (default: 1)', decimal(0, 1000))
    .option('--min-std <number>', 'floor of the deviation in the iba preset (default: 0.01)', positive)
}

/** `--statistics`, `--patterns`. */
export function addNeedOptions(command: Command): void {
  command
    .option(
      '--statistics <file>',
      "for per-sample: statistics of the layer, from `iba estimate`; 'demo': the demo network's",
    )
    .option('--patterns <file>', 'for patternnet and pattern-attribution, from `iba fit-patterns`')
    .option(
      '--readout <file>',
      "for readout: trained weights, from `iba train-readout` or of the paper's authors; 'demo': the demo network's",
    )
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
  return new Option(
    '--preset <name>',
    "conventions of this package and the authors' library, or of the paper's code",
  ).choices(presets)
}

/** The chosen method with the options that flags and `--set` give it, checked before anything slow.
 * @throws UsageError, InvalidArgumentError: no such method or option, or a value that doesn't fit */
export function chosenMethod(given: MethodFlags): {
  method: MethodDescription
  settings: Record<string, OptionValue>
} {
  const method = describeMethod(given.method)
  const settings: Record<string, OptionValue> = {}
  for (const [key, { flag, option }] of Object.entries(flags)) {
    const value = given[key as keyof typeof flags]
    if (value === undefined) continue
    requireBelonging(method, flag, option)
    settings[option] = value
  }
  if (given.statistics !== undefined && !method.needs.includes('statistics'))
    throw new UsageError(`--statistics is no option of ${method.name}. It is for: ${whoNeeds('statistics')}.`)
  for (const { name, text } of given.set) settings[name] = readValue(method, name, text)
  return { method, settings: checkOptions(method, settings) }
}

/** A value of an option from what was typed.
 * @throws InvalidArgumentError the method has no such option */
export function readValue(method: MethodDescription, name: string, text: string): OptionValue {
  switch (findOption(method, name).form) {
    case 'number':
    case 'whole':
      return readNumber(name, text)
    case 'numbers':
      return text.split(',').map(part => readNumber(name, part.trim()))
    case 'flag':
      if (text !== 'true' && text !== 'false')
        throw new UsageError(`--set ${name}=${text}: expected true or false.`)
      return text === 'true'
    default:
      return text
  }
}

function parseSetting(text: string): Setting {
  const end = text.indexOf('=')
  if (end < 1) throw new InvalidOption("Expected an option and its value, such as 'rows=8'.")
  return { name: text.slice(0, end).trim(), text: text.slice(end + 1) }
}

function readNumber(name: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isFinite(value)) return value
  throw new UsageError(`--set ${name}=${text}: expected a number.`)
}

function requireBelonging(method: MethodDescription, flag: string, option: string): void {
  const names = method.options.map(({ name }) => name)
  if (names.includes(option)) return
  throw new UsageError(
    `${flag} is no option of ${method.name}. Its options are: ${names.join(', ')}; give them with --set.`,
  )
}

/** The methods that need something, as a list of names. */
function whoNeeds(need: 'statistics' | 'patterns'): string {
  return describeMethods()
    .filter(({ needs }) => needs.includes(need))
    .map(({ name }) => name)
    .join(', ')
}
