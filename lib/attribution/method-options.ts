// Written by scripts/describe-methods.ts from what the methods say of themselves; `npm run describe` writes it anew.

import type { Patterns } from '../learned/patterns.js'
import type { Statistics } from '../learned/statistics.js'
import type { TrainedReadout } from '../learned/trained-readout.js'
import type { Model } from '../model/model.js'
import type { Attributer } from './attribution.js'

/** The names of all methods, in the order they are shown to users. */
export const methodNames = [
  'per-sample',
  'readout',
  'gradient',
  'saliency',
  'gradient-x-input',
  'smoothgrad',
  'integrated-gradients',
  'deep-lift',
  'deep-shap',
  'guided-backprop',
  'deconvnet',
  'grad-cam',
  'guided-grad-cam',
  'grad-cam-plus-plus',
  'hires-cam',
  'layer-cam',
  'xgrad-cam',
  'eigen-cam',
  'ablation-cam',
  'score-cam',
  'occlusion',
  'occlusion-8',
  'occlusion-14',
  'lrp',
  'attention-rollout',
  'generic-attention',
  'patternnet',
  'pattern-attribution',
  'random',
  'zero',
] as const

/** The name of a method. */
export type MethodName = (typeof methodNames)[number]

/** What can be set for nearly every method. */
export interface MethodOptions {
  /** Settings and post-processing: ours, or those of the paper's code. Default iba. */
  preset?: 'iba' | 'paper'
  /** Images, or copies of images, that go through the network together at most. Default 16. */
  rows?: number
  /** Return the attribution before it is reduced to the map as well. Default false. */
  keepRaw?: boolean
  /** Images that are explained together at most (default: 8, on CUDA 32). */
  batch?: number
}

/** The options of `per-sample`. */
export interface PerSampleOptions {
  /** Of this model, or the path of its file, which is read when the first image is explained. */
  statistics: Statistics | string
  /** Where the bottleneck goes (default: the paper's place in the network). */
  layer?: string
  /** Conventions of the authors' library, or of the paper's code; fast has the former with adaptive copies (default: the statistics'). */
  preset?: 'iba' | 'paper' | 'fast'
  /** Images, or copies of images, that go through the network together at most. Default 32. */
  rows?: number
  /** How the mask is found: Adam is the paper's, proximal comes to a lower loss in as many steps. Default adam. */
  solver?: 'adam' | 'proximal'
  /** The price of information: higher shows less. Default 10. */
  beta?: number
  /** Optimisation steps. Default 10. */
  steps?: number
  /** Noise copies of each image in each step. Default 10. */
  copies?: number
  /** As many copies in each step of Adam, or few where the mask lets nearly everything pass, in pairs of opposite noise (default: constant, and adaptive in fast). */
  copyPlan?: 'constant' | 'adaptive'
  /** Learning rate of Adam. Default 1. */
  learningRate?: number
  /** Smoothing of the mask in neurons, 0 for none. Default 1. */
  sigma?: number
  /** Floor of the standard deviation in the iba preset. Default 0.01. */
  minimumStd?: number
  /** Return the capacity of every neuron as well. Default false. */
  keepCapacity?: boolean
  /** Return the map after every step as well. Default false. */
  keepSteps?: boolean
  /** Images that are explained together at most (default: 1, on CUDA 16). */
  batch?: number
}

/** The options of `readout`. */
export interface ReadoutOptions {
  /** Of this model, or the path of its file, which is read when the first image is explained. */
  readout: TrainedReadout | string
  /** Images, or copies of images, that go through the network together at most. Default 16. */
  rows?: number
  /** Return the capacity of every neuron as well. Default false. */
  keepCapacity?: boolean
  /** Return what the network recognises behind the bottleneck. Default false. */
  keepLogits?: boolean
  /** Images that are explained together at most. Default 16. */
  batch?: number
}

/** The options of `smoothgrad`. */
export interface SmoothgradOptions extends MethodOptions {
  /** Noised copies. Default 50. */
  samples?: number
  /** Standard deviation of the noise, as a fraction of the image's range of values. Default 0.15. */
  noise?: number
}

