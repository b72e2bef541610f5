// Written by scripts/describe-methods.ts from what the methods say of themselves; `npm run describe` writes it anew.

import type { ImageInput } from '../images/source.js'
import type { Patterns } from '../learned/patterns.js'
import type { Statistics } from '../learned/statistics.js'
import type { TrainedReadout } from '../learned/trained-readout.js'
import type { Model } from '../model/model.js'
import type { Attributer } from './attribution.js'

/** The names of all methods, in the order they are shown to users. */
export const methodNames = [
  'per-sample',
  'readout',
  'coiba',
  'multi-layer',
  'input-iba',
  'm2ib',
  'gradient',
  'saliency',
  'gradient-x-input',
  'smoothgrad',
  'integrated-gradients',
  'guided-ig',
  'blur-ig',
  'gradient-shap',
  'full-grad',
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
  'finer-cam',
  'occlusion',
  'occlusion-8',
  'occlusion-14',
  'rise',
  'extremal-perturbation',
  'lime',
  'kernel-shap',
  'xrai',
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
  /** What it predicts is where the optimisation begins. Of this model, or the path of its file, which is read when the first image is explained. */
  readout?: TrainedReadout | string
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
  /** Of the proximal solver: an image is done when its loss, averaged over the steps, has fallen by less than this share in five steps; 0 takes all steps. Default 0. */
  tolerance?: number
  /** Noise copies of each image in each step. Default 10. */
  copies?: number
  /** As many copies in each step of Adam, or few where the mask lets nearly everything pass, in pairs of opposite noise (default: constant, and adaptive in fast). */
  copyPlan?: 'constant' | 'adaptive'
  /** Learning rate of Adam. Default 1. */
  learningRate?: number
  /** Where Adam begins without a readout: sigmoid of it is the share that passes at first. Default 5. */
  initialAlpha?: number
  /** Smoothing of the mask in neurons, 0 for none. Default 1. */
  sigma?: number
  /** Noise where the mask is open: what must go for the prediction to fail, in place of what suffices for it. Default false. */
  inverse?: boolean
  /** Of the inverse bottleneck: no gain from a copy whose loss is above this, in nats for a class (default: no limit). */
  lossLimit?: number
  /** Whether a place's channels share one mask. Default none. */
  share?: 'none' | 'channels'
  /** Fresh noise copies with which the loss of the map's mask is estimated at the end, as checks; 0 for none. Default 0. */
  lossCopies?: number
  /** Return the capacity of every neuron as well. Default false. */
  keepCapacity?: boolean
  /** Return the map after every step as well. Default false. */
  keepSteps?: boolean
  /** Floor of the standard deviation in the iba preset. Default 0.01. */
  minimumStd?: number
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

/** The options of `coiba`. */
export interface CoibaOptions {
  /** Of this model, or the path of its file, which is read when the first image is explained. */
  statistics: Statistics | string
  /** Where the bottlenecks go, with commas between them (default: from the paper's place on, all blocks of its kind; of a transformer's blocks their first layer norm). */
  layers?: string
  /** Conventions of the authors' library, or of the paper's code; fast has the former with adaptive copies (default: the statistics'). */
  preset?: 'iba' | 'paper' | 'fast'
  /** Images, or copies of images, that go through the network together at most. Default 32. */
  rows?: number
  /** The price of information: higher shows less. Default 1. */
  beta?: number
  /** Optimisation steps. Default 10. */
  steps?: number
  /** Noise copies of each image in each step. Default 10. */
  copies?: number
  /** As many copies in each step of Adam, or few where the mask lets nearly everything pass, in pairs of opposite noise (default: constant, and adaptive in fast). */
  copyPlan?: 'constant' | 'adaptive'
  /** Learning rate of Adam. Default 1. */
  learningRate?: number
  /** Where Adam begins without a readout: sigmoid of it is the share that passes at first. Default 5. */
  initialAlpha?: number
  /** Smoothing of the mask in neurons, 0 for none. Default 0. */
  sigma?: number
  /** Return the capacity of every neuron as well. Default false. */
  keepCapacity?: boolean
  /** Return the map after every step as well. Default false. */
  keepSteps?: boolean
  /** Whether the mask restricts the class token and others that belong to no place too, or they pass free. Default restricted. */
  classToken?: 'restricted' | 'free'
  /** Floor of the standard deviation in the iba preset. Default 0.01. */
  minimumStd?: number
  /** Images that are explained together at most (default: 1, on CUDA 16). */
  batch?: number
}

/** The options of `multi-layer`. */
export interface MultiLayerOptions {
  /** Of this model, or the path of its file, which is read when the first image is explained. */
  statistics: Statistics | string
  /** Where the bottlenecks go, one at a time, with commas between them (default: from the paper's place on, all blocks of its kind). */
  layers?: string
  /** The first layer's map where all others have evidence, or the sum of all, each by its length. Default intersection. */
  combine?: 'intersection' | 'weighted-sum'
  /** Of the intersection: where a layer has evidence, as a share of its map's length; the first doesn't count (default: 0.006 each). */
  thresholds?: readonly number[]
  /** Of the weighted sum, one for each layer (default: 1 each). */
  weights?: readonly number[]
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
  /** Of the proximal solver: an image is done when its loss, averaged over the steps, has fallen by less than this share in five steps; 0 takes all steps. Default 0. */
  tolerance?: number
  /** Noise copies of each image in each step. Default 10. */
  copies?: number
  /** As many copies in each step of Adam, or few where the mask lets nearly everything pass, in pairs of opposite noise (default: constant, and adaptive in fast). */
  copyPlan?: 'constant' | 'adaptive'
  /** Learning rate of Adam. Default 1. */
  learningRate?: number
  /** Where Adam begins without a readout: sigmoid of it is the share that passes at first. Default 5. */
  initialAlpha?: number
  /** Smoothing of the mask in neurons, 0 for none. Default 1. */
  sigma?: number
  /** Noise where the mask is open: what must go for the prediction to fail, in place of what suffices for it. Default false. */
  inverse?: boolean
  /** Of the inverse bottleneck: no gain from a copy whose loss is above this, in nats for a class (default: no limit). */
  lossLimit?: number
  /** Whether a place's channels share one mask. Default none. */
  share?: 'none' | 'channels'
  /** Fresh noise copies with which the loss of the map's mask is estimated at the end, as checks; 0 for none. Default 0. */
  lossCopies?: number
  /** Return the capacity of every neuron as well. Default false. */
  keepCapacity?: boolean
  /** Return the map after every step as well. Default false. */
  keepSteps?: boolean
  /** Floor of the standard deviation in the iba preset. Default 0.01. */
  minimumStd?: number
  /** Images that are explained together at most (default: 1, on CUDA 16). */
  batch?: number
}

/** The options of `input-iba`. */
export interface InputIbaOptions {
  /** Of this model, or the path of its file, which is read when the first image is explained. */
  statistics: Statistics | string
  /** Whose evidence is the prior (default: the paper's place in the network). */
  layer?: string
  /** What passes anyway: the pixels of a hidden layer's evidence, those refined by a generative network as in the paper, none, or a mask of the image's height × width, or colours × height × width. Default feature. */
  prior?: 'feature' | 'gan' | 'none' | Float32Array | `${string}.npy`
  /** The price of information in the hidden layer. Default 20. */
  featureBeta?: number
  /** Optimisation steps in the hidden layer. Default 10. */
  featureSteps?: number
  /** Return the prior's mask (colours, height, width) as well. Default false. */
  keepPrior?: boolean
  /** The mask, unsmoothed, as a mean over the colours; or the bits beyond the prior. Default mask. */
  map?: 'mask' | 'bits'
  /** Conventions of the authors' library, or of the paper's code; fast has the former with adaptive copies (default: the statistics'). */
  preset?: 'iba' | 'paper' | 'fast'
  /** Images, or copies of images, that go through the network together at most. Default 32. */
  rows?: number
  /** The price of information: higher shows less. Default 20. */
  beta?: number
  /** Optimisation steps. Default 60. */
  steps?: number
  /** Noise copies of each image in each step. Default 10. */
  copies?: number
  /** As many copies in each step of Adam, or few where the mask lets nearly everything pass, in pairs of opposite noise (default: constant, and adaptive in fast). */
  copyPlan?: 'constant' | 'adaptive'
  /** Learning rate of Adam. Default 1. */
  learningRate?: number
  /** Where Adam begins without a readout: sigmoid of it is the share that passes at first. Default 5. */
  initialAlpha?: number
  /** Smoothing of the mask in neurons, 0 for none. Default 1. */
  sigma?: number
  /** Return the capacity of every neuron as well. Default false. */
  keepCapacity?: boolean
  /** Return the map after every step as well. Default false. */
  keepSteps?: boolean
  /** Of the prior gan: how often it goes through its samples. Default 20. */
  priorEpochs?: number
  /** Of the prior gan: samples of an epoch. Default 200. */
  priorSamples?: number
  /** Of the prior gan: samples of a step of the critic. Default 32. */
  priorBatch?: number
  /** Of the prior gan: learning rate of the mask. Default 0.003. */
  priorRate?: number
  /** Of the prior gan: steps of the critic for one of the mask. Default 5. */
  criticSteps?: number
  /** Of the prior gan: learning rate of the critic. Default 0.00005. */
  criticRate?: number
  /** Of the prior gan: what the critic's weights are kept within. Default 0.01. */
  criticLimit?: number
  /** Floor of the standard deviation in the iba preset. Default 0.01. */
  minimumStd?: number
  /** Images that are explained together at most (default: 1, on CUDA 16). */
  batch?: number
}

/** The options of `m2ib`. */
export interface M2ibOptions {
  /** Where the bottleneck goes (default: the paper's place in the network; in CLIP's towers what the tenth of twelve blocks gives). */
  layer?: string
  /** Standard normal, or narrowly around what the layer's block reads, so that the block is skipped where nothing passes, as made for BERT (Jiang et al. 2020). Default standard. */
  noise?: 'standard' | 'block-input'
  /** Conventions of the authors' library, or of the paper's code; fast has the former with adaptive copies (default: the statistics'). */
  preset?: 'iba' | 'paper' | 'fast'
  /** Images, or copies of images, that go through the network together at most. Default 32. */
  rows?: number
  /** How the mask is found: Adam is the paper's, proximal comes to a lower loss in as many steps. Default adam. */
  solver?: 'adam' | 'proximal'
  /** The price of information: higher shows less. Default 0.1. */
  beta?: number
  /** Optimisation steps. Default 10. */
  steps?: number
  /** Of the proximal solver: an image is done when its loss, averaged over the steps, has fallen by less than this share in five steps; 0 takes all steps. Default 0. */
  tolerance?: number
  /** Noise copies of each image in each step. Default 10. */
  copies?: number
  /** As many copies in each step of Adam, or few where the mask lets nearly everything pass, in pairs of opposite noise (default: constant, and adaptive in fast). */
  copyPlan?: 'constant' | 'adaptive'
  /** Learning rate of Adam. Default 1. */
  learningRate?: number
  /** Where Adam begins without a readout: sigmoid of it is the share that passes at first. Default 5. */
  initialAlpha?: number
  /** Smoothing of the mask in neurons, 0 for none. Default 0. */
  sigma?: number
  /** Noise where the mask is open: what must go for the prediction to fail, in place of what suffices for it. Default false. */
  inverse?: boolean
  /** Of the inverse bottleneck: no gain from a copy whose loss is above this, in nats for a class (default: no limit). */
  lossLimit?: number
  /** Whether a place's channels share one mask. Default none. */
  share?: 'none' | 'channels'
  /** Fresh noise copies with which the loss of the map's mask is estimated at the end, as checks; 0 for none. Default 0. */
  lossCopies?: number
  /** Return the capacity of every neuron as well. Default false. */
  keepCapacity?: boolean
  /** Return the map after every step as well. Default false. */
  keepSteps?: boolean
  /** Images that are explained together at most (default: 1, on CUDA 16). */
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
  /** Where the way lies: at the activation of a layer, whose places are enlarged to the image; with the baseline zero and the similarity with an embedding this is NIB (Zhu et al. 2025) (default: at the pixels). */
  layer?: string
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
  /** Multiply the mean gradient by the way, so that the map adds up to the difference. Default true, in `paper` false. */
  timesInput?: boolean
}

/** The options of `guided-ig`. */
export interface GuidedIgOptions extends MethodOptions {
  /** Places on the way, one after the other. Default 200. */
  steps?: number
  /** The share of the values that go first. Default 0.25. */
  fraction?: number
  /** How far a value may be from the straight way, as a share of it: 0 is integrated gradients. Default 0.02. */
  maximumDistance?: number
  /** Where the way begins. Default zero. */
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

/** The options of `blur-ig`. */
export interface BlurIgOptions extends MethodOptions {
  /** Images on the way. Default 100. */
  steps?: number
  /** Deviation of the strongest blur, in pixels. Default 50. */
  maximumSigma?: number
}

/** The options of `gradient-shap`. */
export interface GradientShapOptions extends MethodOptions {
  /** Baselines, each with a place on its way. Default 50. */
  samples?: number
  /** Where the ways begin: gaussian draws each pixel from its colour's mean and deviation; uniform and the shuffled ones are drawn anew for each, the others are one. Default gaussian. */
  baseline?:
    | 'gaussian'
    | 'mean'
    | 'zero'
    | 'uniform'
    | 'minimum'
    | 'maximum'
    | 'blur'
    | 'tile-mean'
    | 'shuffled-pixels'
    | 'shuffled-tiles'
  /** Images that each way begins at one of, drawn at random, in place of baseline: a sample of what the network sees gives expected gradients. */
  baselines?: string | readonly ImageInput[]
  /** Standard deviation of noise on the image, as a fraction of its range of values. Default 0. */
  noise?: number
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
  /** Baselines at most. Default 10. */
  samples?: number
  /** Images that are the baselines, a sample of what the network sees: all of them, or as many as samples, drawn for each image. */
  baselines?: string | readonly ImageInput[]
  /** Without baselines: how each is drawn from the image. Default uniform. */
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

/** The options of `finer-cam`. */
export interface FinerCamOptions extends MethodOptions {
  /** Where the channels are read (default: the last layer with a height and a width). */
  layer?: string
  /** How much the similar classes count. Default 1. */
  alpha?: number
  /** How many classes of the nearest logits are compared with. Default 3. */
  similar?: number
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

/** The options of `rise`. */
export interface RiseOptions extends MethodOptions {
  /** Random patterns, each of which takes a pass. Default 4000. */
  masks?: number
  /** Cells of a pattern along each side of the image. Default 8. */
  cells?: number
  /** The share of the cells that stay visible. Default 0.5. */
  kept?: number
}

/** The options of `extremal-perturbation`. */
export interface ExtremalPerturbationOptions extends MethodOptions {
  /** Shares of the image that masks are found for; the map is their mean. Default 0.1, in `paper` 0.1. */
  areas?: readonly number[]
  /** Optimisation steps. Default 800. */
  steps?: number
  /** Preserve: the score is to be high where the mask is kept; delete: low where it is taken away; dual: both. Default preserve. */
  game?: 'preserve' | 'delete' | 'dual'
  /** What becomes of the rest: blurred, or faded to the mean colour. Default blur. */
  perturbation?: 'blur' | 'fade'
  /** Deviation of the strongest blur, in pixels. Default 20. */
  maximumSigma?: number
  /** Levels of the perturbation, which are mixed between. Default 8. */
  levels?: number
  /** Pixels between the mask's parameters. Default 7. */
  spacing?: number
  /** How far a parameter reaches, in pixels: at least twice the spacing. Default 21. */
  sigma?: number
  /** Weight of the area at first; it grows from step to step. Default 300. */
  areaWeight?: number
  /** Flip the image in every second step. Default true. */
  flip?: boolean
}

/** The options of `lime`. */
export interface LimeOptions extends MethodOptions {
  /** Copies of the image in which other superpixels are hidden. Default 1000. */
  samples?: number
  /** About how many superpixels. Default 50. */
  segments?: number
  /** How square superpixels are, against how even their colours. Default 0.1. */
  compactness?: number
  /** What hidden superpixels show: their own mean, or what stands there in another image. Default superpixel-mean. */
  baseline?:
    | 'superpixel-mean'
    | 'mean'
    | 'zero'
    | 'uniform'
    | 'minimum'
    | 'maximum'
    | 'blur'
    | 'tile-mean'
    | 'shuffled-pixels'
    | 'shuffled-tiles'
  /** What is explained of the class. Default logit. */
  score?: 'logit' | 'probability'
  /** How far from the whole image coalitions count, in cosine distance. Default 0.25. */
  kernelWidth?: number
  /** Penalty of the slopes' squares. Default 1. */
  ridge?: number
}

/** The options of `kernel-shap`. */
export interface KernelShapOptions extends MethodOptions {
  /** Copies of the image in which other superpixels are hidden. Default 1000. */
  samples?: number
  /** About how many superpixels. Default 50. */
  segments?: number
  /** How square superpixels are, against how even their colours. Default 0.1. */
  compactness?: number
  /** What hidden superpixels show: their own mean, or what stands there in another image. Default superpixel-mean. */
  baseline?:
    | 'superpixel-mean'
    | 'mean'
    | 'zero'
    | 'uniform'
    | 'minimum'
    | 'maximum'
    | 'blur'
    | 'tile-mean'
    | 'shuffled-pixels'
    | 'shuffled-tiles'
  /** What is explained of the class. Default logit. */
  score?: 'logit' | 'probability'
}

/** The options of `xrai`. */
export interface XraiOptions extends MethodOptions {
  /** Places on the way from each baseline. Default 100. */
  steps?: number
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

/** The options of `generic-attention`. */
export interface GenericAttentionOptions extends MethodOptions {
  /** Of how many blocks attention counts, from the last one on (default: of all; its authors take 1 for CLIP). */
  blocks?: number
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
  /** The information that a bottleneck in a layer has to let pass for the target, in bits. Schulz et al. 2020, section 3.2. */
  readonly 'per-sample': (model: Model, options: PerSampleOptions) => Attributer
  /** The information that a trained network lets pass a layer, in bits; one pass for a map. Schulz et al. 2020, section 3.3. */
  readonly readout: (model: Model, options: ReadoutOptions) => Attributer
  /** One mask of places that restricts several layers at once; the information of the first, in bits. Hong et al. 2025. */
  readonly coiba: (model: Model, options: CoibaOptions) => Attributer
  /** Bottlenecks in several layers, each optimised by itself, and what their maps agree on. Khakzar et al. 2021. */
  readonly 'multi-layer': (model: Model, options: MultiLayerOptions) => Attributer
  /** A bottleneck at the pixels, whose prior lets the evidence of a hidden layer pass. Zhang et al. 2021. */
  readonly 'input-iba': (model: Model, options: InputIbaOptions) => Attributer
  /** As per-sample with standard normal noise, for towers of CLIP: without statistics, and with a price of information for similarities. Wang et al. 2023. */
  readonly m2ib: (model: Model, options?: M2ibOptions) => Attributer
  /** The derivative of the logit with respect to each pixel, averaged over the colours. Baehrens et al. 2010; Simonyan et al. 2014. */
  readonly gradient: (model: Model, options?: MethodOptions) => Attributer
  /** The greatest absolute derivative over the colours of each pixel. Simonyan et al. 2014. */
  readonly saliency: (model: Model, options?: MethodOptions) => Attributer
  /** The derivative times the pixel, averaged over the colours. Shrikumar et al. 2016. */
  readonly 'gradient-x-input': (model: Model, options?: MethodOptions) => Attributer
  /** The gradient, averaged over noised copies of the image; the greatest absolute value over the colours. Smilkov et al. 2017. */
  readonly smoothgrad: (model: Model, options?: SmoothgradOptions) => Attributer
  /** The gradient, averaged along the way from a baseline to the image, times the way; what the map's sum lacks of the difference in scores is the completeness gap. Sundararajan et al. 2017. */
  readonly 'integrated-gradients': (model: Model, options?: IntegratedGradientsOptions) => Attributer
  /** The gradient, integrated along a way from a baseline on which the pixels of least gradient go first. Kapishnikov et al. 2021. */
  readonly 'guided-ig': (model: Model, options?: GuidedIgOptions) => Attributer
  /** The gradient, integrated along the way on which the image gets sharp, by no baseline of a colour. Xu et al. 2020. */
  readonly 'blur-ig': (model: Model, options?: BlurIgOptions) => Attributer
  /** Integrated gradients from drawn baselines: the gradient at a random place of the way from each, times the way. Lundberg and Lee 2017; Erion et al. 2021. */
  readonly 'gradient-shap': (model: Model, options?: GradientShapOptions) => Attributer
  /** The magnitudes of gradient times input and of gradient times bias in every layer, each scaled, added up; in a network of ReLUs they make up the logit, and what is lacking is the completeness gap. Srinivas and Fleuret 2019. */
  readonly 'full-grad': (model: Model, options?: MethodOptions) => Attributer
  /** The difference of the logit to that of a baseline, handed down by the ratio of differences at each activation function (rescale rule); what the map's sum lacks of it is the completeness gap. Shrikumar et al. 2017. */
  readonly 'deep-lift': (model: Model, options?: DeepLiftOptions) => Attributer
  /** DeepLIFT, averaged over baselines of a set, or over such that are drawn at random. Lundberg and Lee 2017. */
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
  /** The channels of a layer, weighted by the share of the score that is lost without each; a pass from the layer on for each channel. Desai and Ramaswamy 2020. */
  readonly 'ablation-cam': (model: Model, options?: AblationCamOptions) => Attributer
  /** The channels of a layer, weighted by the softmax of the scores that the image has when masked by each; a pass for each channel. Wang et al. 2020. */
  readonly 'score-cam': (model: Model, options?: ScoreCamOptions) => Attributer
  /** Grad-CAM of what tells a class from those that the network finds most like it; of other targets it is Grad-CAM. Zhang et al. 2025. */
  readonly 'finer-cam': (model: Model, options?: FinerCamOptions) => Attributer
  /** By how much the target's score drops where a patch of the image is replaced. Zeiler and Fergus 2014. */
  readonly occlusion: (model: Model, options?: OcclusionOptions) => Attributer
  /** Occlusion with patches of 8 × 8 pixels, as in the paper. Zeiler and Fergus 2014. */
  readonly 'occlusion-8': (model: Model, options?: Occlusion8Options) => Attributer
  /** Occlusion with patches of 14 × 14 pixels, as in the paper. Zeiler and Fergus 2014. */
  readonly 'occlusion-14': (model: Model, options?: Occlusion14Options) => Attributer
  /** How probable the class is on average where a pixel stays, of copies of the image that are hidden in coarse random patterns; reads only probabilities. Petsiuk et al. 2018. */
  readonly rise: (model: Model, options?: RiseOptions) => Attributer
  /** A smooth mask of a given area that preserves most of the score, the rest being blurred. Fong et al. 2019. */
  readonly 'extremal-perturbation': (model: Model, options?: ExtremalPerturbationOptions) => Attributer
  /** The slopes of a linear model that tells the logit from which superpixels stay visible, near to the whole image. Ribeiro et al. 2016. */
  readonly lime: (model: Model, options?: LimeOptions) => Attributer
  /** The Shapley values of superpixels, estimated by least squares; exact where there are so few that all their coalitions are tried. Lundberg and Lee 2017. */
  readonly 'kernel-shap': (model: Model, options?: KernelShapOptions) => Attributer
  /** Segments of the image by the mean of integrated gradients from black and white, the strongest first. Kapishnikov et al. 2019. */
  readonly xrai: (model: Model, options?: XraiOptions) => Attributer
  /** The target's score, such as a class's logit, handed down from layer to layer in proportion to the contributions; what does not arrive at the image is the conservation gap. Bach et al. 2015; Montavon et al. 2019; for transformers Ali et al. 2022; Achtibat et al. 2024. */
  readonly lrp: (model: Model, options?: LrpOptions) => Attributer
  /** How much of each token flows into what a transformer's classes are read from, by its attention alone: the same for each class. Abnar and Zuidema 2020. */
  readonly 'attention-rollout': (model: Model, options?: AttentionRolloutOptions) => Attributer
  /** The attention of a transformer, weighted by its positive derivatives of the logit, carried from block to block. Chefer et al. 2021. */
  readonly 'generic-attention': (model: Model, options?: GenericAttentionOptions) => Attributer
  /** The gradient with each weight replaced by the direction that its neuron detects in the data; the greatest absolute value over the colours. Kindermans et al. 2018. */
  readonly patternnet: (model: Model, options: PatternnetOptions) => Attributer
  /** The gradient with each weight multiplied by the direction that its neuron detects in the data, summed over the colours. Kindermans et al. 2018. */
  readonly 'pattern-attribution': (model: Model, options: PatternAttributionOptions) => Attributer
  /** The numbers from -1 to 1 in a random order, as a map to be better than. Schulz et al. 2020. */
  readonly random: (model: Model, options?: MethodOptions) => Attributer
  /** A map of zeros, to check evaluations with. Schulz et al. 2020. */
  readonly zero: (model: Model, options?: MethodOptions) => Attributer
}
