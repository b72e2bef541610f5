import { isCompared, type ModelTable, type TableEntry, toldSettings } from './table.js'

/** A score as tables show it. */
export function shownScore(value: number | null): string {
  if (value === null) return '–'
  // Otherwise a small negative one would show as −0.000.
  const text = value.toFixed(3)
  return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '−')
}

/** How far a measured value is from the published one; null where one of them is missing. */
export function differenceOf({ score, published }: TableEntry): number | null {
  return score.value === null || published === undefined ? null : score.value - published
}

/** The same as tables show it. */
export function differenceText(entry: TableEntry): string {
  const difference = differenceOf(entry)
  if (difference === null) return '–'
  return `${Number(difference.toFixed(3)) > 0 ? '+' : ''}${shownScore(difference)}`
}

/** Tables in Markdown: a measured value with its 95 % interval; where there is a published value, it and the
 * difference behind a stroke. */
export function markdownTables(tables: readonly ModelTable[]): string {
  return tables.map(markdownTable).join('\n')
}

/** One line for each measured value. */
export function csvTable(tables: readonly ModelTable[]): string {
  const lines = tables.flatMap(({ model, publishedSource, columns, rows }) =>
    rows.flatMap(({ method, secondsPerMap, entries }) =>
      columns.flatMap(({ protocol }) => {
        const entry = entries.get(protocol)
        if (!entry) return []
        const { score, images, published } = entry
        const values = [
          score.value,
          score.low,
          score.high,
          published,
          differenceOf(entry),
          images,
          secondsPerMap,
          published === undefined ? null : publishedSource,
        ]
        return [[model, method.title, protocol, ...values].map(csvCell).join(',')]
      }),
    ),
  )
  const head =
    'model,method,protocol,value,low,high,published,difference,images,seconds_per_map,published_source'
  return `${[head, ...lines].join('\n')}\n`
}

function markdownTable(table: ModelTable): string {
  const { model, publishedSource, columns, rows } = table
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const head = columns.map(({ title, direction }) => `${title} ${direction === 'higher' ? '↑' : '↓'}`)
  const body = rows.map(({ method, secondsPerMap, entries }) =>
    line([
      method.title,
      ...columns.map(({ protocol }) => markdownCell(entries.get(protocol))),
      secondsPerMap === null ? '–' : secondsPerMap.toFixed(2),
    ]),
  )
  return [
    `### ${model}\n`,
    line(['method', ...head, 'seconds a map']),
    line(['---', ...head.map(() => '---'), '---']),
    ...body,
    ...toldSettings(table).flatMap(text => ['', text]),
    ...(isCompared(table) ? ['', `Behind a stroke: published values (${publishedSource}).`] : []),
    '',
  ].join('\n')
}

function markdownCell(entry: TableEntry | undefined): string {
  if (!entry) return '–'
  const { score, published } = entry
  const interval =
    score.low === null || score.high === null ? '' : ` [${shownScore(score.low)}, ${shownScore(score.high)}]`
  const beside = published === undefined ? '' : ` / ${shownScore(published)} (${differenceText(entry)})`
  return `${shownScore(score.value)}${interval}${beside}`
}

function csvCell(value: string | number | null | undefined): string {
  const text = value === null || value === undefined ? '' : String(value)
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
