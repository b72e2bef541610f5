import type { PaperMethod } from './paper.js'

type Entry = Pick<PaperMethod, 'title' | 'method' | 'options'>

/** Their authors build on the conventions of the library, not on those of the paper's code. */
const iba = { preset: 'iba' } as const

const entries: readonly Entry[] = [
  { title: 'Per-Sample', method: 'per-sample', options: iba },
  { title: 'Inverse', method: 'per-sample', options: { ...iba, inverse: true, beta: 30 } },
  { title: 'Shared channels', method: 'per-sample', options: { ...iba, share: 'channels' } },
  { title: 'Multi-layer, intersection', method: 'multi-layer', options: iba },
  { title: 'Multi-layer, sum', method: 'multi-layer', options: { ...iba, combine: 'weighted-sum' } },
  { title: 'CoIBA', method: 'coiba', options: iba },
  { title: 'InputIBA', method: 'input-iba', options: iba },
  { title: 'Readout', method: 'readout', options: {} },
  { title: 'Grad-CAM', method: 'grad-cam', options: {} },
  { title: 'Random', method: 'random', options: {} },
]

/** The bottlenecks that followed the paper's, with their authors' settings, and two methods to compare them with. */
export const familyMethods: readonly PaperMethod[] = entries.map(entry => ({
  ...entry,
  scriptName: entry.title,
  transcribed: {},
}))
