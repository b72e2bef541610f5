import { existsSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { WeightsError } from '../foundation/errors.js'
import { requireString } from '../foundation/validate.js'
import { publishedModels, publishedWeights } from './published.js'

/** Where a network's weights come from: a file, or a seed for weights that have learnt nothing. */
export type WeightSource = { path: string } | { seed: number }

/** Where downloaded weight files are kept. */
export function weightsFolder(): string {
  return join(cacheFolder(), 'weights')
}

/** What `weights` means: 'seeded:N', the path of a file, or, if absent, the published file in the cache.
 * @throws {WeightsError} nothing was given and nothing was downloaded yet */
export function weightSource(architecture: string, weights: string | undefined): WeightSource {
  if (weights === undefined) return { path: downloadedWeights(architecture) }
  requireString('weights', weights)
  const seed = /^seeded:(\d{1,15})$/.exec(weights)?.[1]
  if (seed !== undefined) return { seed: Number(seed) }
  if (!existsSync(weights)) {
    throw new WeightsError(
      `There is no weight file '${weights}'. Expected a .safetensors or .pth file, or 'seeded:N' for weights ` +
        'that have learnt nothing.',
    )
  }
  return { path: weights }
}

/** Whether a weight file is one that `iba weights get` downloaded. */
export function isDownloaded(path: string): boolean {
  return resolve(path).startsWith(join(weightsFolder(), sep))
}

function downloadedWeights(architecture: string): string {
  const isPublished = (publishedModels as readonly string[]).includes(architecture)
  const path = isPublished ? join(weightsFolder(), publishedWeights(architecture).file) : undefined
  if (path && existsSync(path)) return path
  throw new WeightsError(
    `${architecture} needs weights: ${isPublished ? `download them with \`iba weights get ${architecture}\`, ` : ''}` +
      "give a file, or use 'seeded:0' for weights that have learnt nothing.",
  )
}
