import { join } from 'node:path'
import { describeMethod } from '../attribution/methods.js'
import type { Dataset } from '../datasets/dataset.js'
import {
  type EvaluatedMethod,
  type GivenResources,
  learningImages,
} from '../evaluation/runs/evaluated-method.js'
import { exists } from '../foundation/files.js'
import { resourceNames, resources } from '../learned/resources.js'
import { loadStatistics } from '../learned/statistics.js'
import type { Model } from '../model/model.js'
import type { ResourceName } from '../native/attribution-calls.js'
import type { ReproductionOptions } from './reproduction-options.js'

/** What was made for a model and is kept in memory; the rest is read from its files. */
export interface PreparedResources extends AsyncDisposable {
  given: GivenResources
}

export type ResourceProgress = (resource: ResourceName, done: number, total: number) => void

type ResourceOptions = Pick<ReproductionOptions, 'folder' | 'methods' | 'learn' | 'signal'>

/** Those that are made from images. */
export const learnedNames = resourceNames.filter(name => resources[name].learn)

/** Makes what the methods need of a model and isn't in the folder yet, in the conventions of the paper: from the training
 * images, or where there are none from those of the evaluation. */
export async function prepareResources(
  { name, model, dataset }: { name: string; model: Model; dataset: Dataset },
  { folder, methods, learn, signal }: ResourceOptions,
  onProgress: ResourceProgress = () => {},
): Promise<PreparedResources> {
  const needed = new Set(methods.flatMap(({ method }) => describeMethod(method).needs))
  const files = resourceFiles(name, folder)
  for (const resource of learnedNames.filter(learned => needed.has(learned))) {
    if (await exists(files[resource])) continue
    await using made = await resources[resource].learn!(model, {
      ...learningImages(dataset, learn),
      preset: 'paper',
      signal,
      onError: () => {},
      onProgress: ({ samples, total }) => onProgress(resource, samples, total),
    })
    await made.save(files[resource])
  }
  const statistics = needed.has('statistics') ? await loadStatistics(files.statistics) : null
  return {
    given: { ...(statistics && { statistics }) },
    async [Symbol.asyncDispose]() {
      statistics?.dispose()
    },
  }
}

/** The method with what is kept in memory. */
export function withResources(method: EvaluatedMethod, { given }: PreparedResources): EvaluatedMethod {
  return { ...method, resources: { ...method.resources, ...given } }
}

/** Where the resources of a model are kept. A trained readout is looked for there too. */
export function resourceFiles(model: string, folder: string): Record<ResourceName, string> {
  const file = (name: ResourceName) => join(folder, `${model}.${name}.safetensors`)
  return { statistics: file('statistics'), patterns: file('patterns'), readout: file('readout') }
}
