import type { Command } from 'commander'
import { acceptedText } from '../attribution/described-options.js'
import {
  describeMethod,
  describeMethods,
  type MethodDescription,
  type OptionDescription,
  resources,
} from '../index.js'
import { addJsonOption } from './common-options.js'
import { print, printJson, printTable } from './output.js'

const examples = `
Examples:
  iba methods
  iba methods smoothgrad`

/** Adds `iba methods`. */
export function addMethods(program: Command): void {
  const command = program
    .command('methods')
    .summary('list the methods, or the options of one')
    .description(
      'Lists the attribution methods. With a name it shows the options of that method and their defaults.',
    )
    .argument('[name]', 'a method')
  addJsonOption(command).addHelpText('after', examples).action(show)
}

function show(name: string | undefined, { json }: { json?: boolean }): void {
  const method = name === undefined ? undefined : describeMethod(name)
  if (json) printJson(method ?? describeMethods())
  else if (method) printMethod(method)
  else printMethods(describeMethods())
}

function printMethods(methods: readonly MethodDescription[]): void {
  const rows = methods.map(({ name, source, summary }) => [name, source, summary])
  printTable(['method', 'source', 'what it shows'], rows)
}

function printMethod({ name, summary, source, needs, takes, options }: MethodDescription): void {
  print(`${name}: ${summary}`)
  print(`source: ${source}`)
  for (const need of needs)
    print(`needs: ${resources[need].flag}, a file that \`iba ${resources[need].command}\` makes`)
  for (const take of takes)
    print(
      `takes: ${resources[take].flag}, a file that \`iba ${resources[take].command}\` makes: ${resources[take].use}`,
    )
  print('')
  const rows = options.map(option => [
    option.name,
    defaultText(option, 'iba'),
    defaultText(option, 'paper'),
    acceptedText(option, {
      array: 'a .npy file of numbers',
      images: 'a folder of images, or a .npy file of them',
    }),
    option.summary,
  ])
  printTable(['option', 'default', 'in paper', 'accepts', 'meaning'], rows)
}

function defaultText({ name, defaults }: OptionDescription, preset: 'iba' | 'paper'): string {
  const value = name === 'preset' && defaults.iba !== null ? preset : defaults[preset]
  if (value === null) return '-'
  return Array.isArray(value) ? value.join(',') : String(value)
}
