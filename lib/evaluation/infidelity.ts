import { requireInteger, requireNumber } from '../foundation/validate.js'
import type { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import { mean } from './numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  runNative,
  type Subject,
  type SubjectSettings,
} from './subject.js'

export interface InfidelityOptions extends EvaluationOptions {
  /** Deviation of the noise, which is the same in all channels of a pixel, after normalisation. Default 0.2. */
  deviation?: number
  /** Noise images for each image. Default 100. */
  samples?: number
  /** Seeds the noise, for all images the same. Default 0. */
  seed?: number
}

export interface ImageInfidelity {
  target: number
  /** With the map as it is. */
  value: number
  /** With the map times the factor that makes it least, which is what maps of other scales are compared by. */
  scaled: number
}

export interface InfidelityResult {
  images: ImageInfidelity[]
  value: number
  scaled: number
}

/** Infidelity (Yeh et al. 2019, “On the (In)fidelity and Sensitivity of Explanations”, definition 2.1): the mean of
 * (I·map − (f(x) − f(x − I)))² over perturbations I of normal noise; f is the target's logit. Lower is better.
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function infidelity(model: Model, options: InfidelityOptions): Promise<InfidelityResult> {
  requireEvaluationOptions(options, ['deviation', 'samples', 'seed'])
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
  { deviation = 0.2, samples = 100, seed = 0 }: Pick<InfidelityOptions, 'deviation' | 'samples' | 'seed'>,
  settings: SubjectSettings,
): Promise<ImageInfidelity> {
  const noise = {
    deviation: requireNumber('deviation', deviation, Number.MIN_VALUE, 1e6),
    samples: requireInteger('samples', samples, 2),
    seed: requireInteger('seed', seed, 0),
  }
  return await runNative(model, addon().infidelity, subject, noise, settings)
}
