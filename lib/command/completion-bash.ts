import { allCommands, type CompletedCommand, programNames, quoted, typed } from './completion-model.js'

/** Completion for bash 3.2 and later: names of commands and options, values of which there are a few, or else files. */
export function bashScript(program: CompletedCommand): string {
  const commands = allCommands(program)
  const names = commands.slice(1).map(command => quoted(typed(command)))
  return `# Completion of iba for bash: source <(iba completion bash)
_iba() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command=iba at=1 words=
  # Bash takes the '=' of --name=value for a word.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  while ((at < COMP_CWORD)); do
    case "$command \${COMP_WORDS[at]}" in
      ${names.join(' | ')}) command="$command \${COMP_WORDS[at]}" ;;
      *) break ;;
    esac
    ((at++))
  done
  case "$command" in
${commands.map(caseOf).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _iba ${programNames.join(' ')}
`
}

function caseOf(command: CompletedCommand): string {
  const { options, commands, argument } = command
  const valued = options.flatMap(({ flags, value }) =>
    value ? [`        ${flags.join(' | ')}) words=${quoted(value.words.join(' '))} ;;`] : [],
  )
  const flags = options.flatMap(option => option.flags)
  const operands = [...commands.map(({ words }) => words.at(-1)!), ...(argument?.words ?? [])]
  // Files are completed where there is no word, and names of commands would hide them.
  const isMixed = argument !== null && commands.length > 0
  return `    ${quoted(typed(command))})
      case "$before" in
${valued.map(line => `${line}\n`).join('')}        *)
          ${isMixed ? '[[ $word ]] && ' : ''}words=${quoted(operands.join(' '))}
          [[ $word == -* ]] && words=${quoted(flags.join(' '))}
          ;;
      esac
      ;;`
}
