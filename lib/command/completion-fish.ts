import {
  allCommands,
  type CompletedCommand,
  type CompletedOption,
  type CompletedValue,
  programNames,
  typed,
} from './completion-model.js'

/** Completion for fish, with a summary beside each name. */
export function fishScript(program: CompletedCommand): string {
  const commands = allCommands(program)
  const names = commands.slice(1).map(command => fishQuoted(typed(command)))
  const [first = 'iba', ...others] = programNames
  return `# Completion of iba for fish: iba completion fish | source
function __iba_at
    set -l command iba
    set -l typed (commandline -opc)
    for word in $typed[2..-1]
        contains -- "$command $word" ${names.join(' ')}; or break
        set command "$command $word"
    end
    test "$command" = "$argv[1]"
end
${commands.flatMap(linesOf).join('\n')}
${others.map(name => `complete -c ${name} -w ${first}\n`).join('')}`
}

function linesOf(command: CompletedCommand): string[] {
  const { options, commands, argument } = command
  const start = `complete -c ${programNames[0]} -n ${fishQuoted(`__iba_at ${fishQuoted(typed(command))}`)}`
  return [
    ...options.map(option => `${start} ${optionOf(option)}`),
    ...commands.map(
      ({ words, summary }) => `${start} -f -a ${fishQuoted(words.at(-1)!)} -d ${fishQuoted(summary)}`,
    ),
    ...(argument ? [`${start}${valuesOf(argument)}`] : []),
  ]
}

function optionOf({ flags, summary, value }: CompletedOption): string {
  const names = flags.map(flag => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  return `${names.join(' ')}${value ? ` -r${valuesOf(value)}` : ''} -d ${fishQuoted(summary)}`
}

function valuesOf({ words, isFile }: CompletedValue): string {
  return `${isFile ? ' -F' : ' -f'}${words.length > 0 ? ` -a ${fishQuoted(words.join(' '))}` : ''}`
}

function fishQuoted(text: string): string {
  return `'${text.replace(/['\\]/g, letter => `\\${letter}`)}'`
}
