import { mkdir } from 'node:fs/promises'
import { learningImages } from '../evaluation/runs/evaluated-method.js'
import { executePlan } from '../evaluation/runs/plan.js'
import type { RunResult } from '../evaluation/runs/record.js'
import { readResult } from '../evaluation/runs/result-file.js'
import { AttributionError } from '../foundation/errors.js'
import { exists, fileError } from '../foundation/files.js'
import type { Cell, LeftOut } from './cells.js'
import { requireSameRuns } from './earlier-runs.js'
import type { EvaluatedModel } from './evaluated-model.js'
import { type PreparedResources, prepareResources, withResources } from './learned-resources.js'
import { isFirstOf, measureRates, type Rates, secondsLeft, secondsOf, unfinished } from './rates.js'
import type { ReproductionOptions } from './reproduction-options.js'

/** Told of what goes on. */
export interface ReproductionListener {
  /** Before a model's methods are timed. */
  onMeasuring(model: string): void
  /** Before anything is evaluated: how many values of the table are left, of how many, and the seconds that takes. */
  onEstimate(estimate: { left: number; total: number; seconds: number }): void
  onLearning(model: string, what: string, done: number, total: number): void
  onCell(cell: { model: string; title: string; number: number; total: number; secondsLeft: number }): void
  onProgress(done: number, total: number): void
  onResult(result: RunResult): void
  onFailure(error: Error): void
}

interface ModelRates {
  rates: Rates
  total: number
  left: number
  seconds: number
}

/** Says how long what is left takes. */
export async function estimateReproduction(
  models: readonly EvaluatedModel[],
  options: ReproductionOptions,
  listener: Pick<ReproductionListener, 'onMeasuring' | 'onEstimate'>,
): Promise<Map<string, ModelRates>> {
  const found = new Map<string, ModelRates>()
  for (const evaluated of models) {
    const { name, cells } = evaluated
    const left = await unfinished(cells)
    const nothing = { maps: new Map<string, number>(), pass: 0 }
    if (left.length > 0) listener.onMeasuring(name)
    const rates = left.length > 0 ? await measureRates(evaluated, left, options) : nothing
    const seconds = await secondsLeft(evaluated, cells, rates, options)
    found.set(name, { rates, total: cells.length, left: left.length, seconds })
  }
  const all = [...found.values()]
  listener.onEstimate({
    left: all.reduce((sum, { left }) => sum + left, 0),
    total: all.reduce((sum, { total }) => sum + total, 0),
    seconds: all.reduce((sum, { seconds }) => sum + seconds, 0),
  })
  return found
}

/** Evaluates what is left, and gives what could not be measured. What is found is kept in the folder, record by record.
 * @throws the signal's reason */
export async function reproduce(
  models: readonly EvaluatedModel[],
  options: ReproductionOptions,
  listener: ReproductionListener,
): Promise<LeftOut[]> {
  await mkdir(options.folder, { recursive: true }).catch(error => {
    throw fileError(`Can't make the folder '${options.folder}'`, error)
  })
  const estimates = await estimateReproduction(models, options, listener)
  const progress = new Remaining(estimates)
  const leftOut: LeftOut[] = []
  for (const evaluated of models) {
    const { name, cells } = evaluated
    leftOut.push(...evaluated.leftOut)
    const left = await unfinished(cells)
    if (left.length === 0) continue
    const methods = options.methods.filter(method => left.some(cell => cell.method === method))
    await using resources = await prepareResources(evaluated, { ...options, methods }, (what, done, total) =>
      listener.onLearning(name, what, done, total),
    )
    if (resources.made.length > 0) await requireSameRuns([evaluated], options)
    for (const cell of left) {
      const title = `${cell.method.title}, ${cell.plan.protocol.fullTitle}`
      listener.onCell({ model: name, title, ...progress.state })
      const expected = secondsOf(
        evaluated,
        cell,
        isFirstOf(cell, cells),
        estimates.get(name)?.rates ?? { maps: new Map(), pass: 0 },
      )
      const started = performance.now()
      try {
        listener.onResult(await execute(evaluated, cell, resources, options, listener))
      } catch (error) {
        if (options.signal.aborted || !(error instanceof AttributionError)) throw error
        listener.onFailure(error)
        leftOut.push({ model: name, what: title, why: error.message })
      }
      progress.finish(expected, (performance.now() - started) / 1000)
    }
  }
  return leftOut
}

async function execute(
  { model, dataset, cells }: EvaluatedModel,
  cell: Cell,
  resources: PreparedResources,
  options: ReproductionOptions,
  listener: ReproductionListener,
): Promise<RunResult> {
  const plan = { ...cell.plan, method: withResources(cell.plan.method, resources) }
  return await executePlan(plan, model, {
    folder: options.folder,
    resume: true,
    known: await siblingResult(cell, cells),
    learning: learningImages(dataset),
    rows: options.rows,
    signal: options.signal,
    onProgress: (done, total) => listener.onProgress(done, total),
    onFailure: error => listener.onFailure(error),
  })
}

/** What another method found by the same protocol, where that helps. */
async function siblingResult(cell: Cell, cells: readonly Cell[]): Promise<RunResult | undefined> {
  if (!cell.plan.protocol.sharesOutputs) return undefined
  for (const other of cells) {
    const isSibling = other !== cell && other.plan.protocol.name === cell.plan.protocol.name
    if (isSibling && (await exists(other.path))) return await readResult(other.path)
  }
  return undefined
}

/** Corrects the estimate by how long things really took. */
class Remaining {
  readonly #total: number
  #left: number
  #seconds: number
  #expected = 0
  #taken = 0

  constructor(estimates: ReadonlyMap<string, ModelRates>) {
    const all = [...estimates.values()]
    this.#total = all.reduce((sum, { left }) => sum + left, 0)
    this.#left = this.#total
    this.#seconds = all.reduce((sum, { seconds }) => sum + seconds, 0)
  }

  get state(): { number: number; total: number; secondsLeft: number } {
    const factor = this.#expected > 0 ? this.#taken / this.#expected : 1
    return {
      number: this.#total - this.#left + 1,
      total: this.#total,
      secondsLeft: Math.max(0, this.#seconds - this.#expected) * factor,
    }
  }

  finish(expected: number, taken: number): void {
    this.#left--
    this.#expected += expected
    this.#taken += taken
  }
}
