/** The names that the command is installed under. */
export const programNames = ['iba', 'attribution-bottleneck']

/** A command as a shell completes it. */
export interface CompletedCommand {
  /** The words that call it, without the program's name. */
  words: string[]
  summary: string
  options: CompletedOption[]
  commands: CompletedCommand[]
  /** What its arguments can be; null where it takes none. */
  argument: CompletedValue | null
}

/** An option as a shell completes it. */
export interface CompletedOption {
  /** Such as `-o` and `--out`. */
  flags: string[]
  summary: string
  /** Null where it takes none. */
  value: CompletedValue | null
}

/** What an option or an argument can be. */
export interface CompletedValue {
  /** As the help calls it. */
  name: string
  /** Words that it may be. */
  words: readonly string[]
  /** Whether it may be a file or a folder. */
  isFile: boolean
}

/** A command with all below it. */
export function allCommands(command: CompletedCommand): CompletedCommand[] {
  return [command, ...command.commands.flatMap(allCommands)]
}

/** A command's name as it is typed. */
export function typed({ words }: Pick<CompletedCommand, 'words'>): string {
  return ['iba', ...words].join(' ')
}

/** A text between single quotes, as bash and zsh take it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
