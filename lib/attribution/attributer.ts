import { mapInOrder } from '../foundation/concurrency.js'
import { DisposedError, NotFiniteError } from '../foundation/errors.js'
import { invalid, requireInteger, requireKnownKeys, requireSignal } from '../foundation/validate.js'
import type { PreparedInput } from '../images/prepared-input.js'
import type { ImageInput } from '../images/source.js'
import { asList, type PendingImage, pendingImages } from '../images/stream.js'
import { type Model, stack } from '../model/model.js'
import { addon } from '../native/addon.js'
import type { NativeAttribution, NativeStep } from '../native/attribution-calls.js'
import { callNative } from '../native/call.js'
import { withCancellation } from '../native/cancellation.js'
import type { NativeTarget } from '../native/target.js'
import type { Tensor } from '../native/values.js'
import type {
  AttributeOptions,
  Attributer,
  Attribution,
  AttributionStep,
  HeatMap,
  SeenImage,
  TargetedImage,
} from './attribution.js'
import { type BatchContext, BatchQueue, type OnStep } from './batch-queue.js'
import type { MethodDescription } from './described-options.js'
import { batches, maps } from './diagnostics.js'
import { type MethodSettings, PreparedMethod } from './prepared-method.js'
import {
  explainedTarget,
  isTargetList,
  nativeTarget,
  predictedClass,
  type Target,
  targetForms,
} from './target.js'
import { ToldSteps } from './told-steps.js'

/** An attributer of a method with checked options. The native method is made when the first image is explained, and
 * errors of it come then. What arrives while a batch runs is taken together in the next one.
 * @param batch images that are explained together at most
 * @throws InvalidArgumentError, StatisticsError, PatternsError, WeightsError where a resource is missing or doesn't fit */
export function createMethodAttributer(
  model: Model,
  method: MethodDescription,
  settings: MethodSettings,
  batch: number,
): Attributer {
  return new MethodAttributer(model, method, settings, batch)
}

interface Request {
  input: PreparedInput
  target: NativeTarget
  seed: number
  /** Told of the steps, if anybody wants to know of them. */
  onStep: ((step: NativeStep) => void) | undefined
  /** Whether with their maps. */
  stepMaps: boolean
}

interface Outcome {
  attribution: NativeAttribution
  unit: HeatMap['unit']
  seconds: number
}

class MethodAttributer implements Attributer {
  readonly method: string
  readonly #model: Model
  readonly #native: PreparedMethod
  readonly #batch: number
  readonly #queue: BatchQueue<Request, Outcome>
  #disposed = false

