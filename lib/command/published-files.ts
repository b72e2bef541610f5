import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { publishedModels, publishedWeights, type WeightsVersion } from '../weights/published.js'

/** A published weight file, and where it lies if it was downloaded. */
export interface PublishedFile {
  model: string
  version: WeightsVersion
  file: string
  resize: number
  path: string | null
}

/** All weight files that are published for the networks. */
export function publishedFiles(): PublishedFile[] {
  return publishedModels.flatMap(model =>
    versionsOf(model).map(version => {
      const { file, resize } = publishedWeights(model, version)
      const path = join(cacheFolder(), 'weights', file)
      return { model, version, file, resize, path: existsSync(path) ? path : null }
    }),
  )
}

function versionsOf(model: string): WeightsVersion[] {
  const versions: WeightsVersion[] = ['v1', 'v2']
  return versions.filter(version => {
    try {
      publishedWeights(model, version)
      return true
    } catch {
      return false // there is no second version for all models
    }
  })
}
