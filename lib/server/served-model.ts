import sharp from 'sharp'
import type { AttributeOptions, Attribution } from '../attribution/attribution.js'
import { BatchQueue } from '../attribution/batch-queue.js'
import { findOption, type MethodDescription } from '../attribution/described-options.js'
import { type ChosenMethod, chooseMethod, describeMethods } from '../attribution/methods.js'
import { neededLayers } from '../attribution/needed-layers.js'
import { nativeTarget } from '../attribution/target.js'
import { invalid, requireString } from '../foundation/validate.js'
import { withDecoded } from '../images/decode.js'
import type { PreparedInput } from '../images/prepared-input.js'
import { prepare } from '../images/preprocess.js'
import { sides } from '../images/size.js'
import { type Resource, resourceNames, resources } from '../learned/resources.js'
import { type Model, stack } from '../model/model.js'
import { addon } from '../native/addon.js'
import type { ResourceName } from '../native/attribution-calls.js'
import { callNative } from '../native/call.js'
import { AttributerPool } from './attributer-pool.js'
import { RequestFailure } from './failure.js'
import { FairQueue } from './fair-queue.js'
import { passesOf } from './passes.js'
import type { ModelToServe, ServerLimits } from './server-options.js'
import { methodOptions, readSettings, type Settings } from './settings.js'
import { withSpan } from './spans.js'

/** Whose request it is, and until when. */
export interface Call {
  client: string
  signal: AbortSignal
}

/** Who is told of the work while it goes on. */
export type Told = Pick<AttributeOptions, 'onProgress' | 'onStep' | 'stepMaps'>

/** A map, and seconds of what came before it. */
export interface Explained {
  attribution: Attribution
  seconds: { waiting: number; decoding: number }
  /** About how many passes through the network it took. */
  passes: number
}

export interface ServedModelOptions {
  limits: ServerLimits
  batch?: number | undefined
  rows?: number | undefined
}

/** A model with what its methods need, and the requests for it. */
export class ServedModel {
  readonly name: string
  readonly model: Model
  readonly queue: FairQueue
  /** Why it can't explain images, where it couldn't explain the first. */
  problem: string | undefined
  #ready = false
  #methods: readonly string[] | undefined
  readonly #options: ServedModelOptions
  readonly #pool: AttributerPool
  readonly #resources: Readonly<Partial<Record<ResourceName, Resource>>>
  /** Those that were read from files here. */
  readonly #own: readonly Resource[]
  readonly #predictions: BatchQueue<PreparedInput, Float32Array>

