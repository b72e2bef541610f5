import { learningImages, resourcePath } from '../evaluation/runs/evaluated-method.js'
import { type Difference, differences, tellDifferences } from '../evaluation/runs/header.js'
import { headerOf, plannedSamples, type RunPlan } from '../evaluation/runs/plan.js'
import type { RunHeader, RunRecord } from '../evaluation/runs/record.js'
import { findResult, logPath } from '../evaluation/runs/result-file.js'
import { readRunLog } from '../evaluation/runs/run-log.js'
import { requireSameImages } from '../evaluation/runs/sample-hash.js'
import { RunError } from '../foundation/errors.js'
import { exists } from '../foundation/files.js'
import type { ResourceName } from '../native/attribution-calls.js'
import type { Cell } from './cells.js'
import type { EvaluatedModel } from './evaluated-model.js'
import { requireSameLearning } from './learned-resources.js'
import type { ReproductionOptions } from './reproduction-options.js'

/** Refuses a folder where results, finished or not, are of other runs than those that would be done now: they would be
 * taken for theirs. What has still to be learnt can't be compared yet.
 * @throws RunError naming the first and in what they differ, FileError */
export async function requireSameRuns(
  models: readonly EvaluatedModel[],
  options: Pick<ReproductionOptions, 'folder' | 'learn'>,
): Promise<void> {
  for (const evaluated of models) {
    await requireSameLearning(evaluated, options)
    for (const cell of evaluated.cells) await requireSameRun(evaluated, cell)
  }
}

async function requireSameRun({ model, dataset }: EvaluatedModel, { plan, path }: Cell): Promise<void> {
  const found = await earlierRun(path)
  if (!found) return
  const { comparable, missing } = await withPresentFiles(plan)
  const header = await headerOf(comparable, model, learningImages(dataset))
  const isKnown = ({ field }: Difference) => !missing.some(name => field === `method.resources.${name}`)
  const different = differences(found.header, header).filter(isKnown)
  if (different.length > 0)
    throw new RunError(
      `'${found.file}' is of another run. They differ in ${tellDifferences(different)}. Choose another --out, or remove ` +
        'the files there that are to be measured again.',
    )
  await requireSameImages(found.file, found.records, plannedSamples(plan))
}

async function earlierRun(
  path: string,
): Promise<{ file: string; header: RunHeader; records: readonly RunRecord[] } | undefined> {
  const result = await findResult(path)
  if (result) return { file: path, header: result, records: result.records }
  const log = await readRunLog(logPath(path))
  return log && { file: logPath(path), header: log.header, records: log.records }
}

/** The plan without the files that are not there yet. */
async function withPresentFiles(plan: RunPlan): Promise<{ comparable: RunPlan; missing: ResourceName[] }> {
  const { method } = plan
  const missing: ResourceName[] = []
  for (const need of method.description.needs) {
    const file = method.files[need]
    if (file !== undefined && !(await exists(resourcePath(need, file)))) missing.push(need)
  }
  const files = Object.fromEntries(missing.map(name => [name, undefined]))
  return { comparable: { ...plan, method: { ...method, files: { ...method.files, ...files } } }, missing }
}
