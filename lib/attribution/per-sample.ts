import { presets } from '../foundation/presets.js'
import { invalid, requireObject } from '../foundation/validate.js'
import { Statistics } from '../learned/statistics.js'
import type { Model } from '../model/model.js'
import { addon, type NativePerSampleOptions, type NativePerSampleResult } from '../native/addon.js'
import { callNative } from '../native/errors.js'
import { createBatchAttributer } from './attributer.js'
import type { Attributer, Attribution, HeatMap, StepReport } from './attribution.js'
import { completeOptions, flag, type MethodDescription, number, whole } from './options.js'

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
  /** In nats, of the shape of the layer's activation for one image, if `keepCapacity`. */
  capacity?: { data: Float32Array; shape: number[] }
}

/** The per-sample bottleneck as data. What only a program can give, such as the statistics, is not among the options. */
export const perSampleMethod: MethodDescription = {
  name: 'per-sample',
  summary: 'the information that a bottleneck in a layer has to let pass for the class, in bits',
  source: 'Schulz et al. 2020, section 3.2',
  needs: ['statistics'],
  options: [
    {
      name: 'layer',
      summary: "where the bottleneck goes (default: the paper's place in the network)",
      form: 'text',
      defaults: { iba: null, paper: null },
    },
    {
      name: 'preset',
      summary: "conventions of the authors' library, or of the paper's code (default: the statistics')",
      form: 'choice',
      defaults: { iba: null, paper: null },
      choices: presets,
    },
    number('beta', 'the price of information: higher shows less', 10, 0),
    whole('steps', 'optimisation steps', 10, 100_000),
    whole('copies', 'noise copies of each image in each step', 10, 10_000),
    number('learningRate', 'of Adam', 1, 0),
    number('sigma', 'smoothing of the mask in neurons, 0 for none', 1, 0, 1000),
    number('minimumStd', 'floor of the deviation in the iba preset', 0.01, Number.MIN_VALUE),
    flag('keepCapacity', 'return the capacity of every neuron as well'),
    flag('keepSteps', 'return the map after every step as well'),
    {
      name: 'batch',
      summary: 'images that are explained together at most (default: 1, on CUDA 16)',
      form: 'whole',
      defaults: { iba: null, paper: null },
      minimum: 1,
      maximum: 1024,
    },
  ],
}

/** The options that always have a value, and those that depend on the model and its statistics. */
type Settings = Omit<NativePerSampleOptions, 'preset'> & Pick<PerSampleOptions, 'layer' | 'preset' | 'batch'>

/** The per-sample bottleneck (Schulz et al. 2020, section 3.2): for each image it finds how little information may
 * pass a layer while the class stays recognisable, and shows where that information comes from.
 * @throws StatisticsError where the statistics don't fit, InvalidArgumentError, ModelError */
export function perSample(model: Model, options: PerSampleOptions): Attributer<PerSampleAttribution> {
  const { statistics, ...given } = requireObject('options', options)
  if (!(statistics instanceof Statistics))
    throw invalid('statistics', 'statistics from estimate() or loadStatistics()', statistics)
  const {
    layer = model.bottleneckLayer,
    preset = statistics.description.preset,
    batch = model.device === 'cpu' ? 1 : 16,
    ...values
  } = completeOptions<Settings>(perSampleMethod, given)
  statistics.requireFor(model, layer)
  const settings = { ...values, preset }
  const unit = preset === 'iba' ? ('bits/pixel' as const) : ('relative' as const)

  return createBatchAttributer<NativePerSampleResult, PerSampleAttribution>(model, {
    name: 'per-sample',
    batch,
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
