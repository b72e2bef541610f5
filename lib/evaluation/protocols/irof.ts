import { option } from '../../attribution/described-options.js'
import { invalid, requireInteger, requireOneOf } from '../../foundation/validate.js'
import type { PreparedInput } from '../../images/prepared-input.js'
import type { Model } from '../../model/model.js'
import { matrix } from '../../native/maps-calls.js'
import { bootstrapMean } from '../bootstrap.js'
import { areaUnder, mean } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  type Subject,
  type SubjectSettings,
} from '../subject.js'
import { type SegmentMap, superpixels } from '../superpixels.js'
import { eachImage, nothing, rounded, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'
import { baselineOptions, type RegionBaseline, regionBaselines, replaceSegments } from './replaced-regions.js'

const defaults = { segments: 100, compactness: 10, baseline: 'mean' as RegionBaseline, baselineSeed: 0 }

interface Settings {
  segments: number
  compactness: number
  baseline: RegionBaseline
  baselineSeed: number
}

/** Options of {@link irof}. */
export interface IrofOptions extends EvaluationOptions {
  /** How many superpixels an image has, about, or which each pixel belongs to, the same for all images. Default 100. */
  segments?: number | SegmentMap
  /** How much the places of pixels count against their colours as superpixels are found. Default 10. */
  compactness?: number
  /** What a superpixel is replaced by. Default 'mean', of each channel. */
  baseline?: RegionBaseline
  /** Draws what is 'uniform'. Default 0. */
  baselineSeed?: number
}

/** How soon one image's prediction goes. */
export interface ImageIrof {
  /** The index of the class that is looked at. */
  target: number
  /** The replaced share of the superpixels at each point, 0 to 1. */
  shares: ArrayLike<number>
  /** The target's softmax probability at each point, as a share of that for the image as it is. */
  ratios: ArrayLike<number>
  /** The area over that curve, below 1: high is good. */
  area: number
}

/** What IROF finds. */
export interface IrofResult {
  /** The curve of each image. */
  images: ImageIrof[]
  /** The mean area over the curves: high is good. */
  area: number
}

/** Iterative removal of features (Rieger and Hansen 2020, “IROF: a low resource evaluation metric for explanation methods”):
 * superpixels are replaced in the order of the map's mean in each, the most relevant first; what counts is the area between
 * 1 and the curve of the probability relative to that of the image as it is.
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function irof(model: Model, options: IrofOptions): Promise<IrofResult> {
  requireEvaluationOptions(options, Object.keys(defaults))
  const { segments = defaults.segments, compactness = defaults.compactness } = options
  const baseline = requireOneOf('baseline', options.baseline ?? defaults.baseline, regionBaselines)
  const baselineSeed = requireInteger('baselineSeed', options.baselineSeed ?? defaults.baselineSeed, 0)
  const images = await evaluateEach(model, options, (subject, settings) => {
    const map =
      typeof segments === 'number'
        ? segmentsOf(subject.input, { segments, compactness })
        : requireSegments(segments, subject.input)
    return removeSegments(model, subject, map, { baseline, baselineSeed }, settings)
  })
  return { images, area: mean(images.map(({ area }) => area)) }
}

function segmentsOf(
  { pixels, width, height }: PreparedInput,
  { segments, compactness }: Pick<Settings, 'segments' | 'compactness'>,
): SegmentMap {
  return superpixels({ pixels, width, height }, { count: segments, compactness })
}

function requireSegments(segments: SegmentMap, { width, height }: PreparedInput): SegmentMap {
  if (segments.width !== width || segments.height !== height || segments.data.length !== width * height)
    throw invalid('segments', `the number of a superpixel for each of ${width}×${height} pixels`, segments)
  return segments
}

async function removeSegments(
  model: Model,
  subject: Subject,
  segments: SegmentMap,
  { baseline, baselineSeed }: Pick<Settings, 'baseline' | 'baselineSeed'>,
  settings: SubjectSettings,
): Promise<ImageIrof> {
  const replacement = {
    segments: matrix(segments),
    baseline,
    seed: baselineSeed,
    most: segments.data.length,
    bothEnds: false,
  }
  const { target, shares, probability } = await replaceSegments(model, subject, replacement, settings)
  const curve = probability.mostRelevantFirst
  const ratios = Array.from(curve, value => value / curve[0]!)
  return { target, shares, ratios, area: 1 - areaUnder(shares, ratios) }
}

export const irofProtocol = declareProtocol<Settings>(
  {
    kind: 'irof',
    title: 'IROF',
    summary: 'how soon the prediction goes as superpixels are replaced, most relevant first',
    source: 'Rieger and Hansen 2020',
    direction: 'higher',
    samples: 1000,
    options: [
      option('segments', 'whole', 'superpixels of an image, about', defaults.segments, { minimum: 2 }),
      option(
        'compactness',
        'number',
        'how much places count against colours as superpixels are found',
        defaults.compactness,
        { minimum: 1e-6, maximum: 1e6 },
      ),
      ...baselineOptions(defaults.baseline),
    ],
    tell: ({ segments, baseline }) => `about ${segments} superpixels, replaced by ${baseline}`,
  },
  given => ({
    work: () => ({ maps: 1, passes: given.segments + 1 }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        async evaluate({ subject }, settings) {
          const segments = segmentsOf(subject.input, given)
          const found = await removeSegments(context.model, subject, segments, given, settings)
          return { ...found, shares: rounded(found.shares), ratios: rounded(found.ratios) }
        },
      }),
    summarise(records) {
      const area = bootstrapMean(valuesOf<ImageIrof>(records).map(image => image.area))
      return { score: area, scores: { area }, curves: [] }
    },
  }),
)
