import { mkdir, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { textHash } from '../foundation/file-hash.js'
import { exists } from '../foundation/files.js'
import { requireString } from '../foundation/validate.js'
import { imageFolder } from '../images/folder.js'
import type { Model } from '../model/model.js'
import { defaultSamples } from './learning.js'
import { type EstimateOptions, estimate, loadStatistics, type Statistics } from './statistics.js'

/** Options of {@link cachedStatistics}. */
export type CachedStatisticsOptions = Omit<EstimateOptions, 'images'>

/** Statistics, and the file of the cache that holds them. */
export interface CachedStatistics {
  /** The caller disposes of them. */
  statistics: Statistics
  /** Where they are kept. */
  path: string
  /** Whether they were learnt just now. */
  isNew: boolean
}

/** Statistics of some layers from a folder of typical images, learnt once: they are kept in the cache and taken from there while the
 * model, its precision and pre-processing, the layers, the preset and the list of the folder's images stay the same. The list has names, sizes
 * and times of the files. Of more images than `samples`, those taken are drawn.
 * @throws ImageError, StatisticsError, FileError */
export async function cachedStatistics(
  model: Model,
  folder: string,
  options: CachedStatisticsOptions = {},
): Promise<CachedStatistics> {
  const path = await cachedStatisticsPath(model, folder, options)
  const isNew = !(await exists(path))
  if (isNew) {
    await using learnt = await estimate(model, {
      ...options,
      images: imageFolder(folder, { shuffleSeed: 0 }),
    })
    await mkdir(dirname(path), { recursive: true })
    await learnt.save(path)
  }
  // A file rounds: those that are new are read from it as well, so that results are the same each time.
  return { statistics: await loadStatistics(path), path, isNew }
}

/** Where such statistics are kept, whether they are there or not. */
export async function cachedStatisticsPath(
  model: Model,
  folder: string,
  { preset = 'iba', samples = defaultSamples, ...options }: CachedStatisticsOptions,
): Promise<string> {
  const { architecture, weightHash, precision, preprocessing } = model
  const layer = (options.layers ?? [options.layer ?? model.bottleneckLayer]).join('+')
  const files = await listOf(requireString('folder', folder))
  const key = JSON.stringify({
    architecture,
    weightHash,
    ...(precision !== 'float32' && { precision }),
    preprocessing,
    layer,
    preset,
    samples,
    files,
  })
  const name = `${architecture}-${layer}`.replace(/[^\w.-]+/g, '_').slice(0, 100)
  return join(cacheFolder(), 'statistics', `${name}-${textHash(key).slice(0, 16)}.safetensors`)
}

async function listOf(folder: string): Promise<string[]> {
  const files: string[] = []
  for await (const path of imageFolder(folder)) {
    const { size, mtimeMs } = await stat(path)
    files.push(`${relative(folder, path)} ${size} ${mtimeMs}`)
  }
  return files
}
