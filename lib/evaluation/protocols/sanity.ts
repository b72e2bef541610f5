import type { Attributer, HeatMap } from '../../attribution/attribution.js'
import { option } from '../../attribution/described-options.js'
import { requireClass, type Target } from '../../attribution/target.js'
import type { Sample } from '../../datasets/dataset.js'
import { requireInteger, requireKnownKeys, requireSignal } from '../../foundation/validate.js'
import type { PreparedInput } from '../../images/prepared-input.js'
import type { ImageInput } from '../../images/source.js'
import { asList } from '../../images/stream.js'
import { Model } from '../../model/model.js'
import { addon } from '../../native/addon.js'
import { callNative, callNativeSync } from '../../native/call.js'
import type { MapSimilarity } from '../../native/maps-calls.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean } from '../numbers.js'
import type { RunRecord } from '../runs/record.js'
import { mapSimilarity } from '../similarity.js'
import { explain, loadedGroups, nothing } from './each-image.js'
import { declareProtocol, type RunContext } from './protocol.js'

const defaultSeed = 0

/** Makes a method for a model. */
export type MethodOf = (model: Model) => Attributer | Promise<Attributer>

/** Options of {@link cascadingRandomization}. */
export interface CascadingRandomizationOptions {
  /** What is explained at every stage. */
  images: ImageInput | readonly ImageInput[]
  /** The class that is explained at every stage. Default: for each image what the trained model predicts. */
  targets?: Target | readonly (Target | null)[]
  /** The modules whose weights are random at each stage. Default: `cascade(model)`. */
  stages?: readonly CascadeStage[]
  /** Draws the weights and seeds the methods. Default 0. */
  seed?: number
  /** Stops the work; the call rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called after each stage: its name, how many are done, and of how many. */
  onProgress?: (progress: { stage: string; done: number; total: number }) => void
}

/** A stage: the weights of `modules` are random, those called `name` since this stage. */
export interface CascadeStage {
  /** The module or block that joins those of the stages before. */
  name: string
  /** The names of all modules that have learnt nothing at this stage. */
  modules: readonly string[]
}

/** How alike the maps of a stage are to those of the trained model, averaged over the images: low is good. */
export interface StageSimilarity extends MapSimilarity {
  /** The stage's name. */
  stage: string
  /** Of each image. */
  images: MapSimilarity[]
}

/** The sanity check of Adebayo et al. 2018 (section 4.1; Schulz et al. 2020, section 4.1): from the last layer to the
 * first, the weights are randomised; a method that explains the network must change its maps.
 * @param method makes the method for a model. It is called for the trained model and for each stage's, and should
 * estimate statistics anew where the method needs any
 * @throws InvalidArgumentError, and what the method throws */
export async function cascadingRandomization(
  model: Model,
  method: MethodOf,
  options: CascadingRandomizationOptions,
): Promise<StageSimilarity[]> {
  requireKnownKeys('options', options, ['images', 'targets', 'stages', 'seed', 'signal', 'onProgress'])
  requireSignal(options.signal)
  const seed = requireInteger('seed', options.seed ?? defaultSeed, 0)
  const stages = options.stages ?? cascade(model)
  const images = asList(options.images) as readonly ImageInput[]
  const original = await explainAll(model, method, images, options.targets, { ...options, seed })
  const targets = original.map(({ target }) => target)
  const results: StageSimilarity[] = []
  for (const stage of stages) {
    options.signal?.throwIfAborted()
    await using changed = await randomized(model, stage.modules, seed)
    const maps = await explainAll(changed, method, images, targets, { ...options, seed })
    const similarities = maps.map(({ map }, i) => mapSimilarity(original[i]!.map, map))
    results.push({ stage: stage.name, ...meanSimilarity(similarities), images: similarities })
    await options.onProgress?.({ stage: stage.name, done: results.length, total: stages.length })
  }
  return results
}

/** A copy of a model, some of whose modules have the random weights of a seeded network. */
export async function randomized(model: Model, modules: readonly string[], seed: number): Promise<Model> {
  const handle = await callNative(() => addon().reinitialise({ model: model.handle, modules, seed }))
  const { preprocessing, classNames } = model
  return new Model(handle, { preprocessing, classNames })
}

/** From the last layer to the first, one block more at each stage: a block is what comes under one number of the modules'
 * names, as `layer4.2`, or else a module. */
export function cascade(model: Model): CascadeStage[] {
  const modules = callNativeSync(() => addon().parameterModules({ model: model.handle }))
  const blocks = [...new Set(modules.map(blockOf))].reverse()
  return blocks.map((name, i) => {
    const lost = new Set(blocks.slice(0, i + 1))
    return { name, modules: modules.filter(module => lost.has(blockOf(module))) }
  })
}

export function meanSimilarity(similarities: readonly MapSimilarity[]): MapSimilarity {
  return {
    ssim: mean(similarities.map(({ ssim }) => ssim)),
    spearman: mean(similarities.map(({ spearman }) => spearman)),
  }
}

