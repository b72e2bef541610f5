import { multipliesBfloat16 } from '../foundation/processor.js'
import { requireOneOf } from '../foundation/validate.js'
import type { NumberType } from '../native/model-calls.js'

/** What a network computes in. 'auto' is bfloat16 on GPUs and on processors with instructions for it, else float32. */
export type Precision = 'float32' | 'bfloat16' | 'auto'

export const precisions = ['float32', 'bfloat16', 'auto'] as const

/** What to compute in on a device. @throws InvalidArgumentError */
export function choosePrecision(precision: Precision, device: string): NumberType {
  const chosen = requireOneOf('precision', precision, precisions)
  if (chosen !== 'auto') return chosen
  return device.startsWith('cuda') || multipliesBfloat16() ? 'bfloat16' : 'float32'
}
