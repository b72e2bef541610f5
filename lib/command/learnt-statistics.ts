import { Option } from 'commander'
import type { ChosenMethod } from '../attribution/methods.js'
import { neededLayers } from '../attribution/needed-layers.js'
import { exists } from '../foundation/files.js'
import { conventionsOf } from '../foundation/presets.js'
import { count } from '../foundation/text.js'
import {
  type CachedStatistics,
  cachedStatistics,
  type ImageInput,
  loadStatistics,
  type Model,
  type Preset,
  roughStatistics,
  type Statistics,
} from '../index.js'
import { cachedStatisticsPath } from '../learned/cached-statistics.js'
import { defaultSamples } from '../learned/learning.js'
import { UsageError } from './exit.js'
import { learnWithProgress, openSource } from './learning-flags.js'
import { note } from './output.js'

/** What a command says of statistics that are not in a file yet. */
export interface LearntStatisticsFlags {
  statistics?: string
  /** A folder of typical images. */
  images?: string
  quiet?: boolean
}

export interface LearnFrom {
  /** The images or texts to explain. */
  explained: AsyncIterable<ImageInput> | Iterable<ImageInput>
  flags: LearntStatisticsFlags
  signal: AbortSignal
}

/** `--images`. */
export function statisticsImagesOption(): Option {
  return new Option(
    '-i, --images <folder>',
    'typical images, of which statistics are learnt once, and kept in the cache; in place of --statistics',
  )
}

/** Refuses images to learn from where nothing is learnt. */
export function requireLearning(
  methods: readonly ChosenMethod[],
  { statistics, images }: LearntStatisticsFlags,
): void {
  if (images === undefined) return
  if (statistics !== undefined)
    throw new UsageError('--images and --statistics exclude each other: one learns what the other brings.')
  if (methods.some(({ method }) => method.needs.includes('statistics'))) return
  const names = methods.map(({ method }) => method.name)
  throw new UsageError(
    `--images: no statistics are needed for ${names.join(', ')}. Leave it out, or take another method.`,
  )
}

/** The methods, of which those that need statistics have what was learnt from a folder of images, or from those that are
 * explained. What was learnt is disposed of with the result. */
export async function withLearntStatistics(
  model: Model,
  methods: readonly ChosenMethod[],
  from: LearnFrom,
): Promise<AsyncDisposable & { methods: ChosenMethod[] }> {
  const ready: ChosenMethod[] = []
  const learnt: Statistics[] = []
  for (const chosen of methods) {
    const statistics = await learntStatistics(model, chosen, from)
    if (statistics) learnt.push(statistics)
    ready.push(statistics ? { ...chosen, resources: { ...chosen.resources, statistics } } : chosen)
  }
  return {
    methods: ready,
    async [Symbol.asyncDispose]() {
      for (const statistics of learnt) statistics.dispose()
    },
  }
}

/** The statistics that a method needs, where they are learnt from a folder of images, and the file that holds them. */
export async function statisticsFromFolder(
  model: Model,
  chosen: ChosenMethod,
  flags: LearntStatisticsFlags,
  signal: AbortSignal,
): Promise<CachedStatistics | undefined> {
  if (flags.images === undefined) return undefined
  return await fromFolder(model, flags.images, { ...placeOf(model, chosen), ...flags }, signal)
}

async function learntStatistics(
  model: Model,
  chosen: ChosenMethod,
  { explained, flags, signal }: LearnFrom,
): Promise<Statistics | undefined> {
  if (!chosen.method.needs.includes('statistics')) return undefined
  const place = placeOf(model, chosen)
  if (flags.images !== undefined && model.inputKind === 'tokens') {
    throw new UsageError(
      '--images: the model takes texts. Learn from their token ids with `iba estimate --tokens`, and give the file with --statistics.',
    )
  }
  const learnt = await statisticsFromFolder(model, chosen, flags, signal)
  if (learnt !== undefined) return learnt.statistics
  if (chosen.resources.statistics === model.architecture) note(ofPackage(place.layers[0]!))
  return flags.statistics === 'auto' ? await fromExplained(model, explained, place, signal) : undefined
}

/** Of which layers statistics are needed, and in whose conventions. */
interface Place {
  layers: readonly string[]
  preset: Preset
}

function placeOf(model: Model, { method, options }: ChosenMethod): Place {
  return {
    layers: neededLayers(model, method, options),
    preset: conventionsOf(String(options.preset ?? 'iba')) as Preset,
  }
}

function ofPackage(layer: string): string {
  return (
    `iba: The statistics of ${layer} are those of the package, from parts of six photographs: rough. For results to rely on, ` +
    'give --images FOLDER with at least 1000 typical images.'
  )
}

const samples = defaultSamples
const batch = 16

async function fromFolder(
  model: Model,
  folder: string,
  { layers, preset, quiet = false }: Place & { quiet?: boolean },
  signal: AbortSignal,
): Promise<CachedStatistics> {
  const path = await cachedStatisticsPath(model, folder, { layers, preset, samples })
  if (await exists(path)) {
    note(`iba: The statistics of ${layers.join(', ')} from ${folder} are those in the cache, ${path}.`)
    return { statistics: await loadStatistics(path), path, isNew: false }
  }
  const source = await openSource({ images: folder, samples, seed: 0, batch })
  const learnt = await learnWithProgress(
    source,
    { samples, seed: 0, batch, quiet },
    signal,
    ({ images: _, ...learning }, onWarning) =>
      cachedStatistics(model, folder, { ...learning, layers, preset, onWarning }),
  )
  note(
    `iba: Learnt the statistics of ${layers.join(', ')} from ${count(source.total, 'image')} of ${folder}, and kept them in ${path}.`,
  )
  return learnt
}

async function fromExplained(
  model: Model,
  explained: LearnFrom['explained'],
  { layers, preset }: Place,
  signal: AbortSignal,
): Promise<Statistics> {
  // Those that can't be read are told as they are explained.
  const statistics = await roughStatistics(model, explained, { layers, preset, signal, onError: () => {} })
  note(
    `iba: The statistics of ${layers.join(', ')} are rough: learnt from ` +
      (model.inputKind === 'tokens'
        ? 'the texts themselves. For results to rely on, give --statistics FILE of `iba estimate --tokens` with at least 1000 typical texts.'
        : 'parts of the images themselves. For results to rely on, give --images FOLDER with at least 1000 typical images.'),
  )
  return statistics
}