/** The maps of one model. */
export async function explainAll(
  model: Model,
  method: MethodOf,
  images: readonly ImageInput[],
  targets: CascadingRandomizationOptions['targets'],
  { seed, signal }: { seed: number; signal?: AbortSignal },
): Promise<{ map: HeatMap; target: Target }[]> {
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

interface Values extends MapSimilarity {
  stage: string
  /** How many stages were before it. */
  order: number
}

/** An image with its map by the trained network. */
export interface Original {
  sample: Sample
  input: PreparedInput
  map: HeatMap
  target: number
}

export const sanityProtocol = declareProtocol<{ weightSeed: number }>(
  {
    kind: 'sanity',
    title: 'Sanity check',
    summary: 'how similar the maps stay as the weights are randomised, layer by layer',
    source: 'Adebayo et al. 2018; Schulz et al. 2020, section 4.1',
    direction: 'lower',
    scoreName: 'SSIM',
    samples: 200,
    options: [option('weightSeed', 'whole', 'draws the weights', defaultSeed, { minimum: 0 })],
    changesWeights: true,
    chart: { x: null, y: 'similarity to the map of the trained network' },
  },
  ({ weightSeed }) => ({
    stages: model => cascade(model).map(({ name }) => name),
    work: model => ({ maps: cascade(model).length + 1, passes: 0 }),
    run: context => eachStage(context, weightSeed),
    summarise(records) {
      const found = records.flatMap(({ id, values }) => (values ? [{ id, ...(values as Values) }] : []))
      const inOrder = [...found].sort((a, b) => a.order - b.order)
      const places = [...new Set(inOrder.map(({ stage }) => stage))]
      const scoreOf = (what: 'ssim' | 'spearman') => {
        const images = [...new Set(found.map(({ id }) => id))]
        return bootstrapMean(
          images.map(id => mean(found.filter(entry => entry.id === id).map(entry => entry[what]))),
        )
      }
      const curveOf = (what: 'ssim' | 'spearman', name: string) => ({
        name,
        x: places.map((_, i) => i),
        y: places.map(place => mean(found.filter(({ stage }) => stage === place).map(entry => entry[what]))),
      })
      const score = scoreOf('ssim')
      return {
        score,
        scores: { ssim: score, spearman: scoreOf('spearman') },
        curves: [curveOf('ssim', 'SSIM'), curveOf('spearman', 'Spearman')],
        places,
      }
    },
  }),
)

async function* eachStage(context: RunContext, weightSeed: number): AsyncGenerator<RunRecord<Values>> {
  const { model } = context
  const stages = cascade(model)
  const left = (stage: string) => context.samples.filter(({ id }) => !context.isDone(keyOf(stage, id)))
  const unfinished = new Set(stages.flatMap(({ name }) => left(name)).map(({ id }) => id))
  const originals = await originalMaps(context, unfinished, 'the sanity check')
  for (const [order, { name, modules }] of stages.entries()) {
    const ids = new Set(left(name).map(({ id }) => id))
    const wanted = originals.filter(({ sample }) => ids.has(sample.id))
    if (wanted.length === 0) continue
    await using changed = await randomized(model, modules, weightSeed)
    yield* compareWith(changed, context, wanted, {
      values: (original, map) => ({ stage: name, order, ...mapSimilarity(original, map) }),
      key: id => keyOf(name, id),
    })
  }
}

/** What a protocol makes of an image's map by the trained network and that by another. */
interface Comparison<Values> {
  values(original: HeatMap, map: HeatMap): Values
  /** The key of the image's record. Default: the image's id. */
  key?(id: string): string
}

/** Explains the same classes by another network, with what the method needs made anew, and compares the maps. */
export async function* compareWith<Values>(
  other: Model,
  context: RunContext,
  originals: readonly Original[],
  { values, key = id => id }: Comparison<Values>,
): AsyncGenerator<RunRecord<Values>, void, undefined> {
  await using opened = await context.openMethod(other)
  for (const { sample, input, map, target } of originals) {
    context.signal.throwIfAborted()
    const [found] = await explain(opened.attributer, [{ sample, input }], context, [target])
    const { id } = sample
    yield { key: key(id), id, target, seconds: found!.seconds, values: values(map, found!.map) }
  }
}

/** The images of a run that are not done yet, with their maps by the trained network.
 * @param test what messages call the protocol */
export async function unfinishedMaps(context: RunContext, test: string): Promise<Original[]> {
  const left = context.samples.filter(({ id }) => !context.isDone(id))
  return await originalMaps(context, new Set(left.map(({ id }) => id)), test)
}

async function originalMaps(
  context: RunContext,
  wanted: ReadonlySet<string>,
  test: string,
): Promise<Original[]> {
  await using opened = await context.openMethod(context.model)
  const originals: Original[] = []
  const remaining = { ...context, isDone: (id: string) => !wanted.has(id) }
  for await (const { loaded } of loadedGroups(remaining, nothing)) {
    const found = await explain(opened.attributer, loaded, context)
    for (const [i, { map, target }] of found.entries())
      originals.push({
        sample: loaded[i]!.sample,
        input: loaded[i]!.input,
        map,
        target: requireClass(target, test),
      })
  }
  return originals
}

function keyOf(stage: string, id: string): string {
  return `${stage} ${id}`
}
