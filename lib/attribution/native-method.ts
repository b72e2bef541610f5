import { InvalidArgumentError } from '../foundation/errors.js'
import type { Model } from '../model/model.js'
import {
  addon,
  type MethodHandle,
  type NativeAttribution,
  type NativeOptionSpec,
  type NativeOptionValue,
} from '../native/addon.js'
import { callNative, callNativeSync } from '../native/errors.js'
import { createBatchAttributer } from './attributer.js'
import type { Attributer, Attribution } from './attribution.js'
import { checkOptions, type MethodDescription, type OptionDescription } from './options.js'

const mostImages = 1024
const defaultBatch = { cpu: 8, cuda: 32 }

/** Decided here, not natively: how calls are gathered. */
const batchOption: OptionDescription = {
  name: 'batch',
  summary: `images that are explained together at most (default: ${defaultBatch.cpu}, on CUDA ${defaultBatch.cuda})`,
  form: 'whole',
  defaults: { iba: null, paper: null },
  minimum: 1,
  maximum: mostImages,
}

/** The methods of the native registry, in its order. */
export function describeNativeMethods(): MethodDescription[] {
  return callNativeSync(() => addon().methods()).map(({ name, summary, source, options }) => ({
    name,
    summary,
    source,
    needs: options.filter(({ required }) => required).map(option => option.name),
    options: [...options.map(describeOption), batchOption],
  }))
}

/** An attributer of the native registry. The native method is made, once, when the first image is to be explained.
 * @throws InvalidArgumentError where an option is unknown or out of range */
export function createNativeAttributer(model: Model, method: MethodDescription, given: object): Attributer {
  const { batch, ...options } = checkOptions(method, given)
  requireGiven(method, options)
  const native = new LazyMethod(model, method.name, { ...rangeOfValues(model, method), ...options })
  return createBatchAttributer<NativeAttribution, Attribution>(model, {
    name: method.name,
    batch: typeof batch === 'number' ? batch : defaultBatch[model.device === 'cpu' ? 'cpu' : 'cuda'],
    prepare: () => native.handle(),
    async run({ images, shape, requests }, { cancellation, onStep }) {
      const handle = await native.handle()
      return await callNative(() => addon().runMethod(handle, images, shape, requests, cancellation, onStep))
    },
    complete(common, { map, unit, raw, rawShape, checks }) {
      const { width, height } = common.image
      return {
        ...common,
        map: { data: map, width, height, unit },
        ...(raw && rawShape ? { raw: { data: raw, shape: rawShape } } : {}),
        checks,
      }
    },
    dispose: () => native.dispose(),
  })
}

/** What the network doesn't know of its images, for the methods that ask for it: the values of black and of white. */
function rangeOfValues(
  { preprocessing: { mean, std } }: Model,
  { options }: MethodDescription,
): Record<string, NativeOptionValue> {
  const names = options.map(({ name }) => name)
  if (!names.includes('low') || !names.includes('high')) return {}
  return {
    low: mean.map((value, channel) => -value / std[channel]!),
    high: mean.map((value, channel) => (1 - value) / std[channel]!),
  }
}

function requireGiven(method: MethodDescription, given: Readonly<Record<string, unknown>>): void {
  const missing = method.options.find(({ name, required }) => required && given[name] === undefined)
  if (!missing) return
  throw new InvalidArgumentError(
    `${method.name} needs a value for the option '${missing.name}': ${missing.summary}.`,
  )
}

/** A native method that is made when it is first asked for. What fails then is tried again by the next call. */
class LazyMethod {
  readonly #model: Model
  readonly #name: string
  readonly #options: Readonly<Record<string, NativeOptionValue>>
  #made: Promise<MethodHandle> | undefined

  constructor(model: Model, name: string, options: Readonly<Record<string, NativeOptionValue>>) {
    this.#model = model
    this.#name = name
    this.#options = options
  }

  /** @throws DisposedError where the model was disposed of; whatever makes the method impossible for this model */
  async handle(): Promise<MethodHandle> {
    const model = this.#model.handle
    this.#made ??= callNative(() => addon().createMethod(model, this.#name, this.#options))
    try {
      return await this.#made
    } catch (error) {
      this.#made = undefined
      throw error
    }
  }

  dispose(): void {
    this.#made?.then(
      handle => addon().disposeMethod(handle),
      () => {},
    )
  }
}

function describeOption(spec: NativeOptionSpec): OptionDescription {
  const { name, summary, form, standard, paper, minimum, maximum, choices, required } = spec
  const isNumber = form === 'number' || form === 'whole' || form === 'numbers'
  return {
    name,
    summary,
    form,
    defaults: { iba: standard, paper },
    ...(isNumber && minimum > -Number.MAX_VALUE && { minimum }),
    ...(isNumber && maximum < Number.MAX_VALUE && { maximum }),
    ...(form === 'choice' && { choices }),
    ...(required && { required }),
  }
}
