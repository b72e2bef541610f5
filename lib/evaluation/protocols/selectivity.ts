import { requireInteger, requireOneOf } from '../../foundation/validate.js'
import type { Model } from '../../model/model.js'
import { bootstrapMean } from '../bootstrap.js'
import { areaUnder, mean, meanCurve } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  type Subject,
  type SubjectSettings,
} from '../subject.js'
import { eachImage, inputSize, nothing, rounded, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'
import { baselineOptions, type RegionBaseline, regionBaselines, replaceTiles } from './replaced-regions.js'
import { defaultTile, tileOption, tilesOf } from './tiles.js'

const defaults = { tile: defaultTile, baseline: 'zero' as RegionBaseline, baselineSeed: 0 }

interface Settings {
  tile: number
  baseline: RegionBaseline
  baselineSeed: number
}

/** Options of {@link selectivity}. */
export interface SelectivityOptions extends EvaluationOptions {
  /** The side of a tile in pixels. Default 8. */
  tile?: number
  /** What a tile is replaced by. Default 'zero', after normalisation. */
  baseline?: RegionBaseline
  /** Draws what is 'uniform'. Default 0. */
  baselineSeed?: number
}

/** How soon one image's prediction goes. */
export interface ImageSelectivity {
  /** The index of the class that is looked at. */
  target: number
  /** The replaced share of the tiles at each point, 0 to 1. */
  shares: ArrayLike<number>
  /** The target's softmax probability at each point. */
  probability: ArrayLike<number>
  /** The area under that curve: low is good. */
  area: number
}

/** What selectivity finds. */
export interface SelectivityResult {
  /** The curve of each image. */
  images: ImageSelectivity[]
  /** The mean area under the curves: low is good. */
  area: number
}

/** Selectivity (Montavon et al. 2018, “Methods for interpreting and understanding deep neural networks”, section 7.2): all
 * tiles are replaced, the most relevant first; the sooner the prediction goes, the smaller the area under its curve.
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function selectivity(model: Model, options: SelectivityOptions): Promise<SelectivityResult> {
  requireEvaluationOptions(options, Object.keys(defaults))
  const given: Settings = {
    tile: requireInteger('tile', options.tile ?? defaults.tile, 1),
    baseline: requireOneOf('baseline', options.baseline ?? defaults.baseline, regionBaselines),
    baselineSeed: requireInteger('baselineSeed', options.baselineSeed ?? defaults.baselineSeed, 0),
  }
  const images = await evaluateEach(model, options, (subject, settings) =>
    replaceAll(model, subject, given, settings),
  )
  return { images, area: mean(images.map(({ area }) => area)) }
}

async function replaceAll(
  model: Model,
  subject: Subject,
  { tile, baseline, baselineSeed }: Settings,
  settings: SubjectSettings,
): Promise<ImageSelectivity> {
  const most = Math.max(1, tilesOf(subject.input, tile))
  const replacement = { tile, baseline, seed: baselineSeed, most, bothEnds: false }
  const { target, shares, probability } = await replaceTiles(model, subject, replacement, settings)
  const curve = probability.mostRelevantFirst
  return { target, shares, probability: curve, area: areaUnder(shares, curve) }
}

export const selectivityProtocol = declareProtocol<Settings>(
  {
    kind: 'selectivity',
    title: 'Selectivity',
    summary: 'how soon the prediction goes as all tiles are replaced, most relevant first',
    source: 'Montavon et al. 2018',
    direction: 'lower',
    samples: 1000,
    options: [tileOption, ...baselineOptions(defaults.baseline)],
    tell: ({ baseline }) => `replaced by ${baseline}`,
    chart: { x: 'replaced share, %', y: 'probability of the class', scale: 'percent' },
  },
  given => ({
    work: model => ({ maps: 1, passes: tilesOf(inputSize(model), given.tile) + 1 }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        async evaluate({ subject }, settings) {
          const found = await replaceAll(context.model, subject, given, settings)
          return { ...found, shares: rounded(found.shares), probability: rounded(found.probability) }
        },
      }),
    summarise(records) {
      const images = valuesOf<ImageSelectivity>(records)
      const area = bootstrapMean(images.map(image => image.area))
      const x = rounded(images[0]?.shares ?? [])
      const y = rounded(meanCurve(images.map(({ probability }) => probability)))
      return { score: area, scores: { area }, curves: [{ name: 'most relevant first', x, y }] }
    },
  }),
)
