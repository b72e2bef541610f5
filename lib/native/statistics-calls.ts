import type { Preset } from '../foundation/presets.js'
import type { ModelHandle } from './model-calls.js'
import type { ByteTensor, Handle, InputTensor, Tensor } from './values.js'

export type StatisticsHandle = Handle<'statistics'>

/** The architecture and weights that statistics were made with, the preset they are meant for, and what they hold. */
export interface StatisticsDescription {
  /** The architecture's name. */
  model: string
  /** Tells networks of different weights apart. */
  weightHash: string
  /** How they are read where nothing else is said. */
  preset: Preset
  /** Of each layer. */
  layers: {
    /** The dotted module path, as PyTorch names it. */
    name: string
    /** Of the activation of one image. */
    shape: number[]
    /** How many images it has seen. */
    samples: number
    /** Whether its values come out of a ReLU: the paper's code then takes the mean as 0. */
    afterRelu: boolean
  }[]
}

export interface StatisticsCalls {
  createStatistics(call: { model: ModelHandle; layers: readonly string[]; preset: Preset }): StatisticsHandle
  /** `names`: what errors call the images. */
  updateStatistics(call: {
    statistics: StatisticsHandle
    model: ModelHandle
    images: InputTensor
    names: readonly string[]
  }): Promise<void>
  mergeStatistics(call: { first: StatisticsHandle; second: StatisticsHandle }): StatisticsHandle
  saveStatistics(call: { statistics: StatisticsHandle; path: string }): Promise<void>
  loadStatistics(call: { path: string }): Promise<StatisticsHandle>
  loadPublishedStatistics(call: { path: string; model: ModelHandle }): Promise<StatisticsHandle>
  describeStatistics(call: { statistics: StatisticsHandle }): StatisticsDescription
  readLayerStatistics(call: {
    statistics: StatisticsHandle
    layer: string
    preset: Preset
    minimumStd: number
  }): { mean: Tensor; std: Tensor; active: ByteTensor }
}
