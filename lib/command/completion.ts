import { Argument, type Command, type Option } from 'commander'
import { methodNames } from '../index.js'
import { publishedModels } from '../weights/published.js'
import { bashScript } from './completion-bash.js'
import { fishScript } from './completion-fish.js'
import type { CompletedCommand, CompletedOption, CompletedValue } from './completion-model.js'
import { zshScript } from './completion-zsh.js'

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript }

const examples = `
Examples, for the file that a shell reads as it starts:
  source <(iba completion bash)      in ~/.bashrc
  source <(iba completion zsh)       in ~/.zshrc, behind compinit
  iba completion fish | source       in ~/.config/fish/config.fish`

/** Adds `iba completion`. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .summary('let a shell complete commands, options and their values')
    .description(
      'Prints a script with which a shell completes the names of commands and options, and values that are one of a few.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(scripts)))
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', examples)
    .action((shell: keyof typeof scripts) => {
      process.stdout.write(scripts[shell](described(program)))
    })
}

/** What the help would show. */
function described(command: Command, words: string[] = []): CompletedCommand {
  const help = command.createHelp()
  return {
    words,
    summary: command.summary() || command.description(),
    options: help.visibleOptions(command).map(describedOption),
    commands: help
      .visibleCommands(command)
      .map(each => described(each, [...words, each.name()]))
      .filter(each => each.words.at(-1) !== 'help'),
    argument: describedArgument(command.registeredArguments[0]),
  }
}

function describedOption({ short, long, description, flags, ...option }: Option): CompletedOption {
  const names = [short, long].filter(name => name !== undefined)
  const value = /[<[](.*)[\]>]/.exec(flags)?.[1]
  const known = long === '--method' ? methodNames : long === '--model' ? modelNames : []
  return {
    flags: names,
    summary: description,
    value: value === undefined ? null : completedValue(value, option.argChoices ?? known, long === '--model'),
  }
}

function describedArgument(argument: Argument | undefined): CompletedValue | null {
  if (!argument) return null
  const name = argument.name()
  const known = name === 'model' ? modelNames : name === 'name' ? methodNames : []
  return completedValue(name, argument.argChoices ?? known, name === 'model')
}

const modelNames = ['demo', ...publishedModels]

/** Files are told by what the help calls them. */
function completedValue(name: string, words: readonly string[], isFile: boolean): CompletedValue {
  return { name, words, isFile: isFile || /file|folder|path|input|image|log|result|ids|words/.test(name) }
}
