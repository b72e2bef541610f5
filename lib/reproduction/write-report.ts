import { join } from 'node:path'
import { writeFileAtomically } from '../foundation/files.js'
import { openBench } from './bench.js'
import { cellsOf, type LeftOut } from './cells.js'
import { drawExamples, readExamples } from './examples.js'
import { learn } from './learnt.js'
import type { ReproductionOptions } from './options.js'
import { type ModelReport, renderReport } from './report.js'
import { readFound, tableOf } from './table.js'
import { csvTable, markdownTables } from './table-files.js'

/** The files of a report. */
export interface ReportFiles {
  html: string
  markdown: string
  csv: string
}

/** Writes the report on what is there: `report.html`, `table.md`, `table.csv`.
 * @param leftOut what could not be measured */
export async function writeReport(
  options: ReproductionOptions,
  leftOut: readonly LeftOut[],
): Promise<ReportFiles> {
  const models: ModelReport[] = []
  let isSynthetic = false
  for (const name of options.models) {
    await using bench = await openBench(name, options)
    const { cells } = await cellsOf(bench, options)
    const found = await readFound(cells)
    const measured = cells.filter(cell => found.has(cell))
    const methods = options.methods.filter(method => measured.some(cell => cell.method === method))
    if (measured.length > 0) {
      await using learnt = await learn(bench, { ...options, methods })
      await drawExamples(bench, measured, learnt, options)
    }
    models.push({
      table: tableOf(name, cells, found),
      found: [...found.values()],
      examples: await readExamples(bench, cells, options),
    })
    isSynthetic ||= name === 'demo'
  }
  const files = {
    html: join(options.folder, 'report.html'),
    markdown: join(options.folder, 'table.md'),
    csv: join(options.folder, 'table.csv'),
  }
  const tables = models.map(({ table }) => table)
  await writeFileAtomically(
    files.html,
    renderReport({ models, leftOut, dataNote: isSynthetic ? synthetic : undefined }),
  )
  await writeFileAtomically(files.markdown, markdownTables(tables))
  await writeFileAtomically(files.csv, csvTable(tables))
  return files
}

const synthetic =
  'Synthetic: the demo network learnt on images that a program made. Its values say nothing about photographs, and the ' +
  'paper published none for it.'
