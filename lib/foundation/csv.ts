/** The fields of a line of comma-separated values (RFC 4180): quoted ones may hold commas, and quotes twice. Undefined where a
 * quote isn't closed, as in a field of several lines. */
export function csvFields(line: string): string[] | undefined {
  const fields: string[] = []
  const field = /\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(,|$)/y
  while (field.lastIndex <= line.length) {
    const found = field.exec(line)
    if (!found) return undefined
    const [, quoted, plain = '', end] = found
    if (quoted === undefined && plain.startsWith('"')) return undefined
    fields.push(quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"'))
    if (end === '') return fields
  }
  return fields
}
