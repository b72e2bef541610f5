import { option } from '../../attribution/described-options.js'
import { requireInteger, requireNumber, requireOneOf } from '../../foundation/validate.js'
import type { Model } from '../../model/model.js'
import { addon } from '../../native/addon.js'
import type { ImageInfidelity } from '../../native/evaluation-calls.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  runNative,
  type Subject,
  type SubjectSettings,
} from '../subject.js'
import { eachImage, nothing, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'

/** Whether the channels of a pixel share one draw of the noise, or have one each. */
export type ChannelNoise = 'shared' | 'independent'

const channelNoises: readonly ChannelNoise[] = ['shared', 'independent']
const defaults = { deviation: 0.2, samples: 100, channelNoise: 'shared' as ChannelNoise, seed: 0 }

/** Options of {@link infidelity}. */
export interface InfidelityOptions extends EvaluationOptions {
  /** Standard deviation of the noise, after normalisation. Default 0.2. */
  deviation?: number
  /** Noise images for each image. Default 100. */
  samples?: number
  /** Whether the channels of a pixel share one draw, or have one each; each channel then explains an equal part of the
   * map's value. Default 'shared'. */
  channelNoise?: ChannelNoise
  /** Seeds the noise, for all images the same. Default 0. */
  seed?: number
}

export type { ImageInfidelity }

/** The gaps of all images: low is good. */
export interface InfidelityResult {
  /** Those of each image. */
  images: ImageInfidelity[]
  /** Mean over the images, with the maps as they are. */
  value: number
  /** Mean over the images, each map times the factor that fits it best. */
  scaled: number
}

/** Infidelity (Yeh et al. 2019, “On the (In)fidelity and Sensitivity of Explanations”, definition 2.1): the mean of
 * (I·map − (f(x) − f(x − I)))² over perturbations I of normal noise; f is the target's logit. Lower is better.
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function infidelity(model: Model, options: InfidelityOptions): Promise<InfidelityResult> {
  requireEvaluationOptions(options, ['deviation', 'samples', 'channelNoise', 'seed'])
  const images = await evaluateEach(model, options, (subject, settings) =>
    imageInfidelity(model, subject, options, settings),
  )
  return {
    images,
    value: mean(images.map(({ value }) => value)),
    scaled: mean(images.map(({ scaled }) => scaled)),
  }
}

export async function imageInfidelity(
  model: Model,
  subject: Subject,
  {
    deviation = defaults.deviation,
    samples = defaults.samples,
    channelNoise = defaults.channelNoise,
    seed = defaults.seed,
  }: Pick<InfidelityOptions, 'deviation' | 'samples' | 'channelNoise' | 'seed'>,
  settings: SubjectSettings,
): Promise<ImageInfidelity> {
  const noise = {
    deviation: requireNumber('deviation', deviation, Number.MIN_VALUE, 1e6),
    samples: requireInteger('samples', samples, 2),
    sharedNoise: requireOneOf('channelNoise', channelNoise, channelNoises) === 'shared',
    seed: requireInteger('seed', seed, 0),
  }
  return await runNative(model, subject, call => addon().infidelity({ ...call, ...noise }), settings)
}

export const infidelityProtocol = declareProtocol<{
  deviation: number
  noiseSamples: number
  channelNoise: ChannelNoise
}>(
  {
    kind: 'infidelity',
    title: 'Infidelity',
    summary: 'what noise does to the logit, against what the map says',
    source: 'Yeh et al. 2019, definition 2.1',
    direction: 'lower',
    samples: 1000,
    options: [
      option('deviation', 'number', "the noise's standard deviation", defaults.deviation, {
        flag: 'noise',
        minimum: Number.MIN_VALUE,
        maximum: 1e6,
      }),
      option('noiseSamples', 'whole', 'noised images', defaults.samples, { minimum: 2 }),
      option(
        'channelNoise',
        'choice',
        'one draw for all channels of a pixel, or one each',
        defaults.channelNoise,
        {
          choices: channelNoises,
        },
      ),
    ],
  },
  ({ deviation, noiseSamples, channelNoise }) => ({
    work: () => ({ maps: 1, passes: noiseSamples }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        evaluate: ({ subject }, settings) =>
          imageInfidelity(
            context.model,
            subject,
            { deviation, samples: noiseSamples, channelNoise },
            settings,
          ),
      }),
    summarise(records) {
      const images = valuesOf<ImageInfidelity>(records)
      const scaled = bootstrapMean(images.map(image => image.scaled))
      const value = bootstrapMean(images.map(image => image.value))
      return { score: scaled, scores: { scaled, value }, curves: [] }
    },
  }),
)
