import { toldLoad } from '../foundation/diagnostics.js'
import { DisposedError, InvalidArgumentError, StatisticsError } from '../foundation/errors.js'
import { type Preset, presets } from '../foundation/presets.js'
import {
  invalid,
  requireKnownKeys,
  requireNumber,
  requireOneOf,
  requireString,
} from '../foundation/validate.js'
import type { Model } from '../model/model.js'
import { addon, addonElsewhere } from '../native/addon.js'
import { callNative, callNativeSync } from '../native/call.js'
import type { StatisticsDescription, StatisticsHandle } from '../native/statistics-calls.js'
import { type LearningOptions, learnFrom, learningOptionNames, learningSizes } from './learning.js'
import { requireSameModel } from './origin.js'
import { packagedStatistics } from './packaged-statistics.js'

const recommendedSamples = 1000

/** Options of {@link estimate}. */
export interface EstimateOptions extends LearningOptions {
  /** Layers that are fed in one pass. Default: the architecture's bottleneck layer. */
  layer?: string
  /** Several of them; instead of `layer`. */
  layers?: readonly string[]
  /** How mean and standard deviation are read where nothing else is said. Default 'iba'. */
  preset?: Preset
  /** Called where the result is less sure than it should be. Default: a process warning. */
  onWarning?: (message: string) => void
}

/** What statistics say about the neurons of a layer, one value each, in C order. */
export interface LayerStatistics {
  /** Mean of the activation. */
  mean: Float32Array
  /** Standard deviation of the activation, no smaller than the floor. */
  std: Float32Array
  /** 1 where the neuron counts as active. */
  active: Uint8Array
  /** The layer's shape: (channels, height, width). */
  shape: readonly number[]
}

/** Mean and standard deviation of some layers' activations, which the bottleneck's noise is made of. */
export class Statistics {
  readonly #handle: StatisticsHandle
  #disposed = false

  /** Use `estimate` or `loadStatistics`. */
  constructor(handle: StatisticsHandle) {
    this.#handle = handle
  }

  /** @internal The native statistics. @throws DisposedError after `dispose` */
  get handle(): StatisticsHandle {
    if (this.#disposed)
      throw new DisposedError('These statistics were disposed of. Load them again to use them.')
    return this.#handle
  }

  /** The architecture and weights they were made with, the preset they are meant for, and what they hold. */
  get description(): StatisticsDescription {
    return addon().describeStatistics({ statistics: this.handle })
  }

  /** Mean and standard deviation per neuron as the preset reads them, and which neurons count as active.
   * @throws StatisticsError where they hold no such layer */
  layer(name: string, options: { preset?: Preset; minimumStd?: number } = {}): LayerStatistics {
    const preset = requireOneOf('preset', options.preset ?? this.description.preset, presets)
    const layer = requireString('name', name)
    const minimumStd = requireNumber('minimumStd', options.minimumStd ?? 0.01, 1e-12, 1e12)
    const { mean, std, active } = callNativeSync(() =>
      addon().readLayerStatistics({ statistics: this.handle, layer, preset, minimumStd }),
    )
    return { mean: mean.data, std: std.data, active: active.data, shape: mean.shape }
  }

  /** Statistics of both sets of images together. Both must be of the same model and layers. */
  merge(other: Statistics): Statistics {
    return new Statistics(
      callNativeSync(() => addon().mergeStatistics({ first: this.handle, second: other.handle })),
    )
  }

  /** Writes them as safetensors with metadata. */
  async save(path: string): Promise<void> {
    requireString('path', path)
    await callNative(() => addon().saveStatistics({ statistics: this.handle, path }))
  }

  /** @throws StatisticsError where they were not made with this model, or lack one of the layers */
  requireFor(model: Model, layers: readonly string[] = [model.bottleneckLayer]): void {
    requireSameModel('These statistics were made with', this.description, model, StatisticsError)
    for (const layer of layers) this.layer(layer)
  }

  /** Frees the native memory now. Safe to call twice. */
  dispose(): void {
    this.#disposed = true
    addon().dispose(this.#handle)
  }

  /** As `dispose`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
  }
}

/** Runs images through a model and learns the statistics of some layers, in one pass and constant memory.
 * Recommended are 10,000 images (Schulz et al. 2020, section 3.2). */
export async function estimate(model: Model, options: EstimateOptions): Promise<Statistics> {
  requireKnownKeys('options', options, [...learningOptionNames, 'layer', 'layers', 'preset', 'onWarning'])
  learningSizes(options)
  const preset = requireOneOf('preset', options.preset ?? 'iba', presets)
  const handle = callNativeSync(() =>
    addon().createStatistics({ model: model.handle, layers: chosenLayers(model, options), preset }),
  )
  const samples = await learnFrom(model, options, batch =>
    callNative(() => addon().updateStatistics({ statistics: handle, model: model.handle, ...batch })),
  )
  requireEnough(samples, model.inputKind === 'tokens' ? 'texts' : 'images', options.onWarning)
  return new Statistics(handle)
}

/** Reads statistics that `Statistics.save` wrote. 'demo' means those of the demo network, 'efficientnet-lite0' those that come
 * with the package for its published weights, learnt from parts of six photographs. With a model, it also reads the
 * estimators that the paper's authors published for it, such as `estimator_resnet50_2.torch`, for the `paper` preset.
 * @throws StatisticsError, WeightsError where the file is broken */
export async function loadStatistics(path: string, { model }: { model?: Model } = {}): Promise<Statistics> {
  requireString('path', path)
  const isPublished = model !== undefined && /\.torch$/.test(path)
  const { loadStatistics, loadPublishedStatistics } = await addonElsewhere()
  const load = () => loadStatistics({ path: packagedStatistics(path) ?? path })
  const loadPublished = () => loadPublishedStatistics({ path, model: model!.handle })
  return new Statistics(
    await toldLoad('statistics', path, () => callNative(isPublished ? loadPublished : load)),
  )
}

function chosenLayers(model: Model, { layer, layers }: EstimateOptions): readonly string[] {
  if (layer !== undefined && layers !== undefined) {
    throw new InvalidArgumentError("Expected 'layer' or 'layers', but received both.")
  }
  const chosen = layers ?? [layer ?? model.bottleneckLayer]
  if (!Array.isArray(chosen) || chosen.length === 0) throw invalid('layers', 'a list of layer names', layers)
  return [...new Set(chosen.map(name => requireString('layer', name)))]
}

function requireEnough(samples: number, of: string, onWarning: EstimateOptions['onWarning']): void {
  if (samples < 2)
    throw new StatisticsError(`Statistics need at least 2 ${of}, but ${samples} could be read.`)
  if (samples >= recommendedSamples) return
  const warn = onWarning ?? ((message: string) => process.emitWarning(message, 'AttributionWarning'))
  warn(`Statistics from ${samples} ${of} are rough: take at least ${recommendedSamples}, better 10,000.`)
}
