import type { OptionValue } from '../attribution/described-options.js'

/** A method of the paper's tables. */
export interface PaperMethod {
  /** What the paper's scripts call it. */
  scriptName: string
  /** What its tables call it. */
  title: string
  /** Our method, and its options: the paper's own settings and post-processing. */
  method: string
  options: Readonly<Record<string, OptionValue>>
  /** Other options for some protocols, by their kind. */
  protocolOptions?: Readonly<Record<string, Readonly<Record<string, OptionValue>>>>
  /** Unchecked transcription of Table 1; compare with the paper before citing. */
  transcribed: Readonly<Partial<Record<PaperModel, Transcribed>>>
}

export type PaperModel = 'resnet50' | 'vgg16'

/** Values by the names of the protocols' runs. */
export type Transcribed = Readonly<Record<string, number>>

const paper = { preset: 'paper' } as const
/** In sensitivity-n what is masked is 0. */
const zeroBaseline = { 'sensitivity-n': { baseline: 'zero' } } as const

function values(degradation8: number, degradation14: number, boxes: number): Transcribed {
  return { 'degradation-8': degradation8, 'degradation-14': degradation14, 'bounding-boxes': boxes }
}

/** The methods of the paper (Schulz et al. 2020), in the order of its Table 1. The values beside them were written down without the
 * paper at hand, and nobody has checked them. */
export const paperMethods: readonly PaperMethod[] = [
  {
    scriptName: 'Random',
    title: 'Random',
    method: 'random',
    options: paper,
    transcribed: { resnet50: values(0, 0, 0.167), vgg16: values(0, 0, 0.167) },
  },
  {
    scriptName: 'Occlusion-8x8',
    title: 'Occlusion-8×8',
    method: 'occlusion-8',
    options: paper,
    protocolOptions: zeroBaseline,
    transcribed: { resnet50: values(0.162, 0.13, 0.296), vgg16: values(0.267, 0.258, 0.328) },
  },
  {
    scriptName: 'Occlusion-14x14',
    title: 'Occlusion-14×14',
    method: 'occlusion-14',
    options: paper,
    protocolOptions: zeroBaseline,
    transcribed: { resnet50: values(0.228, 0.231, 0.341), vgg16: values(0.402, 0.404, 0.373) },
  },
  {
    scriptName: 'Gradient',
    title: 'Gradient',
    method: 'gradient',
    options: paper,
    transcribed: { resnet50: values(0.002, 0.005, 0.259), vgg16: values(0.001, 0.005, 0.276) },
  },
  {
    scriptName: 'Saliency',
    title: 'Saliency',
    method: 'saliency',
    options: paper,
    transcribed: { resnet50: values(0.287, 0.305, 0.363), vgg16: values(0.326, 0.362, 0.393) },
  },
  {
    scriptName: 'Guided Backpropagation',
    title: 'Guided Backprop',
    method: 'guided-backprop',
    options: paper,
    transcribed: { resnet50: values(0.491, 0.515, 0.388), vgg16: values(0.46, 0.493, 0.373) },
  },
  {
    scriptName: 'PatternAttribution',
    title: 'PatternAttribution',
    method: 'pattern-attribution',
    options: paper,
    transcribed: { vgg16: values(0.44, 0.457, 0.404) },
  },
  { scriptName: 'LRP', title: 'LRP', method: 'lrp', options: paper, transcribed: {} },
  {
    scriptName: 'Int. Grad. (of Saliency)',
    title: 'Int. Grad.',
    method: 'integrated-gradients',
    options: paper,
    transcribed: { resnet50: values(0.401, 0.424, 0.372), vgg16: values(0.42, 0.453, 0.396) },
  },
  {
    scriptName: 'Smoothgrad (of Saliency)',
    title: 'SmoothGrad',
    method: 'smoothgrad',
    options: paper,
    transcribed: { resnet50: values(0.485, 0.502, 0.439), vgg16: values(0.438, 0.455, 0.399) },
  },
  {
    scriptName: 'Grad-CAM',
    title: 'Grad-CAM',
    method: 'grad-cam',
    options: paper,
    transcribed: { resnet50: values(0.536, 0.541, 0.465), vgg16: values(0.51, 0.517, 0.399) },
  },
  {
    scriptName: 'Guided Grad-CAM',
    title: 'Guided Grad-CAM',
    method: 'guided-grad-cam',
    options: paper,
    transcribed: { resnet50: values(0.565, 0.577, 0.468), vgg16: values(0.555, 0.576, 0.419) },
  },
  {
    scriptName: 'Fitted beta1',
    title: 'Per-Sample 1/k',
    method: 'per-sample',
    options: { ...paper, beta: 1 },
    transcribed: { resnet50: values(0.573, 0.573, 0.606), vgg16: values(0.581, 0.583, 0.566) },
  },
  {
    scriptName: 'Fitted',
    title: 'Per-Sample 10/k',
    method: 'per-sample',
    options: { ...paper, beta: 10 },
    transcribed: { resnet50: values(0.572, 0.571, 0.611), vgg16: values(0.582, 0.585, 0.593) },
  },
  {
    scriptName: 'Fitted beta100',
    title: 'Per-Sample 100/k',
    method: 'per-sample',
    options: { ...paper, beta: 100 },
    transcribed: { resnet50: values(0.534, 0.535, 0.574), vgg16: values(0.542, 0.545, 0.568) },
  },
  {
    scriptName: 'Readout Dense 10',
    title: 'Readout 10/k',
    method: 'readout',
    options: {},
    transcribed: { resnet50: values(0.536, 0.538, 0.484) },
  },
]

/** The method of the paper's scripts that a name means; upper or lower case, and spaces or underscores, are the same. */
export function findPaperMethod(name: string): PaperMethod | undefined {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replace(/[\s_]+/g, ' ')
      .trim()
  return paperMethods.find(({ scriptName }) => plain(scriptName) === plain(name))
}
