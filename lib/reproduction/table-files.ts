import type { ModelTable, TableEntry } from './table.js'

/** A score as tables show it. */
export function scoreText(value: number | null): string {
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
  return `${Number(difference.toFixed(3)) > 0 ? '+' : ''}${scoreText(difference)}`
}

/** Tables in Markdown: a measured value with its 95 % interval; where there is a published value, it and the
 * difference behind a stroke. */
export function markdownTables(tables: readonly ModelTable[]): string {
  return tables.map(markdownTable).join('\n')
}

/** One line for each measured value. */
export function csvTable(tables: readonly ModelTable[]): string {
  const lines = tables.flatMap(({ model, measures, rows }) =>
    rows.flatMap(({ method, secondsPerMap, entries }) =>
      measures.flatMap(({ protocol }) => {
        const entry = entries.get(protocol)
        if (!entry) return []
        const { score, images, published } = entry
        return [
          [
            model,
            method.title,
            protocol,
            score.value,
            score.low,
            score.high,
            published,
            differenceOf(entry),
            images,
          ]
            .concat(secondsPerMap ?? '')
            .map(csvCell)
            .join(','),
        ]
      }),
    ),
  )
  const head = 'model,method,protocol,value,low,high,published,difference,images,seconds_per_map'
  return `${[head, ...lines].join('\n')}\n`
}

function markdownTable({ model, measures, rows }: ModelTable): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const head = measures.map(({ title, better }) => `${title} ${better === 'higher' ? '↑' : '↓'}`)
  const body = rows.map(({ method, secondsPerMap, entries }) =>
    line([
      method.title,
      ...measures.map(({ protocol }) => markdownCell(entries.get(protocol))),
      secondsPerMap === null ? '–' : secondsPerMap.toFixed(2),
    ]),
  )
  return [
    `### ${model}\n`,
    line(['method', ...head, 'seconds a map']),
    line(['---', ...head.map(() => '---'), '---']),
    ...body,
    '',
  ].join('\n')
}

function markdownCell(entry: TableEntry | undefined): string {
  if (!entry) return '–'
  const { score, published } = entry
  const interval =
    score.low === null || score.high === null ? '' : ` [${scoreText(score.low)}, ${scoreText(score.high)}]`
  const beside = published === undefined ? '' : ` / ${scoreText(published)} (${differenceText(entry)})`
  return `${scoreText(score.value)}${interval}${beside}`
}

function csvCell(value: string | number | null | undefined): string {
  const text = value === null || value === undefined ? '' : String(value)
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
