import { option } from '../../attribution/described-options.js'
import { requireInteger, requireOneOf } from '../../foundation/validate.js'
import type { Model } from '../../model/model.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean, meanCurve } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  type Subject,
  type SubjectSettings,
} from '../subject.js'
import { eachImage, inputSize, nothing, rounded, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'
import {
  baselineOptions,
  type RegionBaseline,
  type RegionCurves,
  regionBaselines,
  replaceTiles,
} from './replaced-regions.js'
import { tilesOf } from './tiles.js'

const defaults = { tile: 9, regions: 100, baseline: 'uniform' as RegionBaseline, baselineSeed: 0 }

/** How an image's regions are perturbed. */
interface Settings {
  tile: number
  regions: number
  baseline: RegionBaseline
  baselineSeed: number
}

/** Options of {@link regionPerturbation}. */
export interface RegionPerturbationOptions extends EvaluationOptions {
  /** The side of a square region in pixels. Default 9. */
  tile?: number
  /** How many regions are perturbed at most. Default 100. */
  regions?: number
  /** What a region is replaced by. Default 'uniform': an even draw between each channel's least and greatest value. */
  baseline?: RegionBaseline
  /** Draws what is 'uniform'. Default 0. */
  baselineSeed?: number
}

/** Areas over the curves of one image, or their means over several: how much of the probability is lost on average. */
export interface PerturbationAreas {
  /** Most relevant regions first: high is good. */
  mostRelevantFirst: number
  /** Least relevant regions first: low is good. */
  leastRelevantFirst: number
  /** The first less the second: high is good. */
  between: number
}

/** What region perturbation finds. */
export interface RegionPerturbationResult extends PerturbationAreas {
  /** The curves of each image, from the image as it is on, a region more at each point. */
  images: RegionCurves[]
}

/** Region perturbation (Samek et al. 2017, “Evaluating the visualization of what a deep neural network has learned”, section
 * III): regions of a grid are replaced one after another, the most relevant first, and the least relevant first. The area
 * over the perturbation curve, AOPC, is the mean over all points of what the target's probability has lost.
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function regionPerturbation(
  model: Model,
  options: RegionPerturbationOptions,
): Promise<RegionPerturbationResult> {
  requireEvaluationOptions(options, Object.keys(defaults))
  const given: Settings = {
    tile: requireInteger('tile', options.tile ?? defaults.tile, 1),
    regions: requireInteger('regions', options.regions ?? defaults.regions, 1),
    baseline: requireOneOf('baseline', options.baseline ?? defaults.baseline, regionBaselines),
    baselineSeed: requireInteger('baselineSeed', options.baselineSeed ?? defaults.baselineSeed, 0),
  }
  const images = await evaluateEach(model, options, (subject, settings) =>
    perturb(model, subject, given, settings),
  )
  const areas = images.map(areasOf)
  const over = (key: keyof PerturbationAreas) => mean(areas.map(image => image[key]))
  return {
    images,
    mostRelevantFirst: over('mostRelevantFirst'),
    leastRelevantFirst: over('leastRelevantFirst'),
    between: over('between'),
  }
}

function perturb(
  model: Model,
  subject: Subject,
  { tile, regions, baseline, baselineSeed }: Settings,
  settings: SubjectSettings,
): Promise<RegionCurves> {
  const replacement = { tile, baseline, seed: baselineSeed, most: regions, bothEnds: true }
  return replaceTiles(model, subject, replacement, settings)
}

function areasOf({ probability }: RegionCurves): PerturbationAreas {
  const areaOf = (curve: ArrayLike<number>) => mean(Array.from(curve, value => curve[0]! - value))
  const mostRelevantFirst = areaOf(probability.mostRelevantFirst)
  const leastRelevantFirst = areaOf(probability.leastRelevantFirst)
  return { mostRelevantFirst, leastRelevantFirst, between: mostRelevantFirst - leastRelevantFirst }
}

export const regionPerturbationProtocol = declareProtocol<Settings>(
  {
    kind: 'region-perturbation',
    title: 'Region perturbation',
    summary: 'replace regions of a grid one by one, most and least relevant first',
    source: 'Samek et al. 2017',
    direction: 'higher',
    scoreName: 'AOPC',
    samples: 1000,
    options: [
      option('tile', 'whole', 'the side of a region in pixels', defaults.tile, {
        minimum: 1,
        maximum: 65_536,
      }),
      option('regions', 'whole', 'regions that are replaced at most', defaults.regions, { minimum: 1 }),
      ...baselineOptions(defaults.baseline),
    ],
    tell: ({ regions, baseline }) => `at most ${regions} regions, replaced by ${baseline}`,
    chart: { x: 'replaced regions', y: 'probability of the class' },
  },
  given => ({
    work: model => ({
      maps: 1,
      passes: 2 * (Math.min(given.regions, tilesOf(inputSize(model), given.tile)) + 1),
    }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        async evaluate({ subject }, settings) {
          const { target, regions, shares, probability } = await perturb(
            context.model,
            subject,
            given,
            settings,
          )
          const { mostRelevantFirst, leastRelevantFirst } = probability
          return {
            target,
            regions,
            shares: rounded(shares),
            probability: {
              mostRelevantFirst: rounded(mostRelevantFirst),
              leastRelevantFirst: rounded(leastRelevantFirst),
            },
          }
        },
      }),
    summarise(records) {
      const images = valuesOf<RegionCurves>(records)
      const areas = images.map(areasOf)
      const scores = {
        mostRelevantFirst: bootstrapMean(areas.map(image => image.mostRelevantFirst)),
        leastRelevantFirst: bootstrapMean(areas.map(image => image.leastRelevantFirst)),
        between: bootstrapMean(areas.map(image => image.between)),
      }
      const x = Array.from(images[0]?.shares ?? [], (_, i) => i)
      const curveOf = (order: 'mostRelevantFirst' | 'leastRelevantFirst') =>
        rounded(meanCurve(images.map(({ probability }) => probability[order])))
      return {
        score: scores.mostRelevantFirst,
        scores,
        curves: [
          { name: 'most relevant first', x, y: curveOf('mostRelevantFirst') },
          { name: 'least relevant first', x, y: curveOf('leastRelevantFirst') },
        ],
      }
    },
  }),
)
