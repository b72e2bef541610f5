import { mkdir } from 'node:fs/promises'
import { type Dataset, drawSamples, type Sample } from '../../datasets/dataset.js'
import { boxPlaces } from '../../datasets/layout.js'
import { DatasetError, RunError } from '../../foundation/errors.js'
import { fileError } from '../../foundation/files.js'
import type { Model } from '../../model/model.js'
import { isModelFile } from '../../model/model-file.js'
import { modelFileHash } from '../../model/model-file-hash.js'
import { computesInTf32 } from '../../model/runtime.js'
import { protocolFields } from '../protocols/all.js'
import type { Protocol } from '../protocols/protocol.js'
import {
  batchOf,
  describeEvaluated,
  type EvaluatedMethod,
  type LearningImages,
  methodOpener,
} from './evaluated-method.js'
import { differences, tellDifferences } from './header.js'
import { revision, versions } from './provenance.js'
import type { RunHeader, RunResult } from './record.js'
import { findResult, logPath, resultPath, writeResult } from './result-file.js'
import { runProtocol } from './run.js'
import { RunLog } from './run-log.js'
import { hashOfImages, hashOfSamples, requireSameImages } from './sample-hash.js'

/** A run: a method on a model by a protocol, on some images of a data set. */
export interface RunPlan {
  protocol: Protocol
  method: EvaluatedMethod
  /** What the user calls the model: the name in the zoo, or the path of its file. */
  modelName: string
  /** The network that was trained on random labels, and what the user calls it, for protocols that compare with one. */
  randomLabels?: { name: string; model: Model }
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

/** The header of a plan's run.
 * @throws FileError where a file that decides its values can't be read */
export async function headerOf(plan: RunPlan, model: Model, learning: LearningImages): Promise<RunHeader> {
  const { protocol, method, modelName, randomLabels, dataset, samples, seed, explained, part } = plan
  const { architecture, weightHash, output, classes, device, precision, preprocessing } = model
  return {
    format: 1,
    ...protocolFields(protocol),
    settings: { ...protocol.settings, explained },
    method: {
      ...(await describeEvaluated(method)),
      ...(learnsAnew(plan) && { learning: await hashOfImages(learning) }),
    },
    model: {
      name: modelName,
      architecture,
      weightHash,
      ...(isModelFile(modelName) && { file: await modelFileHash(modelName) }),
      ...(output !== undefined && { output }),
      classes,
      device,
      ...(precision !== 'float32' && { precision }),
      ...(computesInTf32(device) && { tf32: true as const }),
      preprocessing,
    },
    ...(randomLabels && {
      randomLabels: { name: randomLabels.name, weightHash: randomLabels.model.weightHash },
    }),
    data: {
      name: dataset.name,
      samples,
      available: dataset.samples.length,
      seed,
      ...(dataset.orientation === 'stored' && { orientation: dataset.orientation }),
      list: await hashOfSamples(plannedSamples(plan), protocol.needsBoxes ?? false),
    },
    versions: versions(),
    revision: await revision(),
    part,
  }
}

/** The result of a plan that was run before, if there is one.
 * @throws RunError where the file is of another run, or of images that were changed since */
export async function finishedResult(
  header: RunHeader,
  samples: readonly Sample[],
  folder: string,
): Promise<RunResult | undefined> {
  const path = resultPath(folder, header)
  const found = await findResult(path)
  if (!found) return undefined
  const different = differences(found, header)
  if (different.length > 0)
    throw new RunError(
      `'${path}' is of another run. They differ in ${tellDifferences(different)}. Choose another --out, or remove the ` +
        'file to run again.',
    )
  await requireSameImages(path, found.records, samples)
  return found
}

/** Runs a plan, or what is left of it, and writes its result. A finished one is only read. */
export async function executePlan(plan: RunPlan, model: Model, options: ExecuteOptions): Promise<RunResult> {
  const header = await headerOf(plan, model, options.learning)
  const path = resultPath(options.folder, header)
  await mkdir(options.folder, { recursive: true }).catch(error => {
    throw fileError(`Can't make the folder '${options.folder}'`, error)
  })
  const { protocol, method, seed, explained, part } = plan
  const allSamples = plannedSamples(plan)
  const samples = allSamples.filter((_, i) => i % part.size === part.rank)
  const finished = await finishedResult(header, samples, options.folder)
  if (finished && options.resume) return finished
  if (finished)
    throw new RunError(`'${path}' is there already. Add --resume to keep it, or remove it to run again.`)
  const log = await RunLog.open(logPath(path), header, options.resume)
  try {
    await requireSameImages(log.path, log.records, samples)
    const result = await runProtocol({
      protocol,
      header,
      log,
      context: {
        model,
        ...(plan.randomLabels && { randomLabels: plan.randomLabels.model }),
        openMethod: methodOpener(model, method, options),
        samples,
        allSamples,
        explained,
        seed,
        batch: batchOf(model, method.options),
        rows: options.rows,
        known: await knownValues(header, options.known, samples),
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

/** Whether the method needs something that is made anew for each changed network. */
function learnsAnew({ protocol, method }: RunPlan): boolean {
  return protocol.changesWeights === true && method.description.needs.length > 0
}

/** The values of another method's run by the keys of its records; none where it was run otherwise.
 * @throws RunError where its images were changed since */
async function knownValues(
  header: RunHeader,
  known: RunResult | undefined,
  samples: readonly Sample[],
): Promise<ReadonlyMap<string, unknown>> {
  if (!known || differences(known, header).some(({ field }) => !field.startsWith('method.'))) return new Map()
  await requireSameImages(resultPath('', known), known.records, samples)
  return new Map(known.records.map(({ key, values }) => [key, values]))
}
