/** A line of results, on stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** A line about the work, on stderr, so that stdout holds results alone. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** A value on stdout, for programs. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

/** Prints rows as columns of equal width. The last column is left as long as it is. */
export function printTable(rows: readonly (readonly string[])[]): void {
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
