import { describeMethod } from '../attribution/methods.js'
import { plannedSamples, type RunPlan } from '../evaluation/runs/plan.js'
import { resultPath } from '../evaluation/runs/result-file.js'
import { exists } from '../foundation/files.js'
import type { Bench } from './bench.js'
import { learntFiles } from './learnt.js'
import type { PlannedProtocol, ReproductionOptions } from './options.js'
import type { PaperMethod } from './paper.js'

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

/** All values of a model's table, protocol by protocol. */
export async function cellsOf(
  bench: Bench,
  options: ReproductionOptions,
): Promise<{ cells: Cell[]; leftOut: LeftOut[] }> {
  const leftOut: LeftOut[] = []
  const leave = (what: string, why: string) => leftOut.push({ model: bench.name, what, why })
  const methods: PaperMethod[] = []
  for (const method of options.methods) {
    const missing = await missingFile(method, bench, options)
    if (missing === undefined) methods.push(method)
    else leave(method.title, `there is no '${missing}', which \`iba train-readout\` makes`)
  }
  const hasBoxes = bench.dataset.samples.some(({ boxes }) => boxes !== undefined)
  const protocols = options.protocols.filter(({ protocol }) => hasBoxes || !protocol.needsBoxes)
  for (const { protocol } of options.protocols) {
    if (!protocols.some(planned => planned.protocol === protocol))
      leave(protocol.title, 'the data has no boxes')
  }
  const cells = protocols.flatMap(planned =>
    methods
      .filter(method => !(planned.protocol.name === 'sanity' && needs(method).includes('readout')))
      .map(method => cellOf(bench, method, planned, options)),
  )
  return { cells, leftOut }
}

/** How many images a cell takes. */
export function imagesOf({ plan }: Cell): number {
  return plannedSamples(plan).length
}

/** What a method needs. */
export function needs({ method }: PaperMethod): readonly string[] {
  return describeMethod(method).needs
}

function cellOf(
  { name, dataset }: Bench,
  method: PaperMethod,
  { protocol, samples }: PlannedProtocol,
  { folder, seed }: ReproductionOptions,
): Cell {
  const own = protocol.name.startsWith('sensitivity') ? method.sensitivityOptions : {}
  const files = learntFiles(name, folder)
  const plan: RunPlan = {
    protocol,
    method: {
      description: describeMethod(method.method),
      title: method.title,
      options: {
        ...method.options,
        ...own,
        ...(needs(method).includes('patterns') && { patterns: files.patterns }),
        ...(needs(method).includes('readout') && { weights: readoutOf(name, files.readout) }),
      },
    },
    modelName: name,
    dataset,
    samples,
    seed,
    explained: 'label',
    part: { rank: 0, size: 1 },
  }
  const named = { model: { name }, method: { title: method.title }, protocol: protocol.name, part: plan.part }
  return { method, plan, path: resultPath(folder, named) }
}

async function missingFile(
  method: PaperMethod,
  { name }: Bench,
  { folder }: ReproductionOptions,
): Promise<string | undefined> {
  if (!needs(method).includes('readout')) return undefined
  const file = readoutOf(name, learntFiles(name, folder).readout)
  return file === 'demo' || (await exists(file)) ? undefined : file
}

/** The demo network brings its own. */
function readoutOf(model: string, file: string): string {
  return model === 'demo' ? 'demo' : file
}