  private constructor(
    name: string,
    model: Model,
    options: ServedModelOptions,
    resources: Partial<Record<ResourceName, Resource>>,
    own: readonly Resource[],
  ) {
    this.name = name
    this.model = model
    this.queue = new FairQueue({ places: options.limits.places })
    this.#options = options
    this.#pool = new AttributerPool(model)
    this.#resources = resources
    this.#own = own
    this.#predictions = new BatchQueue({
      maximum: this.#predictionBatch,
      key: ({ height, width }) => `${height}×${width}`,
      run: inputs => this.#logits(inputs),
    })
  }

  /** Whether it has explained an image. */
  get isReady(): boolean {
    return this.#ready
  }

  /** Explains a grey image, so that the first request doesn't wait for what is made once. */
  async warmUp(signal: AbortSignal): Promise<void> {
    const [height, width] = sides(this.model.preprocessing.crop)
    const create = { width, height, channels: 3 as const, background: '#808080' }
    const settings = readSettings({})
    const image = await sharp({ create }).png().toBuffer()
    await this.explain(image, this.choose(settings), settings, { client: 'warm-up', signal })
    this.#ready = true
  }

  get #predictionBatch(): number {
    return this.#options.batch ?? 8
  }

  /** Reads the resources that are given by their files.
   * @throws what `Resource.load` throws, InvalidArgumentError */
  static async open(given: ModelToServe, options: ServedModelOptions): Promise<ServedModel> {
    const { model, name = model.architecture } = given
    const ready: Partial<Record<ResourceName, Resource>> = {}
    const own: Resource[] = []
    for (const kind of resourceNames) {
      const resource = given[kind]
      if (resource === undefined) continue
      if (typeof resource === 'string') {
        const read = await resources[kind].load(resource, model)
        own.push(read)
        ready[kind] = read
      } else if (resource instanceof resources[kind].type) ready[kind] = resource
      else throw invalid(kind, `a ${resources[kind].type.name}, or the path of a file,`, resource)
    }
    return new ServedModel(requireString('name', name), model, options, ready, own)
  }

  /** The methods for which there is all that they need. Some may be impossible for the network all the same. */
  get methods(): readonly string[] {
    this.#methods ??= describeMethods()
      .filter(method => method.needs.every(need => this.#fits(need, method)))
      .map(({ name }) => name)
    return this.#methods
  }

  /** What explains images where a request names no method. */
  get defaultMethod(): string {
    const { methods } = this
    return ['per-sample', 'readout', 'grad-cam'].find(name => methods.includes(name))!
  }

  /** A request's method with its options, checked, and its target.
   * @throws InvalidArgumentError, ModelError; RequestFailure past a limit, or where the server lacks something */
  choose(settings: Settings): ChosenMethod {
    const { method } = chooseMethod(settings.method ?? this.defaultMethod, {})
    this.#requireNeeds(method)
    const { limits, batch, rows } = this.#options
    const given = { ...methodOptions(method, settings), ...(rows && { rows }), ...(batch && { batch }) }
    const chosen = chooseMethod(method.name, given)
    this.#requireAffordable(chosen, limits)
    if (settings.target !== undefined) nativeTarget(settings.target, this.model)
    return {
      ...chosen,
      resources: Object.fromEntries(method.needs.map(need => [need, this.#resources[need]])),
    }
  }

  /** Explains an image, with others that arrive meanwhile. */
  async explain(
    bytes: Uint8Array,
    chosen: ChosenMethod,
    { target, seed }: Settings,
    call: Call,
    told: Told = {},
  ): Promise<Explained> {
    const { signal } = call
    const { method, options } = chosen
    const batch = chosen.batch ?? method.batch[this.model.device === 'cpu' ? 'cpu' : 'cuda']
    const passes = passesOf(method, options, this.model)
    const attributes = { 'iba.model': this.name, 'iba.method': method.name, 'iba.passes': passes }
    return await withSpan('iba explain', attributes, async span => {
      const arrived = performance.now()
      const { decoding, result: attribution } = await this.#queued(call, 1 / batch, bytes, image =>
        this.#pool.use(chosen, async attributer => {
          const targets = target === undefined ? {} : { targets: target }
          const [found] = await attributer.attribute(image, { ...targets, seed, signal, ...told })
          return found!
        }),
      )
      const all = (performance.now() - arrived) / 1000
      // For its turn, and for the batch before its own.
      const waiting = Math.max(0, all - decoding - attribution.seconds)
      span.setAttributes({
        'iba.seconds.waiting': waiting,
        'iba.seconds.decoding': decoding,
        'iba.seconds.explaining': attribution.seconds,
      })
      return { attribution, seconds: { waiting, decoding }, passes }
    })
  }

  /** The outputs of the network for an image. */
  async predict(bytes: Uint8Array, call: Call): Promise<Float32Array> {
    const { signal } = call
    const { result } = await this.#queued(call, 1 / this.#predictionBatch, bytes, image =>
      this.#predictions.submit(image, { signal }),
    )
    return result
  }

  /** The outputs of the network for some inputs that are made of an image, in their order. */
  async predictVariants(
    bytes: Uint8Array,
    variants: (input: PreparedInput) => PreparedInput[],
    call: Call,
  ): Promise<Float32Array[]> {
    const { result } = await this.#queued(call, 1, bytes, async image => {
      const inputs = variants(image)
      const outputs: Float32Array[] = []
      while (outputs.length < inputs.length) {
        call.signal.throwIfAborted()
        outputs.push(
          ...(await this.#logits(inputs.slice(outputs.length, outputs.length + this.#predictionBatch))),
        )
      }
      return outputs
    })
    return result
  }

  /** The layers that a method can take here: those that its resources were made for. */
  layersFor(method: MethodDescription): readonly string[] {
    const needed = method.needs.map(need => this.#resources[need])
    return this.model.layerNames.filter(layer =>
      needed.every(resource => {
        try {
          resource?.requireFor(this.model, [layer])
          return true
        } catch {
          return false
        }
      }),
    )
  }

  async #queued<Result>(
    { client, signal }: Call,
    weight: number,
    bytes: Uint8Array,
    work: (input: PreparedInput) => Promise<Result>,
  ): Promise<{ result: Result; decoding: number }> {
    return await this.queue.run({ client, weight, signal }, async () => {
      const started = performance.now()
      const input = await this.#prepared(bytes, signal)
      const decoding = (performance.now() - started) / 1000
      signal.throwIfAborted()
      return { result: await work(input), decoding }
    })
  }

  /** An image as the network takes it; too large a one isn't decoded. */
  async #prepared(bytes: Uint8Array, signal: AbortSignal): Promise<PreparedInput> {
    const { pixels } = this.#options.limits
    return await withDecoded(bytes, { signal, pixels }, image =>
      prepare({ name: image.source, kind: 'encoded', image }, this.model.preprocessing),
    )
  }

  async #logits(inputs: PreparedInput[]): Promise<Float32Array[]> {
    const call = { model: this.model.handle, images: stack(inputs) }
    const { data } = await callNative(() => addon().logits(call))
    const size = data.length / inputs.length
    return inputs.map((_, i) => data.slice(i * size, (i + 1) * size))
  }

  #requireNeeds({ name, needs }: ChosenMethod['method']): void {
    const missing = needs.find(need => this.#resources[need] === undefined)
    if (missing === undefined) return
    throw new RequestFailure(
      'NOT_SERVED',
      `${name} needs ${resources[missing].meaning}, which this server doesn't have for ${this.name}.`,
      `Take another method; GET /v1/models lists those of ${this.name}.`,
    )
  }

  /** Whether there is such a resource, and it is of the layers that the method takes where nothing else is said. */
  #fits(need: ResourceName, method: MethodDescription): boolean {
    const resource = this.#resources[need]
    if (resource === undefined) return false
    try {
      resource.requireFor(this.model, neededLayers(this.model, method, {}))
      return true
    } catch {
      return false
    }
  }

  #requireAffordable({ method, options }: ChosenMethod, limits: ServerLimits): void {
    const passes = passesOf(method, options, this.model)
    if (passes > limits.passes)
      throw new RequestFailure(
        'LIMIT',
        `A map of ${method.name} with these options takes ${passes.toLocaleString('en')} passes through the network, more than the ` +
          `limit of this server: ${limits.passes.toLocaleString('en')}.`,
        'Take fewer steps, copies, samples or masks, or a larger stride.',
      )
    if (options.keepSteps !== true) return
    const steps = Number(options.steps ?? findOption(method, 'steps').defaults.iba)
    const [height, width] = sides(this.model.preprocessing.crop)
    const values = steps * height * width
    if (values > limits.keptValues)
      throw new RequestFailure(
        'LIMIT',
        `The maps of ${steps} steps have ${values.toLocaleString('en')} values, more than the limit of this server: ` +
          `${limits.keptValues.toLocaleString('en')}.`,
        'Take fewer steps, or leave stepMaps out of include.',
      )
  }

  /** Frees what was made here; the model stays. */
  dispose(): void {
    this.#pool.dispose()
    for (const resource of this.#own) resource.dispose()
  }
}
