import { option } from '../../attribution/described-options.js'
import { invalid, requireInteger, requireNumber } from '../../foundation/validate.js'
import type { Model } from '../../model/model.js'
import { addon } from '../../native/addon.js'
import type { DegradationCurves, ImageRoad } from '../../native/evaluation-calls.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean, meanCurve } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  runNative,
  type Subject,
  type SubjectSettings,
} from '../subject.js'
import { eachImage, nothing, rounded, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'

const defaults = { points: 9, noise: 0.01, noiseSeed: 0 }

/** Options of {@link road}. */
export interface RoadOptions extends EvaluationOptions {
  /** The imputed shares of the pixels, each above 0 and below 1. Default 0.1, 0.2, …, 0.9. */
  shares?: readonly number[]
  /** The standard deviation of the noise on imputed pixels, after normalisation. Default 0.01. */
  noise?: number
  /** Draws the noise, for all images the same. Default 0. */
  noiseSeed?: number
}

export type { ImageRoad }

/** What ROAD finds. */
export interface RoadResult {
  /** What became of each image. */
  images: ImageRoad[]
  /** The imputed shares of the pixels. */
  shares: readonly number[]
  /** At each share, how many of the images are still predicted as the class that is looked at; of those whose target is
   * a class. */
  accuracy: DegradationCurves
  /** The mean over shares and images of half of what the target's probability is higher for without the lowest pixels than for
   * without the highest, as pytorch-grad-cam combines both: high is good. */
  combined: number
}

/** ROAD, remove and debias (Rong et al. 2022, “A consistent and efficient evaluation strategy for attribution methods”): a
 * share of the pixels, the highest of the map (most relevant first) or the lowest, is replaced by what makes each the
 * weighted mean of its eight neighbours, with a little noise, so that the place of what is missing can't be seen.
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function road(model: Model, options: RoadOptions): Promise<RoadResult> {
  requireEvaluationOptions(options, ['shares', 'noise', 'noiseSeed'])
  const { shares = sharesOf(defaults.points) } = options
  if (!Array.isArray(shares) || shares.length === 0 || !shares.every(share => share > 0 && share < 1))
    throw invalid('shares', 'a list of numbers above 0 and below 1', shares)
  const given = {
    shares,
    noise: requireNumber('noise', options.noise ?? defaults.noise, 0, 1e6),
    seed: requireInteger('noiseSeed', options.noiseSeed ?? defaults.noiseSeed, 0),
  }
  const images = await evaluateEach(model, options, (subject, settings) =>
    impute(model, subject, given, settings),
  )
  return { images, shares, accuracy: accuracyOf(images), combined: mean(images.map(combinedOf)) }
}

/** So many shares at even distances between none and all. */
function sharesOf(points: number): number[] {
  return Array.from({ length: points }, (_, i) => (i + 1) / (points + 1))
}

function impute(
  model: Model,
  subject: Subject,
  given: { shares: readonly number[]; noise: number; seed: number },
  settings: SubjectSettings,
): Promise<ImageRoad> {
  return runNative(model, subject, call => addon().road({ ...call, ...given }), settings)
}

function accuracyOf(images: readonly ImageRoad[]) {
  const kept = images.filter(({ target }) => target >= 0).map(image => image.kept)
  return {
    mostRelevantFirst: meanCurve(kept.map(({ mostRelevantFirst }) => mostRelevantFirst)),
    leastRelevantFirst: meanCurve(kept.map(({ leastRelevantFirst }) => leastRelevantFirst)),
  }
}

function combinedOf({ probability: { mostRelevantFirst, leastRelevantFirst } }: ImageRoad): number {
  return (mean(leastRelevantFirst) - mean(mostRelevantFirst)) / 2
}

export const roadProtocol = declareProtocol<{ points: number; noise: number; noiseSeed: number }>(
  {
    kind: 'road',
    title: 'ROAD',
    summary: 'impute pixels from the others, most and least relevant first',
    source: 'Rong et al. 2022',
    direction: 'higher',
    scoreName: 'combined',
    samples: 1000,
    options: [
      option('points', 'whole', 'shares of the pixels that are imputed, at even distances', defaults.points, {
        minimum: 1,
        maximum: 999,
      }),
      option('noise', 'number', "the standard deviation of imputed pixels' noise", defaults.noise, {
        minimum: 0,
        maximum: 1e6,
      }),
      option('noiseSeed', 'whole', 'draws the noise', defaults.noiseSeed, { minimum: 0 }),
    ],
    chart: { x: 'imputed share, %', y: 'accuracy', scale: 'percent' },
  },
  ({ points, noise, noiseSeed }) => ({
    work: () => ({ maps: 1, passes: 2 * points + 1 }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        async evaluate({ subject }, settings) {
          const given = { shares: sharesOf(points), noise, seed: noiseSeed }
          const { probability, kept, ...found } = await impute(context.model, subject, given, settings)
          return { ...found, probability: compact(probability), kept: compact(kept) }
        },
      }),
    summarise(records) {
      const images = valuesOf<ImageRoad>(records)
      const scoreOf = (order: keyof DegradationCurves) =>
        bootstrapMean(images.map(({ kept }) => mean(kept[order])))
      const combined = bootstrapMean(images.map(combinedOf))
      const accuracy = accuracyOf(images)
      const x = rounded(sharesOf(points))
      return {
        score: combined,
        scores: {
          combined,
          mostRelevantFirst: scoreOf('mostRelevantFirst'),
          leastRelevantFirst: scoreOf('leastRelevantFirst'),
        },
        curves: [
          { name: 'most relevant first', x, y: rounded(accuracy.mostRelevantFirst) },
          { name: 'least relevant first', x, y: rounded(accuracy.leastRelevantFirst) },
        ],
      }
    },
  }),
)

function compact({ mostRelevantFirst, leastRelevantFirst }: DegradationCurves) {
  return { mostRelevantFirst: rounded(mostRelevantFirst), leastRelevantFirst: rounded(leastRelevantFirst) }
}
