import { mapInOrder } from '../foundation/concurrency.js'
import { DisposedError } from '../foundation/errors.js'
import { invalid, requireInteger, requireKnownKeys, requireSignal } from '../foundation/validate.js'
import type { PreparedInput } from '../images/preprocess.js'
import type { ImageInput } from '../images/source.js'
import { asList, type PendingImage, pendingImages } from '../images/stream.js'
import { type Model, stack } from '../model/model.js'
import type { CancellationHandle } from '../native/addon.js'
import { withCancellation } from '../native/cancellation.js'
import type { AttributeOptions, Attributer, Attribution, TargetedImage } from './attribution.js'
import { BatchQueue, type OnStep } from './batch-queue.js'

/** Images of one size, as native calls take them. A target of -1 means the predicted class. */
export interface Batch {
  images: Float32Array
  shape: [images: number, channels: number, height: number, width: number]
  requests: { target: number; seed: number }[]
}

/** What of a result doesn't depend on the method. */
export type CommonResult = Omit<Attribution, 'map' | 'checks' | 'raw'>

/** What a method does of its own; `createBatchAttributer` adds what all attributers share. */
export interface BatchMethod<Native extends { target: number; probability: number }, Result> {
  name: string
  /** Images that are explained together at most. */
  batch: number
  /** Makes what is needed before a batch; not counted in the seconds of a map. */
  prepare?(): Promise<unknown>
  /** One native result for each image of a batch. */
  run(batch: Batch, context: { cancellation: CancellationHandle; onStep: OnStep }): Promise<Native[]>
  /** The result for users. The map is of the size of `common.image`. */
  complete(common: CommonResult, native: Native): Result
  dispose?(): void
}

/** An attributer that explains images in native batches: what arrives while a batch runs is taken together in the
 * next one. */
export function createBatchAttributer<
  Native extends { target: number; probability: number },
  Result extends Attribution,
>(model: Model, method: BatchMethod<Native, Result>): Attributer<Result> {
  return new BatchAttributer(model, method)
}

interface Request {
  input: PreparedInput
  target: number
  seed: number
}

interface Outcome<Native> {
  native: Native
  seconds: number
}

class BatchAttributer<Native extends { target: number; probability: number }, Result extends Attribution>
  implements Attributer<Result>
{
  readonly #model: Model
  readonly #method: BatchMethod<Native, Result>
  readonly #queue: BatchQueue<Request, Outcome<Native>>
  #disposed = false

  constructor(model: Model, method: BatchMethod<Native, Result>) {
    this.#model = model
    this.#method = method
    this.#queue = new BatchQueue({
      maximum: method.batch,
      key: ({ input }) => `${input.height}×${input.width}`,
      run: (requests, context) => this.#run(requests, context),
    })
  }

  get method(): string {
    return this.#method.name
  }

  async attribute(
    images: ImageInput | readonly (ImageInput | TargetedImage)[],
    options: AttributeOptions = {},
  ): Promise<Result[]> {
    const list = asList(images)
    const { targets } = options
    if (Array.isArray(targets) && targets.length !== list.length) {
      throw invalid('targets', `one class or null for each of the ${list.length} images`, targets)
    }
    const results: Result[] = []
    for await (const result of this.attributeAll(list, options)) results.push(result)
    return results
  }

  async *attributeAll(
    images: AsyncIterable<ImageInput | TargetedImage> | Iterable<ImageInput | TargetedImage>,
    options: AttributeOptions = {},
  ): AsyncGenerator<Result, void, undefined> {
    this.#requireUsable()
    checkAttributeOptions(options)
    const stream = pendingImages(images, this.#model.preprocessing)
    // One batch runs while the images of the next are read.
    const results = mapInOrder(
      stream,
      2 * this.#method.batch,
      (image, signal) => this.#one(image, options, signal),
      options.signal,
    )
    for await (const result of results) if (result) yield result
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#method.dispose?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
  }

  async #one(
    image: PendingImage,
    options: AttributeOptions,
    signal: AbortSignal,
  ): Promise<Result | undefined> {
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
    const onStep: OnStep = (step, steps) => options.onProgress?.({ index, name, step, steps })
    const { native, seconds } = await this.#queue.submit({ input, target, seed }, { signal, onStep })
    const { width, height, pixels } = input
    const common: CommonResult = {
      index,
      name: input.name,
      method: this.method,
      target: native.target,
      probability: native.probability,
      image: { pixels, width, height },
      seconds,
    }
    return this.#method.complete(common, native)
  }

  async #run(
    requests: Request[],
    { signal, onStep }: { signal: AbortSignal; onStep: OnStep },
  ): Promise<Outcome<Native>[]> {
    this.#requireUsable()
    await this.#method.prepare?.()
    signal.throwIfAborted()
    const started = performance.now()
    const { data: images, shape } = stack(requests.map(({ input }) => input))
    const wanted = requests.map(({ target, seed }) => ({ target, seed }))
    const results = await withCancellation(signal, cancellation =>
      this.#method.run({ images, shape, requests: wanted }, { cancellation, onStep }),
    )
    const seconds = (performance.now() - started) / 1000
    return results.map(native => ({ native, seconds }))
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
