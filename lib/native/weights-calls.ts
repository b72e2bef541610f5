import type { Tensor } from './values.js'

export interface WeightFile {
  format: string
  metadata: Record<string, string>
  /** As floats; `dtype` is what they are in the file. */
  tensors: (Tensor & { name: string; dtype: string })[]
}

export interface WeightCalls {
  readWeightFile(call: { path: string }): Promise<WeightFile>
}