/** The options of `integrated-gradients`. */
export interface IntegratedGradientsOptions extends MethodOptions {
  /** Places on the way where the gradient is taken. Default 50. */
  steps?: number
  /** Which places: the ends of equal parts, or the roots of a Legendre polynomial. Default riemann-right. */
  quadrature?: 'riemann-right' | 'gauss-legendre'
  /** Where the way begins. Default mean. */
  baseline?:
    | 'mean'
    | 'zero'
    | 'uniform'
    | 'minimum'
    | 'maximum'
    | 'blur'
    | 'tile-mean'
    | 'shuffled-pixels'
    | 'shuffled-tiles'
  /** Multiply the mean gradient by the way, so that the map adds up to logits. Default true, in `paper` false. */
  timesInput?: boolean
}

/** The options of `deep-lift`. */
export interface DeepLiftOptions extends MethodOptions {
  /** What the image differs from. Default mean. */
  baseline?:
    | 'mean'
    | 'zero'
    | 'uniform'
    | 'minimum'
    | 'maximum'
    | 'blur'
    | 'tile-mean'
    | 'shuffled-pixels'
    | 'shuffled-tiles'
}

/** The options of `deep-shap`. */
export interface DeepShapOptions extends MethodOptions {
  /** Baselines. Default 10. */
  samples?: number
  /** How each is drawn from the image. Default uniform. */
  baseline?: 'uniform' | 'shuffled-pixels' | 'shuffled-tiles'
}

/** The options of `grad-cam`. */
export interface GradCamOptions extends MethodOptions {
  /** Where the channels are read (default: the last layer with a height and a width). */
  layer?: string
}

/** The options of `guided-grad-cam`. */
export interface GuidedGradCamOptions extends MethodOptions {
  /** Where the channels are read (default: the last layer with a height and a width). */
  layer?: string
}

/** The options of `grad-cam-plus-plus`. */
export interface GradCamPlusPlusOptions extends MethodOptions {
  /** Where the channels are read (default: the last layer with a height and a width). */
  layer?: string
}

/** The options of `hires-cam`. */
export interface HiresCamOptions extends MethodOptions {
  /** Where the channels are read (default: the last layer with a height and a width). */
  layer?: string
}

/** The options of `layer-cam`. */
export interface LayerCamOptions extends MethodOptions {
  /** Where the channels are read (default: the last layer with a height and a width). */
  layer?: string
}

/** The options of `xgrad-cam`. */
export interface XgradCamOptions extends MethodOptions {
  /** Where the channels are read (default: the last layer with a height and a width). */
  layer?: string
}

/** The options of `eigen-cam`. */
export interface EigenCamOptions extends MethodOptions {
  /** Where the channels are read (default: the last layer with a height and a width). */
  layer?: string
}

/** The options of `ablation-cam`. */
export interface AblationCamOptions extends MethodOptions {
  /** Where the channels are read (default: the last layer with a height and a width). */
  layer?: string
}

/** The options of `score-cam`. */
export interface ScoreCamOptions extends MethodOptions {
  /** Where the channels are read (default: the last layer with a height and a width). */
  layer?: string
}

/** The options of `occlusion`. */
export interface OcclusionOptions extends MethodOptions {
  /** Side of the square that is replaced, in pixels. Default 16. */
  patch?: number
  /** Pixels from one patch to the next (default: the patch's side). */
  stride?: number
  /** What a patch is replaced by. Default mean. */
  baseline?:
    | 'mean'
    | 'zero'
    | 'uniform'
    | 'minimum'
    | 'maximum'
    | 'blur'
    | 'tile-mean'
    | 'shuffled-pixels'
    | 'shuffled-tiles'
}

/** The options of `occlusion-8`. */
export interface Occlusion8Options extends MethodOptions {
  /** Side of the square that is replaced, in pixels. Default 8. */
  patch?: number
  /** Pixels from one patch to the next (default: the patch's side). */
  stride?: number
  /** What a patch is replaced by. Default mean. */
  baseline?:
    | 'mean'
    | 'zero'
    | 'uniform'
    | 'minimum'
    | 'maximum'
    | 'blur'
    | 'tile-mean'
    | 'shuffled-pixels'
    | 'shuffled-tiles'
}

/** The options of `occlusion-14`. */
export interface Occlusion14Options extends MethodOptions {
  /** Side of the square that is replaced, in pixels. Default 14. */
  patch?: number
  /** Pixels from one patch to the next (default: the patch's side). */
  stride?: number
  /** What a patch is replaced by. Default mean. */
  baseline?:
    | 'mean'
    | 'zero'
    | 'uniform'
    | 'minimum'
    | 'maximum'
    | 'blur'
    | 'tile-mean'
    | 'shuffled-pixels'
    | 'shuffled-tiles'
}

