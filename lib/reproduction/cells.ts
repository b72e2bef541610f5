import { describeMethod } from '../attribution/methods.js'
import type { Dataset } from '../datasets/dataset.js'
import { plannedSamples, type RunPlan } from '../evaluation/runs/plan.js'
import { resultPath } from '../evaluation/runs/result-file.js'
import { exists } from '../foundation/files.js'
import { resourceFiles } from './learned-resources.js'
import type { PaperMethod } from './paper.js'
import type { PlannedProtocol, ReproductionOptions } from './reproduction-options.js'

/** A method on a model by a protocol: one value of the table. */
export interface Cell {
  method: PaperMethod
  plan: RunPlan
  /** Where its result is, or will be. */
  path: string
}

/** What isn't measured, and why. */
export interface LeftOut {
  model: string
  what: string
  why: string
}

/** A model of the table, loaded or not. */
interface ModelOfTable {
  name: string
  /** SHA-256 of its file, where it is of one. */
  file?: string
  dataset: Dataset
}

/** All values of a model's table, protocol by protocol. */
export async function cellsOf(
  evaluated: ModelOfTable,
  options: ReproductionOptions,
): Promise<{ cells: Cell[]; leftOut: LeftOut[] }> {
  const leftOut: LeftOut[] = []
  const leave = (what: string, why: string) => leftOut.push({ model: evaluated.name, what, why })
  const methods: PaperMethod[] = []
  for (const method of options.methods) {
    const missing = await missingFile(method, evaluated, options)
    if (missing === undefined) methods.push(method)
    else leave(method.title, `there is no '${missing}', which \`iba train-readout\` makes`)
  }
  const hasBoxes = evaluated.dataset.samples.some(({ boxes }) => boxes !== undefined)
  const protocols = options.protocols.filter(({ protocol }) => hasBoxes || !protocol.needsBoxes)
  for (const { protocol } of options.protocols) {
    if (!protocols.some(planned => planned.protocol === protocol))
      leave(protocol.fullTitle, 'the data has no boxes')
  }
  const cells = protocols.flatMap(planned =>
    methods
      .filter(method => !(planned.protocol.changesWeights && needs(method).includes('readout')))
      .map(method => cellOf(evaluated, method, planned, options)),
  )
  return { cells, leftOut }
}

/** How many images a cell takes. */
export function imagesOf({ plan }: Cell): number {
  return plannedSamples(plan).length
}

/** The first cell of each method. */
export function oncePerMethod(cells: readonly Cell[]): Cell[] {
  return cells.filter((cell, i) => cells.findIndex(({ method }) => method === cell.method) === i)
}

/** What a method needs. */
export function needs({ method }: PaperMethod): readonly string[] {
  return describeMethod(method).needs
}

function cellOf(
  model: ModelOfTable,
  method: PaperMethod,
  { protocol, samples }: PlannedProtocol,
  { folder, seed }: ReproductionOptions,
): Cell {
  const { name, dataset } = model
  const kept = resourceFiles(model, folder)
  const all = Object.entries({ ...kept, readout: readoutOf(name, kept.readout) })
  const files = Object.fromEntries(all.filter(([resource]) => needs(method).includes(resource)))
  const plan: RunPlan = {
    protocol,
    method: {
      description: describeMethod(method.method),
      title: method.title,
      options: {
        ...method.options,
        ...method.protocolOptions?.[protocol.kind],
      },
      resources: files,
      files,
    },
    modelName: name,
    dataset,
    samples,
    seed,
    explained: 'label',
    part: { rank: 0, size: 1 },
  }
  const named = { model, method: plan.method, protocol: protocol.name, part: plan.part }
  return { method, plan, path: resultPath(folder, named) }
}

async function missingFile(
  method: PaperMethod,
  model: ModelOfTable,
  { folder }: ReproductionOptions,
): Promise<string | undefined> {
  if (!needs(method).includes('readout')) return undefined
  const file = readoutOf(model.name, resourceFiles(model, folder).readout)
  return file === 'demo' || (await exists(file)) ? undefined : file
}

/** The demo network brings its own. */
function readoutOf(model: string, file: string): string {
  return model === 'demo' ? 'demo' : file
}
