import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeMethod } from '../attribution/methods.js'
import { neededLayers } from '../attribution/needed-layers.js'
import type { Dataset } from '../datasets/dataset.js'
import {
  type EvaluatedMethod,
  type GivenResources,
  learningImages,
} from '../evaluation/runs/evaluated-method.js'
import { differencesOf, tellDifferences } from '../evaluation/runs/header.js'
import { modelWord, type NamedRun } from '../evaluation/runs/result-file.js'
import { hashOfImages } from '../evaluation/runs/sample-hash.js'
import { RunError } from '../foundation/errors.js'
import { exists, fileError, writeFileAtomically } from '../foundation/files.js'
import { requireObject } from '../foundation/validate.js'
import { resourceNames, resources } from '../learned/resources.js'
import { loadStatistics } from '../learned/statistics.js'
import type { Model } from '../model/model.js'
import type { ResourceName } from '../native/attribution-calls.js'
import type { ReproductionOptions } from './reproduction-options.js'

/** What was made for a model and is kept in memory; the rest is read from its files. */
export interface PreparedResources extends AsyncDisposable {
  given: GivenResources
  /** What was made just now. */
  made: readonly ResourceName[]
}

export type ResourceProgress = (resource: ResourceName, done: number, total: number) => void

/** A model and what it learns from. */
export type LearningModel = NamedRun['model'] & { model: Model; dataset: Dataset }

type ResourceOptions = Pick<ReproductionOptions, 'folder' | 'methods' | 'learn' | 'signal'>

/** Those that are made from images. */
export const learnedNames = resourceNames.filter(name => resources[name].learn)

/** Makes what the methods need of a model and isn't in the folder yet, in the conventions of the paper: from the training
 * images, or where there are none from those of the evaluation. */
export async function prepareResources(
  evaluated: LearningModel,
  { folder, methods, learn, signal }: ResourceOptions,
  onProgress: ResourceProgress = () => {},
): Promise<PreparedResources> {
  const { model, dataset } = evaluated
  const needed = new Set(methods.flatMap(({ method }) => describeMethod(method).needs))
  const layers = layersFor(model, methods)
  const files = resourceFiles(evaluated, folder)
  const madeNow: ResourceName[] = []
  for (const resource of learnedNames.filter(learned => needed.has(learned))) {
    if (await exists(files[resource])) continue
    await using made = await resources[resource].learn!(model, {
      ...learningImages(dataset, learn),
      layers,
      preset,
      signal,
      onError: () => {},
      onProgress: ({ samples, total }) => onProgress(resource, samples, total),
    })
    const recipe = await recipeOf(evaluated, learn)
    await writeFileAtomically(recipeFile(files[resource]), `${JSON.stringify(recipe)}\n`)
    await made.save(files[resource])
    madeNow.push(resource)
  }
  const statistics = needed.has('statistics') ? await loadStatistics(files.statistics) : null
  return {
    given: { ...(statistics && { statistics }) },
    made: madeNow,
    async [Symbol.asyncDispose]() {
      statistics?.dispose()
    },
  }
}

/** All layers of which the methods need statistics. */
function layersFor(model: Model, methods: ReproductionOptions['methods']): readonly string[] {
  const needed = methods.flatMap(({ method, options = {} }) => {
    const description = describeMethod(method)
    return description.needs.includes('statistics') ? neededLayers(model, description, options) : []
  })
  return needed.length > 0 ? [...new Set(needed)] : [model.bottleneckLayer]
}

/** The method with what is kept in memory. */
export function withResources(method: EvaluatedMethod, { given }: PreparedResources): EvaluatedMethod {
  return { ...method, resources: { ...method.resources, ...given } }
}

/** Refuses what was learnt here before from other images, for another network or otherwise. A file that somebody else put there
 * says nothing of that, and is taken as it is.
 * @throws RunError, FileError */
export async function requireSameLearning(
  evaluated: LearningModel,
  { folder, learn }: Pick<ResourceOptions, 'folder' | 'learn'>,
): Promise<void> {
  const files = resourceFiles(evaluated, folder)
  for (const file of learnedNames.map(name => files[name])) {
    if (!(await exists(file)) || !(await exists(recipeFile(file)))) continue
    const there = await readRecipe(recipeFile(file))
    const different = differencesOf(there, await recipeOf(evaluated, learn))
    if (different.length === 0) continue
    throw new RunError(
      `'${file}' was learnt otherwise. They differ in ${tellDifferences(different)}. Choose another --out, or remove it ` +
        'with the results that it was used for.',
    )
  }
}

/** Everything that decides what is learnt. */
async function recipeOf({ model, file, dataset }: LearningModel, learn: number) {
  const { weightHash, precision, preprocessing } = model
  const learning = learningImages(dataset, learn)
  return {
    weightHash,
    file,
    ...(precision !== 'float32' && { precision }),
    preprocessing,
    preset,
    images: learning.samples,
    content: await hashOfImages(learning),
  }
}

async function readRecipe(path: string): Promise<object> {
  const text = await readFile(path, 'utf8').catch(error => {
    throw fileError(`Can't read '${path}'`, error)
  })
  try {
    return requireObject('recipe', JSON.parse(text))
  } catch (error) {
    throw new RunError(`'${path}' doesn't say how its neighbour was learnt. Remove both.`, { cause: error })
  }
}

/** Beside what was learnt: how. */
function recipeFile(file: string): string {
  return file.replace(/safetensors$/, 'recipe')
}

const preset = 'paper'

/** Where the resources of a model are kept. A trained readout is looked for there too. */
export function resourceFiles(model: NamedRun['model'], folder: string): Record<ResourceName, string> {
  const file = (name: ResourceName) => join(folder, `${modelWord(model)}.${name}.safetensors`)
  return { statistics: file('statistics'), patterns: file('patterns'), readout: file('readout') }
}
