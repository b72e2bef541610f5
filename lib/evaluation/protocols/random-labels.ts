import type { HeatMap } from '../../attribution/attribution.js'
import type { Target } from '../../attribution/target.js'
import { invalid, requireInteger, requireKnownKeys, requireSignal } from '../../foundation/validate.js'
import type { ImageInput } from '../../images/source.js'
import { asList } from '../../images/stream.js'
import { Model } from '../../model/model.js'
import type { MapSimilarity } from '../../native/maps-calls.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean } from '../numbers.js'
import type { RunRecord } from '../runs/record.js'
import { mapSimilarity, spearman } from '../similarity.js'
import { valuesOf } from './each-image.js'
import { declareProtocol, type RunContext } from './protocol.js'
import { compareWith, explainAll, type MethodOf, unfinishedMaps } from './sanity.js'

/** Options of {@link labelRandomization}. */
export interface LabelRandomizationOptions {
  /** What is explained by both models. */
  images: ImageInput | readonly ImageInput[]
  /** A model of the same classes and the same architecture that was trained on permuted labels. */
  randomLabels: Model
  /** The class that is explained by both. Default: for each image what the model of the true labels predicts. */
  targets?: Target | readonly (Target | null)[]
  /** Seeds the methods. Default 0. */
  seed?: number
  /** Stops the work; the call rejects with the signal's reason. */
  signal?: AbortSignal
}

/** How alike two maps are as they are compared in the test with random labels. */
export interface LabelSimilarity extends MapSimilarity {
  /** Spearman's correlation of the maps as they are, −1 to 1; a map of one value has none, which is 0. */
  signedSpearman: number
  /** Spearman's correlation of the maps' absolute values. */
  absoluteSpearman: number
}

/** What the test with random labels finds, averaged over the images: low is good. */
export interface LabelRandomization extends LabelSimilarity {
  /** Of each image. */
  images: LabelSimilarity[]
}

/** The data randomisation test of Adebayo et al. 2018 (“Sanity checks for saliency maps”, section 4.2): a network that was trained
 * on permuted labels can only have learnt them by heart, so the maps of a method that explains what was learnt must be others.
 * @param model was trained on the true labels
 * @param method makes the method for a model. It is called for both, and should estimate statistics anew where the method needs
 * any
 * @throws InvalidArgumentError for models of different classes, and what the method throws */
export async function labelRandomization(
  model: Model,
  method: MethodOf,
  options: LabelRandomizationOptions,
): Promise<LabelRandomization> {
  requireKnownKeys('options', options, ['images', 'randomLabels', 'targets', 'seed', 'signal'])
  requireSignal(options.signal)
  const seed = requireInteger('seed', options.seed ?? 0, 0)
  const { randomLabels } = options
  requireComparable(model, randomLabels)
  const images = asList(options.images) as readonly ImageInput[]
  const original = await explainAll(model, method, images, options.targets, { ...options, seed })
  const targets = original.map(({ target }) => target)
  options.signal?.throwIfAborted()
  const others = await explainAll(randomLabels, method, images, targets, { ...options, seed })
  const found = others.map(({ map }, i) => labelSimilarity(original[i]!.map, map))
  const meanOf = (what: keyof LabelSimilarity) => mean(found.map(image => image[what]))
  return {
    ssim: meanOf('ssim'),
    spearman: meanOf('spearman'),
    signedSpearman: meanOf('signedSpearman'),
    absoluteSpearman: meanOf('absoluteSpearman'),
    images: found,
  }
}

/** @throws InvalidArgumentError where one of them has other classes or no class to explain */
export function requireComparable(model: Model, randomLabels: Model): void {
  if (!(randomLabels instanceof Model))
    throw invalid('randomLabels', 'a model that was trained on permuted labels', randomLabels)
  if (model.classes !== randomLabels.classes)
    throw invalid('randomLabels', `a model of ${model.classes} classes`, `one of ${randomLabels.classes}`)
}

function labelSimilarity(original: HeatMap, map: HeatMap): LabelSimilarity {
  return {
    ...mapSimilarity(original, map),
    signedSpearman: spearman(original, map),
    absoluteSpearman: spearman(absolute(original), absolute(map)),
  }
}

function absolute(map: HeatMap): HeatMap {
  return { ...map, data: map.data.map(Math.abs) }
}

export const randomLabelsProtocol = declareProtocol<object>(
  {
    kind: 'random-labels',
    title: 'Random labels',
    summary: 'how similar the maps are to those of a network that was trained on random labels',
    source: 'Adebayo et al. 2018, section 4.2',
    direction: 'lower',
    scoreName: 'SSIM',
    samples: 200,
    options: [],
    changesWeights: true,
    needsRandomLabels: true,
  },
  () => ({
    work: () => ({ maps: 2, passes: 0 }),
    run: compareLabels,
    summarise(records) {
      const found = valuesOf<LabelSimilarity>(records)
      const scoreOf = (what: keyof LabelSimilarity) => bootstrapMean(found.map(image => image[what]))
      const ssim = scoreOf('ssim')
      const scores = {
        ssim,
        spearman: scoreOf('spearman'),
        signedSpearman: scoreOf('signedSpearman'),
        absoluteSpearman: scoreOf('absoluteSpearman'),
      }
      return { score: ssim, scores, curves: [] }
    },
  }),
)

async function* compareLabels(
  context: RunContext,
): AsyncGenerator<RunRecord<LabelSimilarity>, void, undefined> {
  const { model, randomLabels } = context
  if (!randomLabels)
    throw invalid('randomLabels', 'a model that was trained on permuted labels', randomLabels)
  requireComparable(model, randomLabels)
  const originals = await unfinishedMaps(context, 'the test with random labels')
  if (originals.length > 0) yield* compareWith(randomLabels, context, originals, { values: labelSimilarity })
}
