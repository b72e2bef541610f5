import type { Preset } from '../foundation/presets.js'
import type { ModelHandle } from './model-calls.js'
import type { StatisticsHandle } from './statistics-calls.js'
import type { Handle } from './values.js'

export type ReadoutHandle = Handle<'readout'>

/** Where a readout's bottleneck is, and the layers that are read. */
export interface ReadoutPlace {
  /** Where the bottleneck is. */
  layer: string
  /** The layers that are read. */
  reads: string[]
}

/** The model that a readout was trained on, and how it is made. */
export interface ReadoutDescription extends ReadoutPlace {
  /** The architecture's name. */
  model: string
  /** Tells networks of different weights apart; empty where the file doesn't say. */
  weightHash: string
  /** Whose conventions it follows. */
  preset: Preset
  /** How wide its hidden layers are: A as in the paper's text, B as in the authors' library. */
  variant: 'A' | 'B'
  /** Standard deviation of the smoothing, in elements of the layer. */
  sigma: number
  /** Of the smoothing, in elements of the layer. */
  kernelSize: number
  /** Of the layer that the bottleneck sits in. */
  neurons: number
}

export interface ReadoutDesign
  extends Pick<ReadoutDescription, 'preset' | 'variant' | 'sigma' | 'kernelSize'> {
  layer: string
  reads: readonly string[]
  minimumStd: number
  seed: number
}

export interface ReadoutCalls {
  /** The usual place of a readout bottleneck in the model. */
  readoutPlace(call: { model: ModelHandle }): ReadoutPlace
  createReadout(call: {
    model: ModelHandle
    statistics: StatisticsHandle
    design: ReadoutDesign
  }): Promise<ReadoutHandle>
  loadReadout(call: { model: ModelHandle; path: string }): Promise<ReadoutHandle>
  saveReadout(call: { readout: ReadoutHandle; path: string }): Promise<void>
  describeReadout(call: { readout: ReadoutHandle }): ReadoutDescription
}
