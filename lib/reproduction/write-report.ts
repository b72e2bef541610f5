import { join } from 'node:path'
import { writeFileAtomically } from '../foundation/files.js'
import type { LeftOut } from './cells.js'
import { requireSameRuns } from './earlier-runs.js'
import type { EvaluatedModel } from './evaluated-model.js'
import { drawExamples } from './examples.js'
import { prepareResources } from './learned-resources.js'
import { type ModelReport, renderReport } from './report-page.js'
import type { ReproductionOptions } from './reproduction-options.js'
import { csvTable, markdownTables } from './score-tables.js'
import { modelTable, readFound } from './table.js'

/** The files of a report. */
export interface ReportFiles {
  html: string
  markdown: string
  csv: string
}

/** Writes the report on what is there: `report.html`, `table.md`, `table.csv`.
 * @param leftOut what could not be measured */
export async function writeReport(
  evaluatedModels: readonly EvaluatedModel[],
  options: ReproductionOptions,
  leftOut: readonly LeftOut[],
): Promise<ReportFiles> {
  const models: ModelReport[] = []
  let isSynthetic = false
  for (const evaluated of evaluatedModels) {
    const { name, cells } = evaluated
    const found = await readFound(cells)
    const measured = cells.filter(cell => found.has(cell))
    const methods = options.methods.filter(method => measured.some(cell => cell.method === method))
    await using resources = await prepareResources(evaluated, { ...options, methods })
    if (resources.made.length > 0) await requireSameRuns([evaluated], options)
    models.push({
      table: modelTable(name, cells, found, options.published),
      found: [...found.values()],
      examples: measured.length === 0 ? [] : await drawExamples(evaluated, measured, resources, options),
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
