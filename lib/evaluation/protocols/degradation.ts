import { InvalidArgumentError } from '../../foundation/errors.js'
import { requireInteger } from '../../foundation/validate.js'
import type { Model } from '../../model/model.js'
import { addon } from '../../native/addon.js'
import type { DegradationCurves, ImageDegradation } from '../../native/evaluation-calls.js'
import { bootstrap } from '../bootstrap.js'
import { areaUnder, mean, meanCurve } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  runNative,
  type Subject,
  type SubjectSettings,
} from '../subject.js'
import { eachImage, inputSize, nothing, rounded, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'
import { defaultTile, tileOption, tilesOf } from './tiles.js'

const defaultPoints = 100

/** Options of {@link degradation}. */
export interface DegradationOptions extends EvaluationOptions {
  /** The side of a tile in pixels. Default 8. */
  tile?: number
  /** How many evenly spaced shares of the image are degraded, at most one for each tile. Fewer take less time and make the score
   * less exact. Default 100, as in the paper. */
  points?: number
}

export type { DegradationCurves, ImageDegradation }

/** Curves and score of several images. */
export interface DegradationSummary {
  /** The degraded share of the image at each point, 0 to 1. */
  shares: ArrayLike<number>
  /** Averaged over the images and scaled to 1 for the images as they are and 0 for the fully degraded ones. */
  curves: DegradationCurves
  /** The area between the curves. NaN, as the curves are, where degradation doesn't change the probability. */
  score: number
}

/** `score` and `curves` are of the class that was predicted for each image as it is, as in the paper's table. */
export interface DegradationResult extends DegradationSummary {
  /** What became of each image. */
  images: ImageDegradation[]
}

/** Degradation (Ancona et al. 2018; Schulz et al. 2020, section 4.2): tile by tile, images are degraded to the mean of
 * each channel, the tiles that the map finds most relevant first, and least relevant first. The better the map, the
 * sooner the first way destroys the prediction and the longer it survives the second.
 *
 * There are about 100 points, or about `points`: the image as it is, one after every hundredth of the tiles, and all tiles
 * degraded.
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function degradation(model: Model, options: DegradationOptions): Promise<DegradationResult> {
  requireEvaluationOptions(options, ['tile', 'points'])
  const tile = requireInteger('tile', options.tile ?? defaultTile, 1)
  const points = requireInteger('points', options.points ?? defaultPoints, 2, 65_536)
  const images = await evaluateEach(model, options, (subject, settings) =>
    degradeImage(model, subject, { tile, points }, settings),
  )
  return { images, ...summariseDegradation(images) }
}

/** Degrades one image, from both ends. */
export async function degradeImage(
  model: Model,
  subject: Subject,
  { tile, points = defaultPoints }: { tile: number; points?: number },
  settings: SubjectSettings,
): Promise<ImageDegradation> {
  return await runNative(model, subject, call => addon().degradation({ ...call, tile, points }), settings)
}

/** How many versions of an image of so many tiles are looked at, in each direction. */
export function degradationPoints(tiles: number): number {
  return Math.min(tiles, defaultPoints) + 1
}

/** Curves and score of several images of one size. */
export function summariseDegradation(
  images: readonly ImageDegradation[],
  of: 'ofTop1' | 'ofTarget' = 'ofTop1',
): DegradationSummary {
  const shares = images[0]?.shares ?? []
  if (images.some(image => image.shares.length !== shares.length))
    throw new InvalidArgumentError('Expected images of one size, whose curves can be averaged.')
  const curves = {
    mostRelevantFirst: meanCurve(images.map(image => image[of].mostRelevantFirst)),
    leastRelevantFirst: meanCurve(images.map(image => image[of].leastRelevantFirst)),
  }
  const clean = curves.mostRelevantFirst[0] ?? 0
  const degraded = curves.mostRelevantFirst.at(-1) ?? 0
  const scaled = (curve: Float64Array) => curve.map(value => (value - degraded) / (clean - degraded))
  return {
    shares,
    curves: {
      mostRelevantFirst: scaled(curves.mostRelevantFirst),
      leastRelevantFirst: scaled(curves.leastRelevantFirst),
    },
    score: degradationScore(images.map(image => degradationTerms(image, of))),
  }
}

/** What one image adds to the score. */
export interface DegradationTerms {
  /** The area between its two curves, as probabilities. */
  area: number
  /** What full degradation takes from the probability. */
  fall: number
}

export function degradationTerms(image: ImageDegradation, of: 'ofTop1' | 'ofTarget'): DegradationTerms {
  const { mostRelevantFirst, leastRelevantFirst } = image[of]
  return {
    area: areaUnder(image.shares, leastRelevantFirst) - areaUnder(image.shares, mostRelevantFirst),
    fall: mostRelevantFirst[0]! - mostRelevantFirst[mostRelevantFirst.length - 1]!,
  }
}

/** The area between the averaged, scaled curves: averaging and scaling commute with it. */
export function degradationScore(terms: readonly DegradationTerms[]): number {
  return mean(terms.map(({ area }) => area)) / mean(terms.map(({ fall }) => fall))
}

/** The paper's degradation. */
export const degradationProtocol = declareProtocol<{ tile: number }>(
  {
    kind: 'degradation',
    title: 'Degradation',
    summary: 'degrade images tile by tile, most and least relevant first',
    source: 'Ancona et al. 2018; Schulz et al. 2020, section 4.2',
    direction: 'higher',
    samples: 50_000,
    options: [tileOption],
    chart: { x: 'degraded share, %', y: 'probability of the class, scaled', scale: 'percent' },
  },
  ({ tile }) => ({
    work: model => ({ maps: 1, passes: 2 * degradationPoints(tilesOf(inputSize(model), tile)) }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        evaluate: async ({ subject }, settings) =>
          compact(await degradeImage(context.model, subject, { tile }, settings)),
      }),
    summarise(records) {
      const images = valuesOf<ImageDegradation>(records)
      const scoreOf = (of: 'ofTop1' | 'ofTarget') =>
        bootstrap(
          images.map(image => degradationTerms(image, of)),
          degradationScore,
        )
      const { shares, curves } = summariseDegradation(images)
      const score = scoreOf('ofTop1')
      return {
        score,
        scores: { top1: score, label: scoreOf('ofTarget') },
        curves: [
          { name: 'most relevant first', x: rounded(shares), y: rounded(curves.mostRelevantFirst) },
          { name: 'least relevant first', x: rounded(shares), y: rounded(curves.leastRelevantFirst) },
        ],
      }
    },
  }),
)

function compact({ target, top1, shares, ofTarget, ofTop1 }: ImageDegradation): ImageDegradation {
  const curves = ({ mostRelevantFirst, leastRelevantFirst }: DegradationCurves) => ({
    mostRelevantFirst: rounded(mostRelevantFirst),
    leastRelevantFirst: rounded(leastRelevantFirst),
  })
  return { target, top1, shares: rounded(shares), ofTarget: curves(ofTarget), ofTop1: curves(ofTop1) }
}
