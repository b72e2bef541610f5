import type { HeatMap } from '../../attribution/attribution.js'
import { requireInteger } from '../../foundation/validate.js'
import type { PreparedInput } from '../../images/prepared-input.js'
import type { Model } from '../../model/model.js'
import { addon } from '../../native/addon.js'
import { callNative } from '../../native/call.js'
import type { InputTensor } from '../../native/values.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  requireFittingMap,
  type Subject,
  type SubjectSettings,
  watchedTarget,
} from '../subject.js'
import { eachImage, nothing, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'

/** What is left of one image's prediction where the map hides the rest. */
export interface ConfidenceChange {
  /** The index of the class that is looked at; -1 for another target. */
  target: number
  /** The target's probability, or its score where it has none, for the image as it is. */
  before: number
  /** The same for the image times the map. */
  after: number
}

/** How the probabilities of some images change under their maps. */
export interface ConfidenceResult {
  /** Those of each image. */
  images: ConfidenceChange[]
  /** Mean share of the probability that is lost; 0 for an image that loses nothing: low is good. */
  averageDrop: number
  /** The same in probability, not as a share of it, as pytorch-grad-cam has it. */
  drop: number
  /** The share of the images whose probability rises: high is good. */
  increase: number
}

/** Options of {@link confidenceChange}. */
export interface ConfidenceOptions extends EvaluationOptions {
  /** Of a text, the token id that takes the place of those that are hidden. Default 0. */
  hidden?: number
}

/** Drop and increase in confidence (Chattopadhay et al. 2018, “Grad-CAM++”, section 4.1): the normalised image is multiplied
 * by its map, scaled to [0, 1] from its least to its greatest value; a map without contrast hides all of it. Of a text the
 * tokens whose value is at most the median are hidden, but for the first and the last one (Wang et al. 2023, M2IB).
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function confidenceChange(model: Model, options: ConfidenceOptions): Promise<ConfidenceResult> {
  requireEvaluationOptions(options, ['hidden'])
  const vocabulary = model.vocabulary ?? 1
  const hidden = requireInteger('hidden', options.hidden ?? 0, 0, vocabulary - 1)
  const images = await evaluateEach(model, options, (subject, settings) =>
    changeConfidence(model, subject, settings, hidden),
  )
  const over = <Key extends keyof ReturnType<typeof changesOf>>(key: Key) =>
    mean(images.map(image => changesOf(image)[key]))
  return { images, averageDrop: over('averageDrop'), drop: over('drop'), increase: over('increase') }
}

async function changeConfidence(
  model: Model,
  { input, map, target: given }: Subject,
  { signal, onProgress }: SubjectSettings,
  hidden = 0,
): Promise<ConfidenceChange> {
  requireFittingMap(map, input)
  const images = input.text ? withHidden(input.text.ids, map, hidden) : withMasked(input, map)
  signal?.throwIfAborted()
  const { target, strengths } = await callNative(() =>
    addon().strengths({ model: model.handle, images, target: watchedTarget(given, model) }),
  )
  await onProgress?.(2, 2)
  return { target, before: strengths[0]!, after: strengths[1]! }
}

/** The image, and the image times the map. */
function withMasked({ data, channels, height, width }: PreparedInput, map: HeatMap): InputTensor {
  const weights = scaled(map)
  const both = new Float32Array(2 * data.length)
  both.set(data)
  both.set(
    data.map((value, i) => value * weights[i % weights.length]!),
    data.length,
  )
  return { data: both, shape: [2, channels, height, width] }
}

/** The text, and the text without the tokens that the map has no more than half of the others below. */
function withHidden(ids: BigInt64Array, { data }: HeatMap, hidden: number): InputTensor {
  const inner = data.slice(1, -1).sort()
  const middle = inner.length / 2
  const median = (inner[Math.ceil(middle) - 1]! + inner[Math.floor(middle)]!) / 2
  const kept = ids.map((id, i) => {
    const isInside = i > 0 && i < ids.length - 1
    return isInside && data[i]! <= median ? BigInt(hidden) : id
  })
  return { data: BigInt64Array.from([...ids, ...kept]), shape: [2, 1, 1, ids.length] }
}

function scaled({ data }: HeatMap): Float32Array {
  let [low, high] = [Infinity, -Infinity]
  for (const value of data) [low, high] = [Math.min(low, value), Math.max(high, value)]
  return high > low ? data.map(value => (value - low) / (high - low)) : new Float32Array(data.length)
}

function changesOf({ before, after }: ConfidenceChange) {
  const drop = Math.max(0, before - after)
  return { averageDrop: drop / before, drop, increase: Number(after > before) }
}

export const confidenceProtocol = declareProtocol(
  {
    kind: 'confidence',
    title: 'Drop and increase in confidence',
    summary: 'what is left of the prediction where the map hides the rest',
    source: 'Chattopadhay et al. 2018',
    direction: 'lower',
    scoreName: 'average drop',
    samples: 1000,
    options: [],
  },
  () => ({
    work: () => ({ maps: 1, passes: 2 }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        evaluate: ({ subject }, settings) => changeConfidence(context.model, subject, settings),
      }),
    summarise(records) {
      const found = valuesOf<ConfidenceChange>(records).map(changesOf)
      const averageDrop = bootstrapMean(found.map(image => image.averageDrop))
      const drop = bootstrapMean(found.map(image => image.drop))
      const increase = bootstrapMean(found.map(image => image.increase))
      return { score: averageDrop, scores: { averageDrop, drop, increase }, curves: [] }
    },
  }),
)
