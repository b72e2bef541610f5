import { type ChosenMethod, chooseMethod } from '../attribution/methods.js'
import { conventionsOf } from '../foundation/presets.js'
import { describeMethod, describeMethods, type MethodDescription, type OptionValue } from '../index.js'
import { readValue, type Setting } from './chosen-method.js'
import { chosenResources, type ResourceFlags, whatIsMissing } from './chosen-resources.js'
import type { ModelOptions, PreprocessingOptions } from './common-options.js'
import { UsageError } from './exit.js'

/** The options that say which methods are compared. */
export interface CompareMethodFlags extends ResourceFlags {
  methods?: readonly string[]
  set: readonly Setting[]
  preset?: string
}

export interface Choice {
  methods: ChosenMethod[]
  /** What would have been taken, had it had what it needs. */
  leftOut: { name: string; why: string }[]
}

type Given = ModelOptions & PreprocessingOptions & CompareMethodFlags

/** The methods that were asked for, or else all that have what they need; checked before anything slow.
 * @throws UsageError, InvalidArgumentError: no such method or option, a value that doesn't fit, something missing */
export function chooseMethods(options: Given): Choice {
  const isGiven = options.methods !== undefined
  const wanted = isGiven ? [...new Set(options.methods)].map(describeMethod) : describeMethods()
  const methods = isGiven ? wanted : wanted.filter(method => whatIsMissing(method, options) === undefined)
  requireTaken(options.set, methods)
  return {
    methods: methods.map(method => {
      // One image at a time: its seconds are then its own.
      const settings = { ...settingsOf(method, options), ...chosenResources(method, options), batch: 1 }
      return chooseMethod(method.name, settings)
    }),
    leftOut: wanted
      .filter(method => !methods.includes(method))
      .map(method => ({ name: method.name, why: whatIsMissing(method, options)! })),
  }
}

function settingsOf(method: MethodDescription, { set, preset }: Given): Record<string, OptionValue> {
  const settings: Record<string, OptionValue> = {}
  const option = method.options.find(({ name }) => name === 'preset')
  if (preset !== undefined && option)
    settings.preset = option.choices?.includes(preset) ? preset : conventionsOf(preset)
  for (const setting of set) {
    if (isFor(setting, method))
      settings[optionOf(setting)] = readValue(method, optionOf(setting), setting.text)
  }
  return settings
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
