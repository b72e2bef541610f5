import { mkdir } from 'node:fs/promises'
import { learningImages } from '../evaluation/runs/learning-images.js'
import { executePlan } from '../evaluation/runs/plan.js'
import type { RunResult } from '../evaluation/runs/record.js'
import { readResult } from '../evaluation/runs/result-file.js'
import { AttributionError } from '../foundation/errors.js'
import { exists, fileError } from '../foundation/files.js'
import { type Bench, openBench } from './bench.js'
import { type Cell, cellsOf, type LeftOut } from './cells.js'
import { type Learnt, learn } from './learnt.js'
import type { ReproductionOptions } from './options.js'
import { isFirstOf, measureRates, type Rates, secondsLeft, secondsOf, unfinished } from './rates.js'

/** Told of what goes on. */
export interface ReproductionReport {
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
  options: ReproductionOptions,
  report: Pick<ReproductionReport, 'onMeasuring' | 'onEstimate'>,
): Promise<Map<string, ModelRates>> {
  const found = new Map<string, ModelRates>()
  for (const name of options.models) {
    await using bench = await openBench(name, options)
    const { cells } = await cellsOf(bench, options)
    const left = await unfinished(cells)
    const nothing = { maps: new Map<string, number>(), pass: 0 }
    if (left.length > 0) report.onMeasuring(name)
    const rates = left.length > 0 ? await measureRates(bench, left, options) : nothing
    const seconds = await secondsLeft(bench, cells, rates, options)
    found.set(name, { rates, total: cells.length, left: left.length, seconds })
  }
  const all = [...found.values()]
  report.onEstimate({
    left: all.reduce((sum, { left }) => sum + left, 0),
    total: all.reduce((sum, { total }) => sum + total, 0),
    seconds: all.reduce((sum, { seconds }) => sum + seconds, 0),
  })
  return found
}

/** Evaluates what is left, and gives what could not be measured. What is found is kept in the folder, piece by piece.
 * @throws the signal's reason */
export async function reproduce(
  options: ReproductionOptions,
  report: ReproductionReport,
): Promise<LeftOut[]> {
  await mkdir(options.folder, { recursive: true }).catch(error => {
    throw fileError(`Can't make the folder '${options.folder}'`, error)
  })
  const estimates = await estimateReproduction(options, report)
  const progress = new Remaining(estimates)
  const leftOut: LeftOut[] = []
  for (const name of options.models) {
    await using bench = await openBench(name, options)
    const found = await cellsOf(bench, options)
    leftOut.push(...found.leftOut)
    const left = await unfinished(found.cells)
    if (left.length === 0) continue
    const methods = options.methods.filter(method => left.some(cell => cell.method === method))
    await using learnt = await learn(bench, { ...options, methods }, (what, done, total) =>
      report.onLearning(name, what, done, total),
    )
    for (const cell of left) {
      const title = `${cell.method.title}, ${cell.plan.protocol.title}`
      report.onCell({ model: name, title, ...progress.state })
      const expected = secondsOf(
        bench,
        cell,
        isFirstOf(cell, found.cells),
        estimates.get(name)?.rates ?? { maps: new Map(), pass: 0 },
      )
      const started = performance.now()
      try {
        report.onResult(await execute(bench, cell, found.cells, learnt, options, report))
      } catch (error) {
        if (options.signal.aborted || !(error instanceof AttributionError)) throw error
        report.onFailure(error)
        leftOut.push({ model: name, what: title, why: error.message })
      }
      progress.finish(expected, (performance.now() - started) / 1000)
    }
  }
  return leftOut
}

async function execute(
  { model, dataset }: Bench,
  cell: Cell,
  cells: readonly Cell[],
  { statistics }: Learnt,
  options: ReproductionOptions,
  report: ReproductionReport,
): Promise<RunResult> {
  return await executePlan(cell.plan, model, {
    folder: options.folder,
    resume: true,
    statistics,
    known: await siblingResult(cell, cells),
    learning: learningImages(dataset),
    rows: options.rows,
    signal: options.signal,
    onProgress: (done, total) => report.onProgress(done, total),
    onFailure: error => report.onFailure(error),
  })
}

/** What another method found by the same protocol, where that helps. */
async function siblingResult(cell: Cell, cells: readonly Cell[]): Promise<RunResult | undefined> {
  if (!cell.plan.protocol.name.startsWith('sensitivity')) return undefined
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
