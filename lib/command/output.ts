import { visible, visibleJson } from '../foundation/text.js'

// Names of files and classes, metadata and messages come from anywhere: everything that is printed goes through `visible`.

/** A line of results, on stdout. */
export function print(line: string): void {
  process.stdout.write(`${visible(line)}\n`)
}

/** Lines about the work, on stderr, so that stdout holds results alone. */
export function note(text: string): void {
  process.stderr.write(`${visibleLines(text)}\n`)
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

/** Prints rows as columns of equal width. The last column is left as long as it is. */
export function printTable(table: readonly (readonly string[])[]): void {
  const rows = table.map(row => row.map(visible))
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  for (const row of rows)
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
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
