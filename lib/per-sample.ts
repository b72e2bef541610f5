import { createBatchAttributer } from './attributer.js'
import type { Attributer, Attribution, HeatMap, StepReport } from './attribution.js'
import type { Model } from './model.js'
import { addon, type NativePerSampleOptions, type NativePerSampleResult } from './native/addon.js'
import { callNative } from './native/errors.js'
import { presets } from './presets.js'
import { Statistics } from './statistics.js'
import {
  invalid,
  requireInteger,
  requireKnownKeys,
  requireNumber,
  requireOneOf,
  requireString,
} from './validate.js'

export interface PerSampleOptions {
  statistics: Statistics
  /** Where the bottleneck goes. Default: the architecture's bottleneck layer. */
  layer?: string
  /** Default: the preset that the statistics were made for. */
  preset?: 'iba' | 'paper'
  /** The price of information: higher shows less. Default 10, which is 10/k in the paper's figures. */
  beta?: number
  /** Optimisation steps. Default 10. */
  steps?: number
  /** Noise copies of each image in each step. Default 10. */
  copies?: number
  /** Of Adam. Default 1. */
  learningRate?: number
  /** Width of the smoothing of the mask, in neurons; 0 for none. Default 1. */
  sigma?: number
  /** Floor of the deviation in the `iba` preset. Default 0.01. */
  minimumStd?: number
  /** Return the capacity of every neuron as well. */
  keepCapacity?: boolean
  /** Return the map after every step as well. */
  keepSteps?: boolean
  /** Images that are explained together at most. Default: 1 on the CPU, 16 on CUDA. */
  batch?: number
}

/** What the per-sample bottleneck gives for one image. */
export interface PerSampleAttribution extends Attribution {
  steps: StepReport[]
  /** The map after every step, if `keepSteps`. */
  stepMaps: HeatMap[]
  /** In nats, (channels, height, width) of the layer, if `keepCapacity`. */
  capacity?: { data: Float32Array; shape: number[] }
}

const optionNames = [
  'statistics',
  'layer',
  'preset',
  'beta',
  'steps',
  'copies',
  'learningRate',
  'sigma',
  'minimumStd',
  'keepCapacity',
  'keepSteps',
  'batch',
]

/** The per-sample bottleneck (Schulz et al. 2020, section 3.2): for each image it finds how little information may
 * pass a layer while the class stays recognisable, and shows where that information comes from.
 * @throws StatisticsError where the statistics don't fit, InvalidArgumentError, ModelError */
export function perSample(model: Model, options: PerSampleOptions): Attributer<PerSampleAttribution> {
  requireKnownKeys('options', options, optionNames)
  const { statistics } = options
  if (!(statistics instanceof Statistics))
    throw invalid('statistics', 'statistics from estimate() or loadStatistics()', statistics)
  const layer = requireString('layer', options.layer ?? model.bottleneckLayer)
  statistics.requireFor(model, layer)
  const settings = completeOptions(options)
  const unit = settings.preset === 'iba' ? ('bits/pixel' as const) : ('relative' as const)

  return createBatchAttributer<NativePerSampleResult, PerSampleAttribution>(model, {
    name: 'per-sample',
    batch: requireInteger('batch', options.batch ?? (model.device === 'cpu' ? 1 : 16), 1, 1024),
    run: ({ images, shape, requests }, { cancellation, onStep }) => {
      const handles = [model.handle, statistics.handle] as const
      const onIteration = (step: number) => onStep(step, settings.steps)
      return callNative(() =>
        addon().attributePerSample(
          ...handles,
          layer,
          images,
          shape,
          requests,
          settings,
          cancellation,
          onIteration,
        ),
      )
    },
    complete(common, { map, steps, stepMaps, capacity, capacityShape }) {
      const { width, height } = common.image
      const toMap = (data: Float32Array): HeatMap => ({ data, width, height, unit })
      return {
        ...common,
        map: toMap(map),
        checks: {},
        steps,
        stepMaps: stepMaps.map(toMap),
        ...(capacity && capacityShape ? { capacity: { data: capacity, shape: capacityShape } } : {}),
      }
    },
  })
}

function completeOptions(options: PerSampleOptions): NativePerSampleOptions {
  const { statistics, keepCapacity = false, keepSteps = false } = options
  for (const [name, value] of Object.entries({ keepCapacity, keepSteps })) {
    if (typeof value !== 'boolean') throw invalid(name, 'true or false', value)
  }
  return {
    preset: requireOneOf('preset', options.preset ?? statistics.description.preset, presets),
    beta: requireNumber('beta', options.beta ?? 10, 0),
    steps: requireInteger('steps', options.steps ?? 10, 1, 100_000),
    copies: requireInteger('copies', options.copies ?? 10, 1, 10_000),
    learningRate: requireNumber('learningRate', options.learningRate ?? 1, 0),
    sigma: requireNumber('sigma', options.sigma ?? 1, 0, 1000),
    minimumStd: requireNumber('minimumStd', options.minimumStd ?? 0.01, Number.MIN_VALUE),
    keepCapacity,
    keepSteps,
  }
}
