import type { PaperMethod } from './paper.js'

type Entry = Pick<PaperMethod, 'title' | 'method' | 'options'>

/** Their authors build on the conventions of the library, not on those of the paper's code. */
const iba = { preset: 'iba' } as const

/** The paper's bottleneck and those that followed it, with their authors' settings. */
export const familyBottlenecks: readonly Entry[] = [
  { title: 'Per-Sample', method: 'per-sample', options: iba },
  { title: 'Inverse', method: 'per-sample', options: { ...iba, inverse: true, beta: 30 } },
  { title: 'Shared channels', method: 'per-sample', options: { ...iba, share: 'channels' } },
  { title: 'Multi-layer, intersection', method: 'multi-layer', options: iba },
  { title: 'Multi-layer, sum', method: 'multi-layer', options: { ...iba, combine: 'weighted-sum' } },
  { title: 'CoIBA', method: 'coiba', options: iba },
  { title: 'InputIBA', method: 'input-iba', options: iba },
]

const comparedWith: readonly Entry[] = [
  { title: 'Readout', method: 'readout', options: {} },
  { title: 'Grad-CAM', method: 'grad-cam', options: {} },
  { title: 'Random', method: 'random', options: {} },
]

/** The bottlenecks, and methods to compare them with. */
export const familyMethods: readonly PaperMethod[] = [...familyBottlenecks, ...comparedWith].map(entry => ({
  ...entry,
  scriptName: entry.title,
  transcribed: {},
}))
