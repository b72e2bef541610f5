import type { Attributer, HeatMap } from '../attribution/attribution.js'
import { requireInteger, requireKnownKeys, requireSignal } from '../foundation/validate.js'
import type { ImageInput } from '../images/source.js'
import { asList } from '../images/stream.js'
import { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import { callNative, callNativeSync } from '../native/errors.js'
import { mean } from './numbers.js'
import { mapSimilarity } from './similarity.js'

export interface CascadingRandomizationOptions {
  images: ImageInput | readonly ImageInput[]
  /** The class that is explained at every stage. Default: for each image what the trained model predicts. */
  targets?: number | readonly (number | null)[]
  /** The modules that have learnt nothing at each stage. Default: `cascade(model)`. */
  stages?: readonly CascadeStage[]
  /** Draws the weights and seeds the methods. Default 0. */
  seed?: number
  signal?: AbortSignal
  onProgress?: (progress: { stage: string; done: number; total: number }) => void
}

/** A stage: `modules` have lost what they learnt, the last of them to lose it being those called `name`. */
export interface CascadeStage {
  name: string
  modules: readonly string[]
}

export interface StageSimilarity {
  stage: string
  ssim: number
  spearman: number
  images: { ssim: number; spearman: number }[]
}

/** The sanity check of Adebayo et al. 2018 (section 4.1; Schulz et al. 2020, section 4.1): from the last layer to the
 * first, the network loses what it learnt; a method that explains the network must change its maps.
 * @param method makes the method for a model. It is called for the trained model and for each stage's, and should
 * estimate statistics anew where the method needs any
 * @throws InvalidArgumentError, and what the method throws */
export async function cascadingRandomization(
  model: Model,
  method: (model: Model) => Attributer | Promise<Attributer>,
  options: CascadingRandomizationOptions,
): Promise<StageSimilarity[]> {
  requireKnownKeys('options', options, ['images', 'targets', 'stages', 'seed', 'signal', 'onProgress'])
  requireSignal(options.signal)
  const seed = requireInteger('seed', options.seed ?? 0, 0)
  const stages = options.stages ?? cascade(model)
  const images = asList(options.images) as readonly ImageInput[]
  const original = await explain(model, method, images, options.targets, { ...options, seed })
  const targets = original.map(({ target }) => target)
  const results: StageSimilarity[] = []
  for (const stage of stages) {
    options.signal?.throwIfAborted()
    await using changed = await randomized(model, stage.modules, seed)
    const maps = await explain(changed, method, images, targets, { ...options, seed })
    const similarities = maps.map(({ map }, i) => mapSimilarity(original[i]!.map, map))
    results.push({ stage: stage.name, ...meanSimilarity(similarities), images: similarities })
    options.onProgress?.({ stage: stage.name, done: results.length, total: stages.length })
  }
  return results
}

/** A copy of a model, some of whose modules have learnt nothing: their weights are those of a seeded network. */
export async function randomized(model: Model, modules: readonly string[], seed: number): Promise<Model> {
  const handle = await callNative(() => addon().reinitialise(model.handle, modules, seed))
  return new Model(handle, model.preprocessing)
}

/** From the last layer to the first, one block more at each stage: a block is what comes under one number of the modules'
 * names, as `layer4.2`, or else a module. */
export function cascade(model: Model): CascadeStage[] {
  const modules = callNativeSync(() => addon().parameterModules(model.handle))
  const blocks = [...new Set(modules.map(blockOf))].reverse()
  return blocks.map((name, i) => {
    const lost = new Set(blocks.slice(0, i + 1))
    return { name, modules: modules.filter(module => lost.has(blockOf(module))) }
  })
}

export function meanSimilarity(similarities: readonly { ssim: number; spearman: number }[]): {
  ssim: number
  spearman: number
} {
  return {
    ssim: mean(similarities.map(({ ssim }) => ssim)),
    spearman: mean(similarities.map(({ spearman }) => spearman)),
  }
}

/** The maps of one model. */
async function explain(
  model: Model,
  method: (model: Model) => Attributer | Promise<Attributer>,
  images: readonly ImageInput[],
  targets: CascadingRandomizationOptions['targets'],
  { seed, signal }: { seed: number; signal?: AbortSignal },
): Promise<{ map: HeatMap; target: number }[]> {
  const attributer = await method(model)
  try {
    return await attributer.attribute(images, {
      seed,
      ...(targets !== undefined && { targets }),
      ...(signal && { signal }),
    })
  } finally {
    attributer.dispose()
  }
}

function blockOf(module: string): string {
  const parts = module.split('.')
  const number = parts.findIndex(part => /^\d+$/.test(part))
  return number === -1 ? module : parts.slice(0, number + 1).join('.')
}
