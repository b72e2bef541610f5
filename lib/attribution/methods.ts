import { InvalidArgumentError } from '../foundation/errors.js'
import { requireString, suggestion } from '../foundation/validate.js'
import type { Model } from '../model/model.js'
import type { Attributer } from './attribution.js'
import { createNativeAttributer, describeNativeMethods } from './native-method.js'
import type { MethodDescription } from './options.js'
import { type PerSampleOptions, perSample, perSampleMethod } from './per-sample.js'
import { type ReadoutOptions, readout, readoutMethod } from './readout.js'

/** What can be set for every method of `methods`; `perSample` has options of its own. */
export interface MethodOptions {
  /** `iba` (default): this package's settings and post-processing; `paper`: those of the paper's code. */
  preset?: 'iba' | 'paper'
  /** Images that are explained together at most. Default: 8 on the CPU, 32 on CUDA. */
  batch?: number
  /** Images, or copies of images, that go through the network together at most, which bounds the memory. */
  rows?: number
  /** Return the attribution before it was reduced to the map as well. */
  keepRaw?: boolean
}

export interface SmoothGradOptions extends MethodOptions {
  /** Noised copies. Default 50. */
  samples?: number
  /** Deviation of the noise, as a share of the image's range of values. Default 0.15. */
  noise?: number
}

export interface IntegratedGradientsOptions extends MethodOptions {
  /** Places on the way from the baseline to the image where the gradient is taken. Default 50. */
  steps?: number
  /** Where the way begins. Default 'mean', the image's mean colour. */
  baseline?: Baseline
  /** Multiply the mean gradient by the way, so that the map adds up to logits. Default true, in `paper` false. */
  timesInput?: boolean
}

export interface GradCamOptions extends MethodOptions {
  /** Where the channels are read. Default: the last layer with a height and a width. */
  layer?: string
}

export interface OcclusionOptions extends MethodOptions {
  /** Side of the square that is replaced, in pixels. Default 16; 8 and 14 for `occlusion-8` and `occlusion-14`. */
  patch?: number
  /** Pixels from one patch to the next. Default: the patch's side. */
  stride?: number
  /** What a patch is replaced by. Default 'mean', the image's mean colour. */
  baseline?: Baseline
}

export interface LrpOptions extends MethodOptions {
  /** Which rule each kind of layer follows. Default 'epsilon-gamma-box', in `paper` 'alpha-beta'. */
  composite?: LrpComposite
  /** Keeps small sums of contributions from weighing too much. Default 1e-6, in `paper` 5. */
  epsilon?: number
  /** How much more contributions of the output's sign count. Default 0.25. */
  gamma?: number
  /** Of 'alpha-beta': the share that is handed to negative contributions, with the opposite sign. Default 1, in `paper`
   * -1. */
  beta?: number
  /** Let biases take their part of the relevance. Default true, in `paper` false. */
  biases?: boolean
  /** The smallest and the greatest value of each channel of a prepared image, for the first layer's rule. Default: black
   * and white, by the model's preprocessing. */
  low?: readonly number[]
  high?: readonly number[]
}

export interface PatternOptions extends MethodOptions {
  /** The file that `Patterns.save` or `iba fit-patterns` wrote for this model. */
  patterns: string
}

/** What can stand for pixels that say nothing. */
export type Baseline =
  | 'mean'
  | 'zero'
  | 'uniform'
  | 'minimum'
  | 'maximum'
  | 'blur'
  | 'tile-mean'
  | 'shuffled-pixels'
  | 'shuffled-tiles'

/** Tables of rules for layer-wise relevance propagation. */
export type LrpComposite =
  | 'epsilon-gamma-box'
  | 'epsilon'
  | 'gamma'
  | 'z-plus'
  | 'alpha1-beta0'
  | 'alpha2-beta1'
  | 'alpha-beta'

/** The methods by name. Each makes an attributer for a model; what a method is given and where it was published is
 * said by its line. The native method is made when the first image is explained, and errors of it come then.
 * @throws InvalidArgumentError where an option is unknown or out of range */
