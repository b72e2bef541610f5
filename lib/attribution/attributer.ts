import { mapInOrder } from '../foundation/concurrency.js'
import { DisposedError, NotFiniteError } from '../foundation/errors.js'
import { invalid, requireInteger, requireKnownKeys, requireSignal } from '../foundation/validate.js'
import type { PreparedInput } from '../images/prepared-input.js'
import type { ImageInput } from '../images/source.js'
import { asList, type PendingImage, pendingImages } from '../images/stream.js'
import { type Model, stack } from '../model/model.js'
import { addon } from '../native/addon.js'
import type { NativeAttribution } from '../native/attribution-calls.js'
import { callNative } from '../native/call.js'
import { withCancellation } from '../native/cancellation.js'
import type { NativeTarget } from '../native/target.js'
import type { AttributeOptions, Attributer, Attribution, HeatMap, TargetedImage } from './attribution.js'
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
    try {
      const found = await this.#queue.submit({ input, target, seed }, { signal, onStep })
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
    const { width, height, pixels, text } = input
    const { map, target, ...rest } = found.attribution
    const unit = text && found.unit === 'bits/pixel' ? 'bits/token' : found.unit
    const { loss = [] } = rest.series
    return {
      index,
      name: input.name,
      method: this.method,
      ...rest,
      steps: loss.length,
      target: explainedTarget(asked, this.#model, target),
      ...this.#model.named(target),
      map: { data: map.data, width, height, unit },
      ...(text && { tokens: map.data }),
      ...(text?.texts && { tokenTexts: text.texts }),
      image: { pixels, width, height },
      seconds: found.seconds,
    }
  }

  async #run(requests: Request[], { signal, onStep }: BatchContext): Promise<Outcome[]> {
    this.#requireUsable()
    const method = await this.#native.handle()
    signal.throwIfAborted()
    const started = performance.now()
    const images = stack(requests.map(({ input }) => input))
    const wanted = requests.map(({ target, seed }) => ({ target, seed }))
    const { unit, attributions } = await withCancellation({ signal, onProgress: onStep }, call =>
      callNative(() => addon().runMethod({ method, images, requests: wanted, ...call })),
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

function checkAttributeOptions(options: AttributeOptions): void {
  requireKnownKeys('options', options, ['targets', 'seed', 'signal', 'onProgress', 'onError'])
  requireSignal(options.signal)
  for (const name of ['onProgress', 'onError'] as const) {
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
