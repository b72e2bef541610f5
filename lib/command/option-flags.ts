import { type Command, Option } from 'commander'
import type { OptionDescription } from '../attribution/described-options.js'
import { decimal, positive, wholeNumber } from './common-options.js'

/** Adds the flags that options are given by, with their defaults and checks. */
export function addOptionFlags(command: Command, options: readonly OptionDescription[]): void {
  for (const option of options) command.addOption(flagOf(option))
}

/** The options that were given by their flags, or have a default. */
export function givenOptions(
  options: readonly OptionDescription[],
  parsed: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(options.map(option => [option.name, parsed[flagOf(option).attributeName()]]))
}

/** The flag of an option, with its default and checks. */
export function flagOf({ name, flag = dashed(name), form, summary, ...option }: OptionDescription): Option {
  const { choices = [], minimum = -Infinity, maximum, defaults } = option
  if (form === 'flag') return new Option(`--${flag}`, summary)
  const made = new Option(`--${flag} <${form === 'whole' || form === 'number' ? 'number' : 'name'}>`, summary)
  if (form === 'choice') made.choices(choices)
  if (form === 'whole') made.argParser(wholeNumber(minimum, maximum))
  if (form === 'number') made.argParser(minimum === Number.MIN_VALUE ? positive : decimal(minimum, maximum))
  return defaults.iba === null ? made : made.default(defaults.iba)
}

/** 'weight-seed' of 'weightSeed'. */
function dashed(name: string): string {
  return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}
