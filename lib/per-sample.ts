import type {
  AttributeOptions,
  Attributer,
  Attribution,
  HeatMap,
  StepReport,
  TargetedImage,
} from './attribution.js'
import { BatchQueue } from './batch-queue.js'
import { mapInOrder } from './concurrency.js'
import { DisposedError } from './errors.js'
import type { PreparedInput } from './images/preprocess.js'
import type { ImageInput } from './images/source.js'
import { asList, type PendingImage, pendingImages } from './images/stream.js'
import { type Model, stack } from './model.js'
import { addon, type NativePerSampleOptions, type NativePerSampleResult } from './native/addon.js'
import { withCancellation } from './native/cancellation.js'
import { callNative } from './native/errors.js'
import { presets } from './presets.js'
import { Statistics } from './statistics.js'
import {
  invalid,
  requireInteger,
  requireKnownKeys,
  requireNumber,
  requireOneOf,
  requireSignal,
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

interface Request {
  input: PreparedInput
  target: number
  seed: number
}

interface Outcome {
  result: NativePerSampleResult
  seconds: number
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
  return new PerSampleAttributer(model, options)
}

class PerSampleAttributer implements Attributer<PerSampleAttribution> {
  readonly method = 'per-sample'
  readonly #model: Model
  readonly #statistics: Statistics
  readonly #layer: string
  readonly #options: NativePerSampleOptions
  readonly #batch: number
  readonly #queue: BatchQueue<Request, Outcome>
  #disposed = false

  constructor(model: Model, options: PerSampleOptions) {
    requireKnownKeys('options', options, optionNames)
    if (!(options.statistics instanceof Statistics))
      throw invalid('statistics', 'statistics from estimate() or loadStatistics()', options.statistics)
    this.#model = model
    this.#statistics = options.statistics
    this.#layer = requireString('layer', options.layer ?? model.bottleneckLayer)
    this.#statistics.requireFor(model, this.#layer)
    this.#options = completeOptions(options)
    this.#batch = requireInteger('batch', options.batch ?? (model.device === 'cpu' ? 1 : 16), 1, 1024)
    this.#queue = new BatchQueue({
      maximum: this.#batch,
      key: ({ input }) => `${input.height}×${input.width}`,
      run: (requests, context) => this.#run(requests, context),
    })
  }

  async attribute(
    images: ImageInput | readonly (ImageInput | TargetedImage)[],
    options: AttributeOptions = {},
  ): Promise<PerSampleAttribution[]> {
    const list = asList(images)
    const { targets } = options
    if (Array.isArray(targets) && targets.length !== list.length) {
      throw invalid('targets', `one class or null for each of the ${list.length} images`, targets)
    }
    const results: PerSampleAttribution[] = []
    for await (const result of this.attributeAll(list, options)) results.push(result)
    return results
  }

  async *attributeAll(
    images: AsyncIterable<ImageInput | TargetedImage> | Iterable<ImageInput | TargetedImage>,
    options: AttributeOptions = {},
  ): AsyncGenerator<PerSampleAttribution, void, undefined> {
    if (this.#disposed)
      throw new DisposedError('This attributer was disposed of. Make another one to use it.')
    checkAttributeOptions(options)
    const stream = pendingImages(images, this.#model.preprocessing)
    // One batch runs while the images of the next are read.
    const results = mapInOrder(
      stream,
      2 * this.#batch,
      (image, signal) => this.#one(image, options, signal),
      options.signal,
    )
    for await (const result of results) if (result) yield result
  }

  dispose(): void {
    this.#disposed = true
  }

  async #one(
    image: PendingImage,
    options: AttributeOptions,
    signal: AbortSignal,
  ): Promise<PerSampleAttribution | undefined> {
    const { index, name } = image
    const target = requireTarget(image, options, this.#model.classes)
    const seed = requireInteger('seed', image.seed ?? options.seed ?? 0, 0)
    signal.throwIfAborted()
    let input: PreparedInput
    try {
      input = await image.load()
    } catch (error) {
      if (!options.onError || signal.aborted) throw error
      options.onError(error as Error, { index, name })
      return undefined
    }
    const onStep = (step: number) => options.onProgress?.({ index, name, step, steps: this.#options.steps })
    const outcome = await this.#queue.submit({ input, target, seed }, { signal, onStep })
    return this.#attribution(index, input, outcome)
  }

  async #run(
    requests: Request[],
    { signal, onStep }: { signal: AbortSignal; onStep: (step: number) => void },
  ): Promise<Outcome[]> {
    const started = performance.now()
    const { data, shape } = stack(requests.map(({ input }) => input))
    const wanted = requests.map(({ target, seed }) => ({ target, seed }))
    const [model, statistics] = [this.#model.handle, this.#statistics.handle]
    const results = await withCancellation(signal, cancellation =>
      callNative(() =>
        addon().attributePerSample(
          model,
          statistics,
          this.#layer,
          data,
          shape,
          wanted,
          this.#options,
          cancellation,
          onStep,
        ),
      ),
    )
    const seconds = (performance.now() - started) / 1000
    return results.map(result => ({ result, seconds }))
  }

  #attribution(index: number, input: PreparedInput, { result, seconds }: Outcome): PerSampleAttribution {
    const { name, width, height, pixels } = input
    const unit = this.#options.preset === 'iba' ? ('bits/pixel' as const) : ('relative' as const)
    const toMap = (data: Float32Array): HeatMap => ({ data, width, height, unit })
    const { capacity, capacityShape } = result
    return {
      index,
      name,
      method: this.method,
      target: result.target,
      probability: result.probability,
      map: toMap(result.map),
      image: { pixels, width, height },
      seconds,
      steps: result.steps,
      stepMaps: result.stepMaps.map(toMap),
      ...(capacity && capacityShape ? { capacity: { data: capacity, shape: capacityShape } } : {}),
    }
  }
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

function checkAttributeOptions(options: AttributeOptions): void {
  requireKnownKeys('options', options, ['targets', 'seed', 'signal', 'onProgress', 'onError'])
  requireSignal(options.signal)
  for (const name of ['onProgress', 'onError'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') {
      throw invalid(name, 'a function', options[name])
    }
  }
  const { targets, seed } = options
  if (targets !== undefined && typeof targets !== 'number' && !Array.isArray(targets)) {
    throw invalid('targets', 'a class or a list of classes', targets)
  }
  if (seed !== undefined) requireInteger('seed', seed, 0)
  options.signal?.throwIfAborted()
}

/** The class to explain, or -1 for the predicted one. */
function requireTarget(image: PendingImage, { targets }: AttributeOptions, classes: number): number {
  const listed = typeof targets === 'object' ? targets[image.index] : (targets ?? null)
  if (listed === undefined && image.target === undefined) {
    throw invalid('targets', `a class or null for image ${image.index} as well`, targets)
  }
  const target = image.target ?? listed ?? null
  return target === null ? -1 : requireInteger('target', target, 0, classes - 1)
}
