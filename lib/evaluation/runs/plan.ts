import { mkdir } from 'node:fs/promises'
import { type Dataset, drawSamples, type Sample } from '../../datasets/dataset.js'
import { boxPlaces } from '../../datasets/layout.js'
import { DatasetError, RunError } from '../../foundation/errors.js'
import { fileError } from '../../foundation/files.js'
import type { Model } from '../../model/model.js'
import { protocolFields } from '../protocols/all.js'
import type { Protocol } from '../protocols/protocol.js'
import {
  batchOf,
  describeEvaluated,
  type EvaluatedMethod,
  type LearningImages,
  methodOpener,
} from './evaluated-method.js'
import { differences } from './header.js'
import { revision, versions } from './provenance.js'
import type { RunHeader, RunResult } from './record.js'
import { findResult, logPath, resultPath, writeResult } from './result-file.js'
import { runProtocol } from './run.js'
import { RunLog } from './run-log.js'

/** A run: a method on a model by a protocol, on some images of a data set. */
export interface RunPlan {
  protocol: Protocol
  method: EvaluatedMethod
  /** What the user calls the model. */
  modelName: string
  dataset: Dataset
  samples: number
  /** Draws the samples and seeds the methods. */
  seed: number
  explained: 'label' | 'predicted'
  /** Which part of the samples is done here. */
  part: { rank: number; size: number }
}

export interface ExecuteOptions {
  /** Where the result and the log of the run go. */
  folder: string
  /** Go on with what is there. */
  resume: boolean
  /** A finished run of another method on the same images, for what doesn't depend on the method. */
  known?: RunResult | undefined
  learning: LearningImages
  rows: number | undefined
  signal: AbortSignal
  onProgress?: (done: number, total: number) => void
  onFailure?: (error: Error) => void
}

/** The samples that a plan evaluates, for all ranks together. */
export function plannedSamples({ protocol, dataset, samples, seed }: RunPlan): Sample[] {
  const able = protocol.needsBoxes
    ? dataset.samples.filter(({ boxes }) => boxes !== undefined)
    : dataset.samples
  if (able.length === 0)
    throw new DatasetError(
      `${protocol.fullTitle} needs boxes, but '${dataset.name}' has none. Looked for annotations in ${boxPlaces(dataset.name)}; ` +
        'give their folder with --boxes.',
    )
  return drawSamples(able, samples, seed)
}

/** The header of a plan's run. */
export async function headerOf(plan: RunPlan, model: Model): Promise<RunHeader> {
  const { protocol, method, modelName, dataset, samples, seed, explained, part } = plan
  const { architecture, weightHash, classes, device, preprocessing } = model
  return {
    format: 1,
    ...protocolFields(protocol),
    settings: { ...protocol.settings, explained },
    method: describeEvaluated(method),
    model: { name: modelName, architecture, weightHash, classes, device, preprocessing },
    data: { name: dataset.name, samples, available: dataset.samples.length, seed },
    versions: versions(),
    revision: await revision(),
    part,
  }
}

/** The result of a plan that was run before, if there is one.
 * @throws RunError where the file is of another run */
export async function finishedResult(header: RunHeader, folder: string): Promise<RunResult | undefined> {
  const path = resultPath(folder, header)
  const found = await findResult(path)
  if (!found) return undefined
  const different = differences(found, header)
  if (different.length === 0) return found
  throw new RunError(
    `'${path}' is of a run with another ${different.join(', ')}. Choose another --out, or remove the file to run again.`,
  )
}

/** Runs a plan, or what is left of it, and writes its result. A finished one is only read. */
export async function executePlan(plan: RunPlan, model: Model, options: ExecuteOptions): Promise<RunResult> {
  const header = await headerOf(plan, model)
  const path = resultPath(options.folder, header)
  await mkdir(options.folder, { recursive: true }).catch(error => {
    throw fileError(`Can't make the folder '${options.folder}'`, error)
  })
  const finished = await finishedResult(header, options.folder)
  if (finished && options.resume) return finished
  if (finished)
    throw new RunError(`'${path}' is there already. Add --resume to keep it, or remove it to run again.`)
  const { protocol, method, seed, explained, part } = plan
  const samples = plannedSamples(plan).filter((_, i) => i % part.size === part.rank)
  const log = await RunLog.open(logPath(path), header, options.resume)
  try {
    const result = await runProtocol({
      protocol,
      header,
      log,
      context: {
        model,
        openMethod: methodOpener(model, method, options),
        samples,
        explained,
        seed,
        batch: batchOf(model, method.options),
        rows: options.rows,
        known: knownValues(header, options.known),
        signal: options.signal,
      },
      ...(options.onProgress && { onProgress: options.onProgress }),
      ...(options.onFailure && { onFailure: options.onFailure }),
    })
    await writeResult(path, result)
    await log.remove()
    return result
  } finally {
    await log.close()
  }
}

/** The values of another method's run by the keys of its records; none where it was run otherwise. */
function knownValues(header: RunHeader, known: RunResult | undefined): ReadonlyMap<string, unknown> {
  if (!known || differences(header, known).some(part => part !== 'method')) return new Map()
  return new Map(known.records.map(({ key, values }) => [key, values]))
}