  constructor(model: Model, method: MethodDescription, settings: MethodSettings, batch: number) {
    this.method = method.name
    this.#model = model
    this.#native = new PreparedMethod(model, method, settings)
    this.#batch = batch
    this.#queue = new BatchQueue({
      maximum: batch,
      key: ({ input }) => `${input.height}×${input.width}`,
      run: (requests, context) => this.#run(requests, context),
    })
  }

  async attribute(
    images: ImageInput | readonly (ImageInput | TargetedImage)[],
    options: AttributeOptions = {},
  ): Promise<Attribution[]> {
    const list = asList(images)
    const { targets } = options
    if (Array.isArray(targets) && targets.length !== list.length) {
      throw invalid('targets', `one target or null for each of the ${list.length} images`, targets)
    }
    const results: Attribution[] = []
    for await (const result of this.attributeAll(list, options)) results.push(result)
    return results
  }

  async *attributeAll(
    images: AsyncIterable<ImageInput | TargetedImage> | Iterable<ImageInput | TargetedImage>,
    options: AttributeOptions = {},
  ): AsyncGenerator<Attribution, void, undefined> {
    this.#requireUsable()
    checkAttributeOptions(options)
    // One batch runs while the images of the next are read. What is there goes to the device as soon as that is idle.
    const results = mapInOrder(
      signal => pendingImages(images, this.#model.preprocessing, signal),
      2 * this.#batch,
      (image, signal) => this.#one(image, options, signal),
      options.signal,
    )
    for await (const result of results) if (result) yield result
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#native.dispose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
  }

  async #one(
    image: PendingImage,
    options: AttributeOptions,
    signal: AbortSignal,
  ): Promise<Attribution | undefined> {
    const { index, name } = image
    const asked = requireTarget(image, options)
    const target = asked === undefined ? predictedClass : nativeTarget(asked, this.#model)
    const seed = requireInteger('seed', image.seed ?? options.seed ?? 0, 0)
    signal.throwIfAborted()
    const leaveOut = async (error: unknown) => {
      if (!options.onError || signal.aborted) throw error
      await options.onError(error as Error, { index, name })
      return undefined
    }
    let input: PreparedInput
    try {
      input = await image.load(signal)
    } catch (error) {
      return await leaveOut(error)
    }
    const onStep: OnStep = (step, steps) => options.onProgress?.({ index, name, step, steps })
    using steps = new ToldSteps(options, signal, step => this.#stepOf(input, index, step, asked))
    const { stepMaps = false } = options
    try {
      const request = { input, target, seed, onStep: steps.onStep, stepMaps }
      const found = await this.#queue.submit(request, { signal: steps.signal, onStep })
      await steps.answered()
      const attribution = this.#attributionOf(input, index, found, asked)
      maps.tell(() => ({ model: this.#model, attribution }))
      return attribution
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error
      return await leaveOut(new NotFiniteError(`'${name}': ${error.message}`, { cause: error }))
    }
  }

  #attributionOf(
    input: PreparedInput,
    index: number,
    found: Outcome,
    asked: Target | undefined,
  ): Attribution {
    const { text } = input
    const { map, target, ...rest } = found.attribution
    const { loss = [] } = rest.series
    return {
      index,
      name: input.name,
      method: this.method,
      ...rest,
      steps: loss.length,
      target: explainedTarget(asked, this.#model, target),
      ...this.#model.named(target),
      map: mapOf(input, map, found.unit),
      ...(text && { tokens: map.data }),
      ...(text?.texts && { tokenTexts: text.texts }),
      image: imageOf(input),
      seconds: found.seconds,
    }
  }

  #stepOf(
    input: PreparedInput,
    index: number,
    { image: _, map, unit, target, ...rest }: NativeStep,
    asked: Target | undefined,
  ): AttributionStep {
    return {
      index,
      name: input.name,
      ...rest,
      target: explainedTarget(asked, this.#model, target),
      ...this.#model.named(target),
      ...(map && { map: mapOf(input, map, unit) }),
      image: imageOf(input),
    }
  }

  async #run(requests: Request[], { signal, onStep }: BatchContext): Promise<Outcome[]> {
    this.#requireUsable()
    const method = await this.#native.handle()
    signal.throwIfAborted()
    const started = performance.now()
    const images = stack(requests.map(({ input }) => input))
    const wanted = requests.map(({ target, seed }) => ({ target, seed }))
    const steps = requests.some(request => request.onStep) && {
      onStep: (step: NativeStep) => requests[step.image]?.onStep?.(step),
      stepMaps: requests.some(request => request.stepMaps),
    }
    const { unit, attributions } = await withCancellation({ signal, onProgress: onStep }, call =>
      callNative(() => addon().runMethod({ method, images, requests: wanted, ...call, ...steps })),
    )
    const seconds = (performance.now() - started) / 1000
    batches.tell(() => ({ model: this.#model, method: this.method, images: requests.length, seconds }))
    return attributions.map(attribution => ({ attribution, unit, seconds }))
  }

  #requireUsable(): void {
    if (this.#disposed)
      throw new DisposedError('This attributer was disposed of. Make another one to use it.')
  }
}

/** A map in the shape of its input. */
function mapOf({ width, height, text }: PreparedInput, { data }: Tensor, unit: HeatMap['unit']): HeatMap {
  return { data, width, height, unit: text && unit === 'bits/pixel' ? 'bits/token' : unit }
}

function imageOf({ pixels, width, height }: PreparedInput): SeenImage {
  return { pixels, width, height }
}

function checkAttributeOptions(options: AttributeOptions): void {
  requireKnownKeys('options', options, [
    'targets',
    'seed',
    'signal',
    'onProgress',
    'onStep',
    'stepMaps',
    'onError',
  ])
  requireSignal(options.signal)
  const { stepMaps } = options
  if (stepMaps !== undefined && typeof stepMaps !== 'boolean')
    throw invalid('stepMaps', 'true or false', stepMaps)
  for (const name of ['onProgress', 'onStep', 'onError'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') {
      throw invalid(name, 'a function', options[name])
    }
  }
  const { targets, seed } = options
  const isOne = typeof targets === 'number' || typeof targets === 'string'
  if (targets !== undefined && !isOne && (typeof targets !== 'object' || targets === null)) {
    throw invalid('targets', `${targetForms}, or a list of them`, targets)
  }
  if (seed !== undefined) requireInteger('seed', seed, 0)
  options.signal?.throwIfAborted()
}

/** What to explain; undefined for the predicted class. */
function requireTarget(image: PendingImage, { targets }: AttributeOptions): Target | undefined {
  const listed = isTargetList(targets) ? targets[image.index] : (targets ?? null)
  if (listed === undefined && image.target === undefined) {
    throw invalid('targets', `a target or null for image ${image.index} as well`, targets)
  }
  return image.target ?? listed ?? undefined
}
