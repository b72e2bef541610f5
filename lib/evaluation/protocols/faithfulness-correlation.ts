import { option } from '../../attribution/described-options.js'
import { requireInteger } from '../../foundation/validate.js'
import type { Model } from '../../model/model.js'
import type { MaskedDrops } from '../../native/evaluation-calls.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  type Subject,
  type SubjectSettings,
} from '../subject.js'
import { eachImage, nothing, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'
import { maskImage, masksFor, type TileMasks } from './sensitivity-n.js'

const defaults = { subset: 224, runs: 100, seed: 0 }

/** Options of {@link faithfulnessCorrelation}. */
export interface FaithfulnessCorrelationOptions extends EvaluationOptions {
  /** Pixels of a subset. Default 224. */
  subset?: number
  /** How many subsets are drawn, the same for all images, or the subsets themselves, as masks of single pixels. Default 100. */
  runs?: number | TileMasks
  /** Draws the subsets. Default 0. */
  seed?: number
}

/** What faithfulness correlation finds. */
export interface FaithfulnessCorrelationResult {
  /** Of each image. */
  images: MaskedDrops[]
  /** The mean correlation, −1 to 1: high is good. */
  correlation: number
}

/** Faithfulness correlation (Bhatt et al. 2020, definition 4): whether the sum of a map over a random subset of the pixels tells
 * how much the target's logit falls where these are 0 after normalisation, the mean colour. It is sensitivity-n for one n and
 * tiles of a pixel.
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function faithfulnessCorrelation(
  model: Model,
  options: FaithfulnessCorrelationOptions,
): Promise<FaithfulnessCorrelationResult> {
  requireEvaluationOptions(options, Object.keys(defaults))
  const { subset = defaults.subset, runs = defaults.runs, seed = defaults.seed } = options
  const images = await evaluateEach(model, options, (subject, settings) => {
    const { width, height } = subject.input
    const masks = typeof runs === 'number' ? runs : [runs]
    const ns = [typeof runs === 'number' ? requireInteger('subset', subset, 1) : runs.n]
    return correlate(model, subject, masksFor(width * height, { ns, masks, seed }), settings)
  })
  return { images, correlation: mean(images.map(({ correlation }) => correlation)) }
}

async function correlate(
  model: Model,
  subject: Subject,
  masks: readonly TileMasks[],
  settings: SubjectSettings,
): Promise<MaskedDrops> {
  const [found] = await maskImage(model, subject, 1, masks, settings)
  return found!
}

export const faithfulnessCorrelationProtocol = declareProtocol<{
  subset: number
  runs: number
  maskSeed: number
}>(
  {
    kind: 'faithfulness-correlation',
    title: 'Faithfulness correlation',
    summary: 'whether the map tells what random subsets of the pixels do to the logit',
    source: 'Bhatt et al. 2020',
    direction: 'higher',
    samples: 1000,
    options: [
      option('subset', 'whole', 'pixels of a subset', defaults.subset, { minimum: 1 }),
      option('runs', 'whole', 'subsets that are drawn', defaults.runs, { minimum: 2, maximum: 100_000 }),
      option('maskSeed', 'whole', 'draws the subsets', defaults.seed, { minimum: 0 }),
    ],
    tell: ({ subset, runs }) => `${runs} subsets of ${subset} pixels`,
  },
  ({ subset, runs, maskSeed }) => ({
    work: () => ({ maps: 1, passes: runs + 1 }),
    async *run(context) {
      let masks: readonly TileMasks[] | undefined
      yield* eachImage(context, {
        prepare: nothing,
        async evaluate({ subject }, settings) {
          const { width, height } = subject.input
          masks ??= masksFor(width * height, { ns: [subset], masks: runs, seed: maskSeed })
          const { correlation } = await correlate(context.model, subject, masks, settings)
          return { correlation }
        },
      })
    },
    summarise(records) {
      const found = valuesOf<{ correlation: number }>(records)
      const score = bootstrapMean(found.map(({ correlation }) => correlation))
      return { score, scores: { correlation: score }, curves: [] }
    },
  }),
)
