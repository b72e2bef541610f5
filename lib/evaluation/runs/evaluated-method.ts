import { basename } from 'node:path'
import { findOption, type MethodDescription, type OptionValue } from '../../attribution/described-options.js'
import { imageFiles, isInFile } from '../../attribution/given-arrays.js'
import { createAttributer } from '../../attribution/methods.js'
import type { Dataset } from '../../datasets/dataset.js'
import { fileHash } from '../../foundation/file-hash.js'
import { conventionsOf, presets } from '../../foundation/presets.js'
import { requireOneOf } from '../../foundation/validate.js'
import { imageFolder } from '../../images/folder.js'
import { packagedStatistics } from '../../learned/packaged-statistics.js'
import { type Resource, resources } from '../../learned/resources.js'
import { Statistics } from '../../learned/statistics.js'
import { demo } from '../../model/demo.js'
import type { Model } from '../../model/model.js'
import type { ResourceName } from '../../native/attribution-calls.js'
import type { OpenedMethod } from '../protocols/protocol.js'
import type { RunHeader } from './record.js'
import { hashOfImages } from './sample-hash.js'

/** A method with its options, as it is evaluated. */
export interface EvaluatedMethod {
  description: MethodDescription
  /** Tells it apart from the same method with other options. */
  title: string
  options: Readonly<Record<string, OptionValue>>
  /** What it needs or takes, or the paths of files of it. */
  resources: GivenResources
  /** The files that what it needs comes from: a run is told apart by their content. 'demo' is the demo network's. */
  files: ResourceFiles
}

/** Resources that are there, and files of others. */
export type GivenResources = Readonly<Partial<Record<ResourceName, Resource | string>>>

/** Paths of files of resources. */
export type ResourceFiles = Readonly<Partial<Record<ResourceName, string>>>

/** The images that statistics are estimated from and patterns are fitted to. */
export interface LearningImages {
  images: AsyncIterable<string> | Iterable<string>
  samples: number
}

/** Of a changed network: more would take longer than the evaluation itself, which needs them again and again. */
const samplesOfChanged = 1000

/** The training set's images, or where there are none those of the evaluation. */
export function learningImages({ training, samples }: Dataset, most = samplesOfChanged): LearningImages {
  if (training === null) {
    const paths = samples.map(({ path }) => path).slice(0, most)
    return { images: paths, samples: paths.length }
  }
  return { images: imageFolder(training, { shuffleSeed: 0 }), samples: most }
}

/** Options that change how a map is computed, and the map by roundings at most. */
const technical = ['batch', 'rows']

/** Gets methods ready: for the model that they are evaluated on with what is given, for any other with resources that are
 * made anew. */
export function methodOpener(
  original: Model,
  method: EvaluatedMethod,
  { learning, signal }: { learning: LearningImages; signal: AbortSignal },
): (model: Model) => Promise<OpenedMethod> {
  const { description, options, resources: given } = method
  const batch = batchOf(original, options)
  return async model => {
    const own = model === original ? [] : await learnedFor(model, method, learning, signal)
    // What is only taken isn't made anew for a changed model.
    const taken = model === original ? takenOf(description, given) : []
    const used = [...description.needs, ...taken].map(name => [name, given[name]] as const)
    const attributer = createAttributer(model, description.name, {
      ...options,
      batch,
      ...Object.fromEntries([...used, ...own]),
    })
    return {
      attributer,
      async [Symbol.asyncDispose]() {
        attributer.dispose()
        for (const [, resource] of own) resource.dispose()
      },
    }
  }
}

/** Images that are explained together: one on the CPU, so that a map doesn't even depend on the others by rounding. */
export function batchOf({ device }: Model, { batch }: Readonly<Record<string, OptionValue>>): number {
  return typeof batch === 'number' ? batch : device === 'cpu' ? 1 : 16
}

/** What a method is called in files and tables: its name, and the options that aren't the default. */
export function titleOf(name: string, options: Readonly<Record<string, OptionValue>>): string {
  const words = Object.entries(options)
    .filter(([option]) => !technical.includes(option))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([option, value]) => `${option} ${shownValue(value)}`)
  return [name, ...words].join(' ')
}

/** Of a path its last word: a run is told apart by what the file holds. */
function shownValue(value: OptionValue): string {
  return typeof value === 'string' ? basename(value) : String(value)
}

/** The method as a run's header has it.
 * @throws FileError where a file of what it needs can't be read */
export async function describeEvaluated(method: EvaluatedMethod): Promise<RunHeader['method']> {
  const { description, title, options, files, resources: given } = method
  const told: [string, unknown][] = []
  for (const [name, value] of Object.entries(options)) {
    if (technical.includes(name)) continue
    told.push([name, isInFile(findOption(description, name), value) ? await hashOfFiles(value) : value])
  }
  const resources: Record<string, { file: string; hash: string }> = {}
  for (const need of [...description.needs, ...takenOf(description, files)]) {
    const file = files[need]
    if (file === undefined) continue
    const path = resourcePath(need, file)
    resources[need] = { file: basename(path), hash: await fileHash(path) }
  }
  return {
    name: description.name,
    title,
    options: Object.fromEntries(told),
    resources,
    statistics: given.statistics instanceof Statistics ? describeStatistics(given.statistics) : null,
  }
}

/** What was given of that which the method only takes. */
export function takenOf({ takes }: MethodDescription, given: GivenResources): ResourceName[] {
  return takes.filter(name => given[name] !== undefined)
}

/** What an option's array, or its images, are told apart by. */
async function hashOfFiles(path: string): Promise<string> {
  return await hashOfImages({ images: imageFiles(path), samples: Number.POSITIVE_INFINITY })
}

/** Where a file of a resource lies. */
export function resourcePath(name: ResourceName, file: string): string {
  if (name === 'statistics') return packagedStatistics(file) ?? file
  return name === 'readout' && file === 'demo' ? demo.readout : file
}

function describeStatistics({ description: { preset, layers } }: Statistics) {
  return { preset, layers: layers.map(({ name }) => name), samples: layers[0]?.samples ?? 0 }
}

/** What the method needs of a changed model, as far as images make it. */
async function learnedFor(
  model: Model,
  { description, options, resources: given }: EvaluatedMethod,
  learning: LearningImages,
  signal: AbortSignal,
): Promise<(readonly [ResourceName, Resource])[]> {
  const { layer, preset } = options
  const before = given.statistics instanceof Statistics ? given.statistics.description.preset : 'iba'
  const learned: (readonly [ResourceName, Resource])[] = []
  for (const need of description.needs) {
    const resource = await resources[need].learn?.(model, {
      ...learning,
      ...(typeof layer === 'string' && { layer }),
      preset: requireOneOf('preset', conventionsOf(String(preset ?? before)), presets),
      signal,
      onError: () => {},
    })
    if (resource) learned.push([need, resource])
  }
  return learned
}