export const methods = {
  /** The per-sample bottleneck, in bits: Schulz et al. 2020, section 3.2. */
  'per-sample': perSample,
  /** The readout bottleneck, in bits, in one pass: Schulz et al. 2020, section 3.3. */
  readout,
  /** The derivative of the logit, averaged over the colours: Baehrens et al. 2010; Simonyan et al. 2014. */
  gradient: native<MethodOptions>('gradient'),
  /** The greatest absolute derivative over the colours: Simonyan et al. 2014. */
  saliency: native<MethodOptions>('saliency'),
  /** The derivative times the pixel, averaged over the colours: Shrikumar et al. 2016. */
  'gradient-x-input': native<MethodOptions>('gradient-x-input'),
  /** The gradient, averaged over noised copies of the image: Smilkov et al. 2017. */
  smoothgrad: native<SmoothGradOptions>('smoothgrad'),
  /** The gradient, averaged along the way from a baseline to the image, times the way; checked by the completeness gap:
   * Sundararajan et al. 2017. */
  'integrated-gradients': native<IntegratedGradientsOptions>('integrated-gradients'),
  /** The gradient with only what is positive passing each active ReLU: Springenberg et al. 2015. */
  'guided-backprop': native<MethodOptions>('guided-backprop'),
  /** The gradient with only what is positive passing each ReLU, active or not: Zeiler and Fergus 2014. */
  deconvnet: native<MethodOptions>('deconvnet'),
  /** The channels of a layer, weighted by their mean gradient: Selvaraju et al. 2017. */
  'grad-cam': native<GradCamOptions>('grad-cam'),
  /** Grad-CAM times guided backpropagation: Selvaraju et al. 2017. */
  'guided-grad-cam': native<GradCamOptions>('guided-grad-cam'),
  /** By how much the logit drops where a patch of the image is replaced: Zeiler and Fergus 2014. */
  occlusion: native<OcclusionOptions>('occlusion'),
  /** Occlusion with patches of 8 × 8 pixels: Schulz et al. 2020. */
  'occlusion-8': native<OcclusionOptions>('occlusion-8'),
  /** Occlusion with patches of 14 × 14 pixels: Schulz et al. 2020. */
  'occlusion-14': native<OcclusionOptions>('occlusion-14'),
  /** Layer-wise relevance propagation: the logit, handed down in proportion to the contributions; checked by the
   * conservation gap: Bach et al. 2015; Montavon et al. 2019. */
  lrp: native<LrpOptions>('lrp'),
  /** The gradient with each weight replaced by the direction in the data that its neuron detects: Kindermans et al.
   * 2018. */
  patternnet: nativeWith<PatternOptions>('patternnet'),
  /** The gradient with each weight multiplied by the direction in the data that its neuron detects: Kindermans et al.
   * 2018. */
  'pattern-attribution': nativeWith<PatternOptions>('pattern-attribution'),
  /** The numbers from -1 to 1 in a random order, as a map to be better than: Schulz et al. 2020. */
  random: native<MethodOptions>('random'),
  /** A map of zeros, to check evaluations with: Schulz et al. 2020. */
  zero: native<MethodOptions>('zero'),
}

export type MethodName = keyof typeof methods

/** The names of all methods, in the order they are shown to users. */
export const methodNames = Object.keys(methods) as MethodName[]

/** All methods with their options and defaults, as data. */
export function describeMethods(): MethodDescription[] {
  return [perSampleMethod, readoutMethod, ...describeNativeMethods()]
}

/** The method of a name that comes from a user.
 * @throws InvalidArgumentError where there is none, naming the nearest */
export function describeMethod(name: string): MethodDescription {
  const all = describeMethods()
  const found = all.find(method => method.name === requireString('method', name))
  if (found) return found
  const names = all.map(method => method.name)
  throw new InvalidArgumentError(
    `There is no method '${name}'.${suggestion(name, names)} The methods are: ${names.join(', ')}.`,
  )
}

/** An attributer of a method whose name and options come from a user; `methods` has the same ones typed.
 * @throws InvalidArgumentError where there is no such method, or an option is unknown, missing or out of range */
export function createAttributer(model: Model, name: string, options: object = {}): Attributer {
  const method = describeMethod(name)
  // It checks its options itself.
  if (method === perSampleMethod) return perSample(model, options as PerSampleOptions)
  if (method === readoutMethod) return readout(model, options as ReadoutOptions)
  return createNativeAttributer(model, method, options)
}

function native<Options extends MethodOptions>(name: string) {
  return (model: Model, options?: Options): Attributer => createAttributer(model, name, options)
}

/** A method that has to be given something. */
function nativeWith<Options extends MethodOptions>(name: string) {
  return (model: Model, options: Options): Attributer => createAttributer(model, name, options)
}
