import { InvalidArgumentError } from '../foundation/errors.js'
import { type Preset, presets } from '../foundation/presets.js'
import {
  invalid,
  requireInteger,
  requireKnownKeys,
  requireNumber,
  requireOneOf,
  requireSignal,
  requireString,
} from '../foundation/validate.js'
import { Statistics } from '../learned/statistics.js'
import type { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import { callNativeSync } from '../native/errors.js'
import type { TrainingData } from './data.js'
import type { ProcessGroup } from './processes.js'
import type { TrainingEpoch, TrainingStep } from './reports.js'

export interface TrainReadoutOptions {
  data: TrainingData
  /** Images to measure with after each epoch. */
  validation?: TrainingData
  /** Of the layer and of all that are read. Default: estimated first, from images of the data. */
  statistics?: Statistics
  /** How many images statistics are estimated from. Default 10,000. */
  samples?: number
  /** Where the bottleneck goes, and which layers the readout network reads. Default: the paper's places, in ResNets and
   * VGGs. */
  layer?: string
  reads?: readonly string[]
  /** How wide the readout network is. Default 'B', as in the authors' library. */
  variant?: 'A' | 'B'
  /** Default: the statistics', or 'iba'. */
  preset?: Preset
  /** Smoothing of the mask, in neurons. Default 1; 0 for none. */
  sigma?: number
  /** Floor of the deviation in the `iba` preset. Default 0.01. */
  minimumStd?: number
  /** The price of information. Default 10. */
  beta?: number
  /** Of Adam. Default 1e-5. */
  learningRate?: number
  /** Images of a step of each process. Default 16. */
  batch?: number
  /** Default 20. */
  epochs?: number
  /** Of the first weights, the order of the images, their noise and their augmentation. Default 0. */
  seed?: number
  /** What is computed in; weights and optimiser stay float32. Default 'float32'. */
  precision?: 'float32' | 'bfloat16'
  /** Augmentation: a random part of each image, and mirroring by chance. Default: neither. */
  randomCrop?: boolean
  flip?: boolean
  /** Where training is kept, to be taken up again. Default: nowhere. */
  checkpoint?: string
  /** Steps between checkpoints; there is also one at the end of each epoch and at an abort. Default 500. */
  checkpointEvery?: number
  /** Go on from the checkpoint, if there is one. */
  resume?: boolean
  /** More images than this that can't be read stop the training. Default 100. */
  maximumBroken?: number
  /** The processes that train together. Every one of them calls `trainReadout` with the same options. */
  processes?: ProcessGroup
  /** Stops after the current step; a checkpoint is written, and the call rejects with the signal's reason. */
  signal?: AbortSignal
  onStatistics?: (progress: { samples: number; total: number }) => void
  /** Called, and waited for, before the first step. */
  onStart?: (start: {
    step: number
    stepsPerEpoch: number | undefined
    reads: string[]
    layer: string
  }) => void
  onStep?: (step: TrainingStep) => void
  onEpoch?: (epoch: TrainingEpoch) => void
  onCheckpoint?: (checkpoint: { path: string; step: number }) => void
  /** Called for an image that can't be read and is left out. */
  onBroken?: (error: Error) => void
  onWarning?: (message: string) => void
}

/** The options with their defaults. */
export interface Settings {
  layer: string
  reads: readonly string[]
  variant: 'A' | 'B'
  preset: Preset
  sigma: number
  minimumStd: number
  samples: number
  beta: number
  learningRate: number
  batch: number
  epochs: number
  seed: number
  precision: 'float32' | 'bfloat16'
  randomCrop: boolean
  flip: boolean
  checkpointEvery: number
  maximumBroken: number
}

const optionNames = [
  'data',
  'validation',
  'statistics',
  'samples',
  'layer',
  'reads',
  'variant',
  'preset',
  'sigma',
  'minimumStd',
  'beta',
  'learningRate',
  'batch',
  'epochs',
  'seed',
  'precision',
  'randomCrop',
  'flip',
  'checkpoint',
  'checkpointEvery',
  'resume',
  'maximumBroken',
  'processes',
  'signal',
  'onStatistics',
  'onStart',
  'onStep',
  'onEpoch',
  'onCheckpoint',
  'onBroken',
  'onWarning',
]

/** @throws InvalidArgumentError, ModelError where the network has no usual place for a readout bottleneck */
export function completeSettings(model: Model, options: TrainReadoutOptions): Settings {
  requireKnownKeys('options', options, optionNames)
  requireSignal(options.signal)
  const { statistics, checkpoint } = options
  if (checkpoint !== undefined) requireString('checkpoint', checkpoint)
  if (options.resume && checkpoint === undefined)
    throw new InvalidArgumentError('To resume, name the checkpoint to go on from.')
  if (statistics !== undefined && !(statistics instanceof Statistics))
    throw invalid('statistics', 'statistics from estimate() or loadStatistics()', statistics)
  const preset = statistics?.description.preset ?? 'iba'
  return {
    ...completePlace(model, options),
    variant: requireOneOf('variant', options.variant ?? 'B', ['A', 'B']),
    preset: requireOneOf('preset', options.preset ?? preset, presets),
    sigma: requireNumber('sigma', options.sigma ?? 1, 0, 100),
    minimumStd: requireNumber('minimumStd', options.minimumStd ?? 0.01, Number.MIN_VALUE),
    samples: requireInteger('samples', options.samples ?? 10_000, 2),
    beta: requireNumber('beta', options.beta ?? 10, 0),
    learningRate: requireNumber('learningRate', options.learningRate ?? 1e-5, 0),
    batch: requireInteger('batch', options.batch ?? 16, 1, 65_536),
    epochs: requireInteger('epochs', options.epochs ?? 20, 1),
    seed: requireInteger('seed', options.seed ?? 0, 0),
    precision: requireOneOf('precision', options.precision ?? 'float32', ['float32', 'bfloat16']),
    randomCrop: requireFlag('randomCrop', options.randomCrop),
    flip: requireFlag('flip', options.flip),
    checkpointEvery: requireInteger('checkpointEvery', options.checkpointEvery ?? 500, 1),
    maximumBroken: requireInteger('maximumBroken', options.maximumBroken ?? 100, 0),
  }
}

function completePlace(model: Model, { layer, reads }: TrainReadoutOptions) {
  if (layer !== undefined && reads !== undefined) {
    if (!Array.isArray(reads) || reads.length === 0) throw invalid('reads', 'a list of layer names', reads)
    return { layer: requireString('layer', layer), reads: reads.map(name => requireString('reads', name)) }
  }
  if (layer !== undefined || reads !== undefined)
    throw new InvalidArgumentError("Expected 'layer' and 'reads', or neither of them.")
  return callNativeSync(() => addon().readoutPlace(model.handle))
}

function requireFlag(name: string, value: unknown = false): boolean {
  if (typeof value !== 'boolean') throw invalid(name, 'true or false', value)
  return value
}
