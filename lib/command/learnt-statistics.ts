import type { ChosenMethod } from '../attribution/methods.js'
import { exists } from '../foundation/files.js'
import { count } from '../foundation/text.js'
import {
  cachedStatistics,
  loadStatistics,
  type Model,
  type Preset,
  roughStatistics,
  type Statistics,
} from '../index.js'
import { cachedStatisticsPath } from '../learned/cached-statistics.js'
import { defaultSamples } from '../learned/learning.js'
import { UsageError } from './exit.js'
import type { Job } from './jobs.js'
import { learnWithProgress, openSource } from './learning-flags.js'
import { note } from './output.js'

/** What `iba attribute` says of statistics that are not in a file yet. */
export interface LearntStatisticsFlags {
  statistics?: string
  /** A folder of typical images. */
  images?: string
  quiet?: boolean
}

/** Refuses images to learn from where nothing is learnt. */
export function requireLearning(
  { method }: ChosenMethod,
  { statistics, images }: LearntStatisticsFlags,
): void {
  if (images === undefined) return
  if (statistics !== undefined)
    throw new UsageError('--images and --statistics exclude each other: one learns what the other brings.')
  if (!method.needs.includes('statistics'))
    throw new UsageError(`--images: ${method.name} needs no statistics. Leave it out.`)
}

/** The method with its statistics, where they are learnt from a folder of images or from those that are explained. */
export async function withLearntStatistics(
  model: Model,
  chosen: ChosenMethod,
  { jobs, flags, signal }: { jobs: readonly Job[]; flags: LearntStatisticsFlags; signal: AbortSignal },
): Promise<{ chosen: ChosenMethod; statistics: Statistics | undefined }> {
  const layer = typeof chosen.options.layer === 'string' ? chosen.options.layer : model.bottleneckLayer
  const preset = (chosen.options.preset ?? 'iba') as Preset
  const learn = async () => {
    if (flags.images !== undefined)
      return await fromFolder(model, flags.images, { layer, preset, ...flags }, signal)
    return flags.statistics === 'auto' ? await fromJobs(model, jobs, { layer, preset }, signal) : undefined
  }
  const statistics = await learn()
  if (!statistics) return { chosen, statistics }
  return { chosen: { ...chosen, resources: { ...chosen.resources, statistics } }, statistics }
}

const samples = defaultSamples
const batch = 16

async function fromFolder(
  model: Model,
  folder: string,
  { layer, preset, quiet = false }: { layer: string; preset: Preset; quiet?: boolean },
  signal: AbortSignal,
): Promise<Statistics> {
  const path = await cachedStatisticsPath(model, folder, { layer, preset, samples })
  if (await exists(path)) {
    note(`iba: The statistics of ${layer} from ${folder} are those in the cache, ${path}.`)
    return await loadStatistics(path)
  }
  const source = await openSource({ images: folder, samples, seed: 0, batch })
  const learnt = await learnWithProgress(
    source,
    { images: folder, samples, seed: 0, batch, quiet },
    signal,
    ({ images: _, ...learning }, onWarning) =>
      cachedStatistics(model, folder, { ...learning, layer, preset, onWarning }),
  )
  note(
    `iba: Learnt the statistics of ${layer} from ${count(source.total, 'image')} of ${folder}, and kept them in ${path}.`,
  )
  return learnt.statistics
}

async function fromJobs(
  model: Model,
  jobs: readonly Job[],
  { layer, preset }: { layer: string; preset: Preset },
  signal: AbortSignal,
): Promise<Statistics> {
  const paths = [...new Set(jobs.map(({ path }) => path))]
  // Those that can't be read are told as they are explained.
  const statistics = await roughStatistics(model, paths, { layer, preset, signal, onError: () => {} })
  note(
    `iba: The statistics of ${layer} are rough: learnt from parts of the images themselves. For results to rely on, give ` +
      '--images FOLDER with at least 1000 typical images.',
  )
  return statistics
}
