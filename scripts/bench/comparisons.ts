import type { PaperModel } from './workload.js'

/** What a method is measured beside: a library, or a loop as its authors write it. */
export type Library = 'captum' | 'grad-cam' | 'saliency' | 'lxt' | 'TorchRay' | 'PyTorch'

/** The script that asks a library, in this folder. */
export const scripts: Readonly<Record<Library, string>> = {
  captum: 'captum_reference.py',
  'grad-cam': 'cam_reference.py',
  saliency: 'paths_reference.py',
  lxt: 'relevance_reference.py',
  TorchRay: 'perturbation_reference.py',
  PyTorch: 'rise_reference.py',
}

/** The paper's networks, and a vision transformer that Python writes as a file. */
export type NetworkName = PaperModel | 'vit'

export type MethodSettings = Readonly<Record<string, number | string>>

/** A method as both sides do it. */
export interface Comparison {
  method: string
  beside: Library
  /** What tells it from other comparisons of the method. */
  variant?: string
  /** In the Python script, if it isn't that one. */
  theirs?: string
  /** Default: the paper's. */
  networks?: readonly NetworkName[]
  settings?: MethodSettings
  /** Of methods of many passes, which explain one image rather than a batch: what makes them short, to warm up. */
  brief?: MethodSettings
  /** Which of our results is theirs. */
  gives: 'raw' | 'map'
  /** How often a method of many passes is measured at most; others are measured three times as often as asked. */
  rounds?: number
  /** The layer whose channels it reads. */
  layers?: Readonly<Partial<Record<NetworkName, string>>>
  /** Theirs gets our superpixels. */
  needsSegments?: true
}

/** The layers whose channels Grad-CAM reads. */
const layers = { resnet50: 'layer4', vgg16: 'features.29' }

const occlusion = (patch: number): Comparison => ({
  method: `occlusion-${patch}`,
  beside: 'captum',
  theirs: 'occlusion',
  settings: { patch },
  brief: { patch: 112 },
  gives: 'map',
})

/** One network is enough for methods that take minutes. */
const once = { networks: ['resnet50'] } as const

/** A class activation map of one pass forward and back. */
const cam = (method: string): Comparison => ({ method, beside: 'grad-cam', ...once, gives: 'map', layers })

/** The others take a pass for each channel, so that they read a layer of few. */
const manyPasses = { ...once, layers: { resnet50: 'layer1' }, rounds: 2 } as const

const superpixels = { segments: 50, baseline: 'mean', samples: 200 } as const

export const comparisons: readonly Comparison[] = [
  { method: 'saliency', beside: 'captum', gives: 'raw' },
  { method: 'gradient-x-input', beside: 'captum', gives: 'raw' },
  { method: 'guided-backprop', beside: 'captum', gives: 'raw' },
  { method: 'deconvnet', beside: 'captum', gives: 'raw' },
  { method: 'grad-cam', beside: 'captum', gives: 'map', layers },
  { method: 'guided-grad-cam', beside: 'captum', gives: 'raw', layers },
  { method: 'lrp', beside: 'captum', settings: { composite: 'epsilon', epsilon: 1e-6 }, gives: 'raw' },
  {
    method: 'smoothgrad',
    beside: 'captum',
    settings: { samples: 50, noise: 0.15 },
    brief: { samples: 2 },
    gives: 'raw',
    rounds: 2,
  },
  {
    method: 'integrated-gradients',
    beside: 'captum',
    settings: { steps: 50 },
    brief: { steps: 2 },
    gives: 'raw',
    rounds: 2,
  },
  { ...occlusion(14), rounds: 2 },
  { ...occlusion(8), rounds: 1 },
  { method: 'deep-lift', beside: 'captum', ...once, gives: 'raw' },
  {
    method: 'deep-shap',
    beside: 'captum',
    ...once,
    settings: { samples: 10 },
    brief: { samples: 2 },
    gives: 'raw',
  },
  {
    method: 'gradient-shap',
    beside: 'captum',
    ...once,
    settings: { samples: 20 },
    brief: { samples: 2 },
    gives: 'raw',
  },
  {
    method: 'lime',
    beside: 'captum',
    ...once,
    settings: { ...superpixels, ridge: 1, kernelWidth: 0.25 },
    brief: { samples: 16 },
    gives: 'map',
    rounds: 2,
    needsSegments: true,
  },
  {
    method: 'kernel-shap',
    beside: 'captum',
    ...once,
    settings: superpixels,
    brief: { samples: 64 },
    gives: 'map',
    rounds: 2,
    needsSegments: true,
  },
  ...['grad-cam', 'grad-cam-plus-plus', 'hires-cam', 'layer-cam', 'xgrad-cam', 'eigen-cam', 'finer-cam'].map(
    cam,
  ),
  { method: 'full-grad', beside: 'grad-cam', ...once, rounds: 2, brief: {}, gives: 'map' },
  { method: 'ablation-cam', beside: 'grad-cam', ...manyPasses, brief: {}, gives: 'map' },
  { method: 'score-cam', beside: 'grad-cam', ...manyPasses, brief: {}, gives: 'map' },
  {
    method: 'guided-ig',
    beside: 'saliency',
    ...once,
    settings: { steps: 50, fraction: 0.25, maximumDistance: 0.02 },
    brief: { steps: 2 },
    gives: 'raw',
    rounds: 2,
  },
  {
    method: 'blur-ig',
    beside: 'saliency',
    ...once,
    settings: { steps: 50, maximumSigma: 50 },
    brief: { steps: 2 },
    gives: 'raw',
    rounds: 2,
  },
  {
    method: 'xrai',
    beside: 'saliency',
    ...once,
    settings: { steps: 20 },
    brief: { steps: 2 },
    gives: 'map',
    rounds: 2,
  },
  {
    method: 'rise',
    beside: 'PyTorch',
    ...once,
    settings: { masks: 400, cells: 8, kept: 0.5 },
    brief: { masks: 16 },
    gives: 'map',
    rounds: 2,
  },
  ...['attn-lrp', 'cp-lrp'].map(
    (composite): Comparison => ({
      method: 'lrp',
      variant: composite,
      beside: 'lxt',
      networks: ['vit'],
      settings: { composite, gamma: 0.25, linearGamma: 0.05 },
      gives: 'map',
    }),
  ),
  {
    method: 'extremal-perturbation',
    beside: 'TorchRay',
    ...once,
    settings: { steps: 40 },
    brief: { steps: 4 },
    gives: 'map',
    rounds: 2,
  },
]
