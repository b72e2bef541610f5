import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HeatMap } from '../attribution/attribution.js'
import { degradeImage } from '../evaluation/protocols/degradation.js'
import { explain, loadSample } from '../evaluation/protocols/each-image.js'
import { learningImages, methodOpener } from '../evaluation/runs/evaluated-method.js'
import { exists } from '../foundation/files.js'
import type { PreparedInput } from '../images/prepared-input.js'
import { type Cell, cellsOf, imagesOf, needs, oncePerMethod } from './cells.js'
import type { EvaluatedModel } from './evaluated-model.js'
import { learnedNames, prepareResources, resourceFiles, withResources } from './learned-resources.js'
import type { ReproductionOptions } from './reproduction-options.js'

/** How many seconds a model takes. */
export interface Rates {
  /** For one map of each method, by its title. */
  maps: ReadonlyMap<string, number>
  /** For one changed image on its way through the network. */
  pass: number
}

/** Enough to time a method, too few to use it. */
const learningSamples = 16

/** Times a map of each method, and passes through the network. */
export async function measureRates(
  evaluated: EvaluatedModel,
  cells: readonly Cell[],
  options: ReproductionOptions,
): Promise<Rates> {
  const { model, dataset } = evaluated
  const loaded = await loadSample(dataset.samples[0]!, model)
  const pass = await measurePass(evaluated, loaded.input, options)

  const folder = await mkdtemp(join(tmpdir(), 'iba-rates-'))
  try {
    const wanted = new Set(cells.map(({ method }) => method))
    const roughly = { ...options, folder, learn: learningSamples, methods: [...wanted] }
    await using resources = await prepareResources(evaluated, roughly)
    const maps = new Map<string, number>()
    for (const {
      method: { title },
      plan,
    } of oncePerMethod((await cellsOf(evaluated, roughly)).cells)) {
      options.signal.throwIfAborted()
      const learning = learningImages(dataset, learningSamples)
      const method = withResources(plan.method, resources)
      const open = methodOpener(model, method, { learning, signal: options.signal })
      await using opened = await open(model)
      const explained = explain(opened.attributer, [loaded], { ...plan, signal: options.signal })
      // A method that the model has no use for is told of where it is evaluated.
      const found = await explained.catch(() => options.signal.throwIfAborted())
      if (found) maps.set(title, found[0]!.seconds)
    }
    return { maps, pass }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Seconds for the cells of a model that are left. */
export async function secondsLeft(
  evaluated: EvaluatedModel,
  cells: readonly Cell[],
  rates: Rates,
  options: ReproductionOptions,
): Promise<number> {
  const left = await unfinished(cells)
  let seconds = await secondsToLearn(evaluated, left, rates, options)
  for (const cell of left) seconds += secondsOf(evaluated, cell, isFirstOf(cell, cells), rates)
  return seconds
}

/** @param isFirst whether what doesn't depend on the method isn't known yet */
export function secondsOf(
  { model, dataset }: EvaluatedModel,
  cell: Cell,
  isFirst: boolean,
  rates: Rates,
): number {
  const { protocol } = cell.plan
  const { maps, passes } = protocol.work(model)
  const isShared = protocol.sharesOutputs && !isFirst
  const each = maps * (rates.maps.get(cell.method.title) ?? rates.pass) + (isShared ? 0 : passes) * rates.pass
  const learning = needs(cell.method).length === 0 ? 0 : learningImages(dataset).samples
  return imagesOf(cell) * each + protocol.stages(model).length * learning * rates.pass
}

export async function unfinished(cells: readonly Cell[]): Promise<Cell[]> {
  const done = await Promise.all(cells.map(({ path }) => exists(path)))
  return cells.filter((_, i) => !done[i])
}

/** Whether no cell of its protocol comes before it. */
export function isFirstOf(cell: Cell, cells: readonly Cell[]): boolean {
  return cells.find(({ plan }) => plan.protocol.name === cell.plan.protocol.name) === cell
}

async function secondsToLearn(
  evaluated: EvaluatedModel,
  cells: readonly Cell[],
  { pass }: Rates,
  { folder, learn }: ReproductionOptions,
): Promise<number> {
  const { samples } = learningImages(evaluated.dataset, learn)
  let seconds = 0
  for (const resource of learnedNames) {
    const isNeeded = cells.some(({ method }) => needs(method).includes(resource))
    if (isNeeded && !(await exists(resourceFiles(evaluated, folder)[resource]))) seconds += samples * pass
  }
  return seconds
}

async function measurePass(
  { model }: EvaluatedModel,
  input: PreparedInput,
  { rows, signal }: ReproductionOptions,
): Promise<number> {
  const { width, height } = input
  const map: HeatMap = { data: new Float32Array(width * height), width, height, unit: 'relative' }
  const subject = { input, map, target: 0 }
  const run = async (tile: number) => {
    const started = performance.now()
    const { shares } = await degradeImage(model, subject, { tile }, { rows, signal })
    return (performance.now() - started) / 1000 / (2 * shares.length)
  }
  await run(width) // warms up
  return await run(Math.max(1, Math.floor(width / 6)))
}
