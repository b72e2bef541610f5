import {
  allCommands,
  type CompletedCommand,
  type CompletedOption,
  type CompletedValue,
  programNames,
  quoted,
  typed,
} from './completion-model.js'

/** Completion for zsh, with a summary beside each name. */
export function zshScript(program: CompletedCommand): string {
  const commands = allCommands(program)
  const names = commands.slice(1).map(command => quoted(typed(command)))
  return `#compdef ${programNames.join(' ')}
# Completion of iba for zsh: source <(iba completion zsh)
_iba() {
  local command=iba
  local -a below
  local -i at=2
  while (( at < CURRENT )); do
    case "$command $words[at]" in
      (${names.join('|')}) command="$command $words[at]" ;;
      (*) break ;;
    esac
    (( at++ ))
  done
  # What belongs to the command is completed as if its name were one word.
  words=("$command" "\${(@)words[at,-1]}")
  (( CURRENT -= at - 2 ))
  case "$command" in
${commands.map(caseOf).join('\n')}
  esac
}
if [[ $funcstack[1] == _iba ]]; then
  _iba "$@"
else
  compdef _iba ${programNames.join(' ')}
fi
`
}

function caseOf(command: CompletedCommand): string {
  const below = command.commands.map(({ words, summary }) => quoted(`${words.at(-1)}:${summary}`))
  const specifications = [...command.options.map(optionOf), ...operandsOf(command)]
  return `    (${quoted(typed(command))})
      below=(${below.join(' ')})
      _arguments -s -S \\
        ${specifications.join(' \\\n        ')}
      ;;`
}

function optionOf({ flags, summary, value }: CompletedOption): string {
  const said = `[${escaped(summary)}]${value ? valuesOf(value) : ''}`
  // Either of two names excludes the other.
  return flags.length === 1 ? quoted(`*${flags[0]}${said}`) : `'*'{${flags.join(',')}}${quoted(said)}`
}

function operandsOf({ commands, argument }: CompletedCommand): string[] {
  const all = argument ? [`*${valuesOf(argument)}`] : []
  if (commands.length === 0) return all.map(quoted)
  const first = `1: :{ _describe command below${argument?.isFile ? '; _files' : ''} }`
  return [first, ...all].map(quoted)
}

function valuesOf({ name, words, isFile }: CompletedValue): string {
  const known = words.length > 0 ? `compadd -- ${words.join(' ')}` : ''
  const files = isFile ? '_files' : ''
  return `:${escaped(name)}:{ ${[known, files].filter(part => part !== '').join('; ')} }`
}

/** A text inside of one of _arguments' specifications. */
function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, letter => `\\${letter}`)
}