/** The options of `lrp`. */
export interface LrpOptions extends MethodOptions {
  /** Which rule each kind of layer follows. Default epsilon-gamma-box, in `paper` alpha-beta. */
  composite?:
    | 'epsilon-gamma-box'
    | 'epsilon'
    | 'gamma'
    | 'z-plus'
    | 'alpha1-beta0'
    | 'alpha2-beta1'
    | 'alpha-beta'
    | 'attn-lrp'
    | 'cp-lrp'
    | 'epsilon-plus-flat'
    | 'epsilon-alpha2-beta1-flat'
  /** Keeps small sums of contributions from weighing too much. Default 0.000001, in `paper` 5. */
  epsilon?: number
  /** How much more contributions of the output's sign count. Default 0.25. */
  gamma?: number
  /** The same in linear layers, of attn-lrp and cp-lrp. Default 0.05. */
  linearGamma?: number
  /** Of alpha-beta: the share that is handed to negative contributions, with the opposite sign. Default 1, in `paper` -1. */
  beta?: number
  /** Let biases take their part of the relevance. Default true, in `paper` false. */
  biases?: boolean
  /** The smallest value of each channel of an image (default: black, as the model normalises it). */
  low?: readonly number[]
  /** The greatest value of each channel of an image (default: white, as the model normalises it). */
  high?: readonly number[]
}

/** The options of `attention-rollout`. */
export interface AttentionRolloutOptions extends MethodOptions {
  /** The share of the lowest attention that is dropped in each block. Default 0. */
  discard?: number
  /** What is taken of the attention of a block's heads. Default mean. */
  fusion?: 'mean' | 'max' | 'min'
}

/** The options of `patternnet`. */
export interface PatternnetOptions extends MethodOptions {
  /** Of this model, or the path of its file, which is read when the first image is explained. */
  patterns: Patterns | string
}

/** The options of `pattern-attribution`. */
export interface PatternAttributionOptions extends MethodOptions {
  /** Of this model, or the path of its file, which is read when the first image is explained. */
  patterns: Patterns | string
}

