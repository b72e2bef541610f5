import type { OutputKind } from '../native/model-calls.js'

/** What a network's outputs may be. */
export const outputKinds = [
  'classes',
  'labels',
  'values',
  'embedding',
] as const satisfies readonly OutputKind[]
