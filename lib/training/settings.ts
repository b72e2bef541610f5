import { type MethodDescription, option, withDefaults } from '../attribution/described-options.js'
import { InvalidArgumentError } from '../foundation/errors.js'
import { presets } from '../foundation/presets.js'
import { invalid, requireKnownKeys, requireSignal, requireString } from '../foundation/validate.js'
import { Statistics } from '../learned/statistics.js'
import type { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import { callNativeSync } from '../native/call.js'
import type { TrainingData } from './data.js'
import type { ProcessGroup } from './processes.js'
import type { TrainingEpoch, TrainingStep } from './reports.js'
import type { TrainingOptions } from './training-options.js'

/** What a readout is trained on and with; `describeTraining` gives the options that are plain values as data. */
export interface TrainReadoutOptions extends TrainingOptions {
  /** What to train on; see {@link openTrainingData}. */
  data: TrainingData
  /** Images to measure with after each epoch. */
  validation?: TrainingData
  /** Of the layer and of all that are read. Default: estimated first, from images of the data. */
  statistics?: Statistics
  /** Where the bottleneck goes, and which layers the readout network reads. Default: the paper's places, in ResNets and
   * VGGs. */
  layer?: string
  /** The layers that the readout network reads; given together with `layer`. */
  reads?: readonly string[]
  /** Where training is kept, to be taken up again, also at the end of each epoch and at an abort. Default: nowhere. */
  checkpoint?: string
  /** Go on from the checkpoint, if there is one. */
  resume?: boolean
  /** The processes that train together. Every one of them calls `trainReadout` with the same options. */
  processes?: ProcessGroup
  /** Stops after the current step; a checkpoint is written, and the call rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called as statistics are estimated. */
  onStatistics?: (progress: { samples: number; total: number }) => void
  /** Called, and waited for, before the first step. */
  onStart?: (start: {
    step: number
    stepsPerEpoch: number | undefined
    reads: string[]
    layer: string
  }) => void
  /** Called after each step. */
  onStep?: (step: TrainingStep) => void
  /** Called after each epoch. */
  onEpoch?: (epoch: TrainingEpoch) => void
  /** Called when a checkpoint was written. */
  onCheckpoint?: (checkpoint: { path: string; step: number }) => void
  /** Called for an image that can't be read and is left out. */
  onBroken?: (error: Error) => void
  /** Called where the result is less sure than it should be. */
  onWarning?: (message: string) => void
}

/** The training of a readout as data: its options are those of `trainReadout` and the flags of `iba train-readout`. What
 * is an object or a function (data, statistics, processes, callbacks), the readout's place and the checkpoint come beside
 * them. */
export function describeTraining(): Pick<MethodDescription, 'name' | 'summary' | 'source' | 'options'> {
  return {
    name: 'trainReadout',
    summary: 'trains the network of a readout bottleneck on labelled images',
    source: 'Schulz et al. 2020, section 3.3',
    options: [
      option('variant', 'choice', "A: as in the paper's text; B: wider, as in the authors' library", 'B', {
        choices: ['A', 'B'],
      }),
      option(
        'preset',
        'choice',
        "conventions of the authors' library or of the paper's code; the statistics' where it isn't given",
        null,
        { choices: presets },
      ),
      option('sigma', 'number', 'smoothing of the mask in neurons, 0 for none', 1, {
        minimum: 0,
        maximum: 100,
      }),
      option('minimumStd', 'number', 'floor of the standard deviation in the iba preset', 0.01, {
        flag: 'min-std',
        minimum: 1e-12,
        maximum: 1e12,
      }),
      option('epochs', 'whole', 'passes over the images', 20, { minimum: 1 }),
      option('batch', 'whole', 'images of a step, of each process', 16, { minimum: 1, maximum: 65_536 }),
      option('learningRate', 'number', 'learning rate of Adam', 1e-5, {
        flag: 'lr',
        minimum: 0,
        maximum: 1e6,
      }),
      option('beta', 'number', 'the price of information: higher lets less pass', 10, {
        minimum: 0,
        maximum: 1e12,
      }),
      option('seed', 'whole', 'of first weights, order, noise and augmentation', 0, { minimum: 0 }),
      option('randomCrop', 'flag', 'show a random part of each image, 8 % to 100 % of it', false),
      option('flip', 'flag', 'mirror half of the images', false),
      option('samples', 'whole', 'images to estimate statistics from', 10_000, { minimum: 2 }),
      option('maximumBroken', 'whole', 'more images than this that can’t be read end the training', 100, {
        minimum: 0,
      }),
      option('checkpointEvery', 'whole', 'steps between checkpoints', 500, { minimum: 1 }),
    ],
  }
}

const otherNames = [
  'data',
  'validation',
  'statistics',
  'layer',
  'reads',
  'checkpoint',
  'resume',
  'processes',
  'signal',
  'onStatistics',
  'onStart',
  'onStep',
  'onEpoch',
  'onCheckpoint',
  'onBroken',
  'onWarning',
] as const

/** What a training is made with: every described option, and the readout's place. */
export type Settings = Required<TrainingOptions> & { layer: string; reads: readonly string[] }

/** @throws InvalidArgumentError, ModelError where the network has no usual place for a readout bottleneck */
export function completeSettings(model: Model, options: TrainReadoutOptions): Settings {
  const described = describeTraining()
  requireKnownKeys('options', options, [...otherNames, ...described.options.map(({ name }) => name)])
  const { statistics, checkpoint, resume } = options
  requireSignal(options.signal)
  if (checkpoint !== undefined) requireString('checkpoint', checkpoint)
  if (resume && checkpoint === undefined)
    throw new InvalidArgumentError('To resume, name the checkpoint to go on from.')
  if (statistics !== undefined && !(statistics instanceof Statistics))
    throw invalid('statistics', 'statistics from estimate() or loadStatistics()', statistics)
  const given = Object.entries(options).filter(([name]) => !otherNames.some(other => other === name))
  const settings = withDefaults<Required<TrainingOptions>>(described, Object.fromEntries(given))
  const preset = options.preset ?? statistics?.description.preset ?? 'iba'
  return { ...completePlace(model, options), ...settings, preset }
}

function completePlace(model: Model, { layer, reads }: TrainReadoutOptions) {
  if (layer !== undefined && reads !== undefined) {
    if (!Array.isArray(reads) || reads.length === 0) throw invalid('reads', 'a list of layer names', reads)
    return { layer: requireString('layer', layer), reads: reads.map(name => requireString('reads', name)) }
  }
  if (layer !== undefined || reads !== undefined)
    throw new InvalidArgumentError("Expected 'layer' and 'reads', or neither of them.")
  return callNativeSync(() => addon().readoutPlace({ model: model.handle }))
}
