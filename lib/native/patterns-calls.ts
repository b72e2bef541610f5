import type { ModelHandle } from './model-calls.js'
import type { Handle, InputTensor } from './values.js'

export type PatternsHandle = Handle<'patterns'>

/** How patterns are found (Kindermans et al. 2018, section 4): `two-component` looks at what makes rectified neurons active,
 * and takes those that aren't rectified for linear ones; `linear` takes all for linear ones. */
export type PatternEstimator = 'two-component' | 'linear'

/** The architecture and weights that patterns were fitted with, on how many images, and the layers that they hold. */
export interface PatternsDescription {
  /** The architecture's name. */
  model: string
  /** Tells networks of different weights apart. */
  weightHash: string
  /** How they were found. */
  estimator: PatternEstimator
  /** How many images they were fitted on. */
  samples: number
  /** Of each layer. */
  layers: {
    /** The dotted module path, as PyTorch names it. */
    name: string
    /** Of its weights; empty before the first image. */
    shape: number[]
  }[]
}

export interface PatternsCalls {
  createPatterns(call: { model: ModelHandle; estimator: PatternEstimator }): PatternsHandle
  /** `names`: what errors call the images. */
  updatePatterns(call: {
    patterns: PatternsHandle
    model: ModelHandle
    images: InputTensor
    names: readonly string[]
  }): Promise<void>
  mergePatterns(call: { first: PatternsHandle; second: PatternsHandle }): PatternsHandle
  savePatterns(call: { patterns: PatternsHandle; path: string }): Promise<void>
  loadPatterns(call: { path: string }): Promise<PatternsHandle>
  describePatterns(call: { patterns: PatternsHandle }): PatternsDescription
}
