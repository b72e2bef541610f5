import type { HeatMap } from '../../attribution/attribution.js'
import type { Model } from '../../model/model.js'
import { addon } from '../../native/addon.js'
import { callNative } from '../../native/call.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  requireMapOf,
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

/** Drop and increase in confidence (Chattopadhay et al. 2018, “Grad-CAM++”, section 4.1): the normalised image is multiplied
 * by its map, scaled to [0, 1] from its least to its greatest value; a map without contrast hides all of it.
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function confidenceChange(model: Model, options: EvaluationOptions): Promise<ConfidenceResult> {
  requireEvaluationOptions(options, [])
  const images = await evaluateEach(model, options, (subject, settings) =>
    changeConfidence(model, subject, settings),
  )
  const over = <Key extends keyof ReturnType<typeof changesOf>>(key: Key) =>
    mean(images.map(image => changesOf(image)[key]))
  return { images, averageDrop: over('averageDrop'), drop: over('drop'), increase: over('increase') }
}

async function changeConfidence(
  model: Model,
  { input, map, target: given }: Subject,
  { signal, onProgress }: SubjectSettings,
): Promise<ConfidenceChange> {
  requireMapOf(map, input)
  const { data, channels, height, width } = input
  const weights = scaled(map)
  const masked = data.map((value, i) => value * weights[i % weights.length]!)
  signal?.throwIfAborted()
  const images = { data: new Float32Array(2 * data.length), shape: [2, channels, height, width] }
  images.data.set(data)
  images.data.set(masked, data.length)
  const { target, strengths } = await callNative(() =>
    addon().strengths({ model: model.handle, images, target: watchedTarget(given, model) }),
  )
  await onProgress?.(2, 2)
  return { target, before: strengths[0]!, after: strengths[1]! }
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
