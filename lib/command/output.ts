import { styleText } from 'node:util'
import { visible, visibleJson } from '../foundation/text.js'

// Names of files and classes, metadata and messages come from anywhere: everything that is printed goes through `visible`.

/** Whether a stream takes colours: NO_COLOR forbids them, FORCE_COLOR asks for them, and otherwise a terminal has them. */
function hasColors(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env
  if (NO_COLOR) return false
  if (FORCE_COLOR !== undefined) return !['0', 'false'].includes(FORCE_COLOR)
  return stream.isTTY === true && stream.hasColors()
}

type Style = Parameters<typeof styleText>[0]

/** A text in a style, wherever it goes. */
export function inStyle(style: Style, text: string): string {
  return styleText(style, text, { validateStream: false })
}

function styled(style: Style, text: string, stream: NodeJS.WriteStream): string {
  return hasColors(stream) ? inStyle(style, text) : text
}

/** A line of results, on stdout. */
export function print(line: string): void {
  process.stdout.write(`${visible(line)}\n`)
}

/** Lines about the work, on stderr, so that stdout holds results alone. */
export function note(text: string): void {
  process.stderr.write(`${visibleLines(text)}\n`)
}

/** What went wrong, on stderr, in red as far as the colon behind our name. */
export function noteFailure(message: string): void {
  process.stderr.write(`${styled(['bold', 'red'], 'iba:', process.stderr)} ${visibleLines(message)}\n`)
}

/** Text of several lines. Those after the first are indented, so that none can pass for one of another message. */
export function visibleLines(text: string): string {
  const [first = '', ...others] = text.split('\n').map(visible)
  return [first, ...others.map(line => (/^( |$)/.test(line) ? line : `  ${line}`))].join('\n')
}

/** A value on stdout, for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${visibleJson(value, 2)}\n`)
}

/** A value on one line of stdout, for programs. */
export function printJsonLine(value: unknown): void {
  process.stdout.write(`${visibleJson(value)}\n`)
}

/** Prints rows as columns of equal width, names of the columns before them. The last column is left as long as it is. */
export function printTable(names: readonly string[] | null, table: readonly (readonly string[])[]): void {
  const rows = [...(names ? [names] : []), ...table].map(row => row.map(visible))
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const lines = rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  for (const [i, line] of lines.entries()) {
    const isName = names !== null && i === 0
    process.stdout.write(`${isName ? styled('bold', line, process.stdout) : line}\n`)
  }
}

/** A size in bytes, as people read it. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

/** '8 s', '3 min 20 s', '2 h 5 min'. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`
}

/** 'completeness gap' of 'completenessGap'. */
export function spelledOut(name: string): string {
  return name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}

/** A word of a command line as a shell takes it. */
export function shellWord(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
