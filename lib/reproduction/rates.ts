import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HeatMap } from '../attribution/attribution.js'
import { degradeImage } from '../evaluation/degradation.js'
import { explain } from '../evaluation/protocols/protocol.js'
import { learningImages } from '../evaluation/runs/learning-images.js'
import { methodOpener } from '../evaluation/runs/method.js'
import { exists } from '../foundation/files.js'
import { decodeImage } from '../images/decode.js'
import { type PreparedInput, prepare } from '../images/preprocess.js'
import type { Bench } from './bench.js'
import { type Cell, cellsOf, imagesOf, needs } from './cells.js'
import { learn, learntFiles } from './learnt.js'
import type { ReproductionOptions } from './options.js'

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
  bench: Bench,
  cells: readonly Cell[],
  options: ReproductionOptions,
): Promise<Rates> {
  const { model, dataset } = bench
  const sample = dataset.samples[0]!
  const image = await decodeImage(sample.path)
  const input = await prepare({ name: sample.path, kind: 'encoded', image }, model.preprocessing)
  const pass = await measurePass(bench, input, options)

  const folder = await mkdtemp(join(tmpdir(), 'iba-rates-'))
  try {
    const wanted = new Set(cells.map(({ method }) => method))
    const roughly = { ...options, folder, learn: learningSamples, methods: [...wanted] }
    await using learnt = await learn(bench, roughly)
    const maps = new Map<string, number>()
    for (const { method, plan } of uniqueMethods((await cellsOf(bench, roughly)).cells)) {
      options.signal.throwIfAborted()
      const learning = learningImages(dataset, learningSamples)
      const open = methodOpener(model, plan.method, { ...learnt, learning, signal: options.signal })
      await using opened = await open(model)
      const explained = explain(opened.attributer, [{ sample, input }], { ...plan, signal: options.signal })
      // A method that the model has no use for is told of where it is evaluated.
      const found = await explained.catch(() => options.signal.throwIfAborted())
      if (found) maps.set(method.title, found[0]!.seconds)
    }
    return { maps, pass }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Seconds for the cells of a model that are left. */
export async function secondsLeft(
  bench: Bench,
  cells: readonly Cell[],
  rates: Rates,
  options: ReproductionOptions,
): Promise<number> {
  const left = await unfinished(cells)
  let seconds = await secondsToLearn(bench, left, rates, options)
  for (const cell of left) seconds += secondsOf(bench, cell, isFirstOf(cell, cells), rates)
  return seconds
}

/** @param isFirst whether what doesn't depend on the method isn't known yet */
export function secondsOf({ model, dataset }: Bench, cell: Cell, isFirst: boolean, rates: Rates): number {
  const { protocol } = cell.plan
  const { maps, passes } = protocol.work(model)
  const isShared = protocol.name.startsWith('sensitivity') && !isFirst
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
  { name, dataset }: Bench,
  cells: readonly Cell[],
  { pass }: Rates,
  { folder, learn }: ReproductionOptions,
): Promise<number> {
  const { samples } = learningImages(dataset, learn)
  let seconds = 0
  for (const what of ['statistics', 'patterns'] as const) {
    const isNeeded = cells.some(({ method }) => needs(method).includes(what))
    if (isNeeded && !(await exists(learntFiles(name, folder)[what]))) seconds += samples * pass
  }
  return seconds
}

async function measurePass(
  { model }: Bench,
  input: PreparedInput,
  { rows, signal }: ReproductionOptions,
): Promise<number> {
  const { width, height } = input
  const map: HeatMap = { data: new Float32Array(width * height), width, height, unit: 'relative' }
  const subject = { input, map, target: 0 }
  const run = async (tile: number) => {
    const started = performance.now()
    const { shares } = await degradeImage(model, subject, tile, { rows, signal })
    return (performance.now() - started) / 1000 / (2 * shares.length)
  }
  await run(width) // warms up
  return await run(Math.max(1, Math.floor(width / 6)))
}

function uniqueMethods(cells: readonly Cell[]): Cell[] {
  return cells.filter((cell, i) => cells.findIndex(({ method }) => method === cell.method) === i)
}