/** The methods by name: each makes an attributer for a model. */
export interface Methods {
  /** The information that a bottleneck in a layer has to let pass for the class, in bits. Schulz et al. 2020, section 3.2. */
  readonly 'per-sample': (model: Model, options: PerSampleOptions) => Attributer
  /** The information that a trained network lets pass a layer, in bits; one pass for a map. Schulz et al. 2020, section 3.3. */
  readonly readout: (model: Model, options: ReadoutOptions) => Attributer
  /** The derivative of the logit with respect to each pixel, averaged over the colours. Baehrens et al. 2010; Simonyan et al. 2014. */
  readonly gradient: (model: Model, options?: MethodOptions) => Attributer
  /** The greatest absolute derivative over the colours of each pixel. Simonyan et al. 2014. */
  readonly saliency: (model: Model, options?: MethodOptions) => Attributer
  /** The derivative times the pixel, averaged over the colours. Shrikumar et al. 2016. */
  readonly 'gradient-x-input': (model: Model, options?: MethodOptions) => Attributer
  /** The gradient, averaged over noised copies of the image; the greatest absolute value over the colours. Smilkov et al. 2017. */
  readonly smoothgrad: (model: Model, options?: SmoothgradOptions) => Attributer
  /** The gradient, averaged along the way from a baseline to the image, times the way; what the map's sum lacks of the difference in logits is the completeness gap. Sundararajan et al. 2017. */
  readonly 'integrated-gradients': (model: Model, options?: IntegratedGradientsOptions) => Attributer
  /** The difference of the logit to that of a baseline, handed down by the ratio of differences at each activation function (rescale rule); what the map's sum lacks of it is the completeness gap. Shrikumar et al. 2017. */
  readonly 'deep-lift': (model: Model, options?: DeepLiftOptions) => Attributer
  /** DeepLIFT, averaged over baselines that are drawn at random. Lundberg and Lee 2017. */
  readonly 'deep-shap': (model: Model, options?: DeepShapOptions) => Attributer
  /** The gradient with only what is positive passing each ReLU, where the ReLU was active; the greatest absolute value over the colours. Springenberg et al. 2015. */
  readonly 'guided-backprop': (model: Model, options?: MethodOptions) => Attributer
  /** The gradient with only what is positive passing each ReLU, whether or not the ReLU was active; the greatest absolute value over the colours. Zeiler and Fergus 2014. */
  readonly deconvnet: (model: Model, options?: MethodOptions) => Attributer
  /** The channels of a layer, weighted by their mean gradient, where the sum is positive; the preset `paper` explains the predicted class. Selvaraju et al. 2017. */
  readonly 'grad-cam': (model: Model, options?: GradCamOptions) => Attributer
  /** Grad-CAM times guided backpropagation. Selvaraju et al. 2017. */
  readonly 'guided-grad-cam': (model: Model, options?: GuidedGradCamOptions) => Attributer
  /** Grad-CAM whose weights are sums of the positive gradients, so that several objects of a class count alike. Chattopadhay et al. 2018. */
  readonly 'grad-cam-plus-plus': (model: Model, options?: GradCamPlusPlusOptions) => Attributer
  /** The activation of each place of a layer times its own gradient, where the sum is positive. Draelos and Carin 2020. */
  readonly 'hires-cam': (model: Model, options?: HiresCamOptions) => Attributer
  /** The activation of each place of a layer times its own gradient where that is positive; also of early layers. Jiang et al. 2021. */
  readonly 'layer-cam': (model: Model, options?: LayerCamOptions) => Attributer
  /** Grad-CAM whose weights are means of the gradient by each place's share of the activation. Fu et al. 2020. */
  readonly 'xgrad-cam': (model: Model, options?: XgradCamOptions) => Attributer
  /** The places of a layer along the direction in which they differ most, whatever the class: the first principal component. Muhammad and Yeasin 2020; its sign: Chung and Ying 2025. */
  readonly 'eigen-cam': (model: Model, options?: EigenCamOptions) => Attributer
  /** The channels of a layer, weighted by the share of the logit that is lost without each; a pass from the layer on for each channel. Desai and Ramaswamy 2020. */
  readonly 'ablation-cam': (model: Model, options?: AblationCamOptions) => Attributer
  /** The channels of a layer, weighted by the softmax of the logits that the image has when masked by each; a pass for each channel. Wang et al. 2020. */
  readonly 'score-cam': (model: Model, options?: ScoreCamOptions) => Attributer
  /** By how much the logit drops where a patch of the image is replaced. Zeiler and Fergus 2014. */
  readonly occlusion: (model: Model, options?: OcclusionOptions) => Attributer
  /** Occlusion with patches of 8 × 8 pixels, as in the paper. Zeiler and Fergus 2014. */
  readonly 'occlusion-8': (model: Model, options?: Occlusion8Options) => Attributer
  /** Occlusion with patches of 14 × 14 pixels, as in the paper. Zeiler and Fergus 2014. */
  readonly 'occlusion-14': (model: Model, options?: Occlusion14Options) => Attributer
  /** The logit, handed down from layer to layer in proportion to the contributions; what does not arrive at the image is the conservation gap. Bach et al. 2015; Montavon et al. 2019; for transformers Ali et al. 2022; Achtibat et al. 2024. */
  readonly lrp: (model: Model, options?: LrpOptions) => Attributer
  /** How much of each token flows into what a transformer's classes are read from, by its attention alone: the same for each class. Abnar and Zuidema 2020. */
  readonly 'attention-rollout': (model: Model, options?: AttentionRolloutOptions) => Attributer
  /** The attention of a transformer, weighted by its positive derivatives of the logit, carried from block to block. Chefer et al. 2021. */
  readonly 'generic-attention': (model: Model, options?: MethodOptions) => Attributer
  /** The gradient with each weight replaced by the direction that its neuron detects in the data; the greatest absolute value over the colours. Kindermans et al. 2018. */
  readonly patternnet: (model: Model, options: PatternnetOptions) => Attributer
  /** The gradient with each weight multiplied by the direction that its neuron detects in the data, summed over the colours. Kindermans et al. 2018. */
  readonly 'pattern-attribution': (model: Model, options: PatternAttributionOptions) => Attributer
  /** The numbers from -1 to 1 in a random order, as a map to be better than. Schulz et al. 2020. */
  readonly random: (model: Model, options?: MethodOptions) => Attributer
  /** A map of zeros, to check evaluations with. Schulz et al. 2020. */
  readonly zero: (model: Model, options?: MethodOptions) => Attributer
}
