import { invalid } from '../foundation/validate.js'
import { type Resource, type ResourceDescription, resources } from '../learned/resources.js'
import type { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import type { MethodHandle, NativeOptionValue, ResourceName } from '../native/attribution-calls.js'
import { callNative } from '../native/call.js'
import type { ModelHandle } from '../native/model-calls.js'
import type { Handle } from '../native/values.js'
import { findOption, type MethodDescription, type OptionValue } from './described-options.js'
import { nativeValue } from './given-arrays.js'
import { neededLayers } from './needed-layers.js'

/** The options of a method, and what it needs or takes: resources, or the paths of their files. */
export interface MethodSettings {
  options: Readonly<Record<string, OptionValue>>
  resources: Readonly<Partial<Record<ResourceName, unknown>>>
}

/** A native method with the resources that it uses. It is made when it is first asked for, and files of resources and of
 * arrays are read then. What fails is tried again by the next call. */
export class PreparedMethod {
  readonly #model: Model
  readonly #method: MethodDescription
  readonly #options: MethodSettings['options']
  readonly #resources: [ResourceName, UsedResource][]
  #made: Promise<MethodHandle> | undefined

  /** @throws InvalidArgumentError where a resource is missing, or is something else; and what `Resource.requireFor`
   * throws */
  constructor(model: Model, method: MethodDescription, given: MethodSettings) {
    const { needs, takes, options } = method
    const takesRange = options.some(option => option.name === 'low')
    const layers = neededLayers(model, method, given.options)
    this.#model = model
    this.#method = method
    this.#options = { ...(takesRange ? rangeOfValues(model) : {}), ...given.options }
    const used = [...needs, ...takes.filter(take => given.resources[take] !== undefined)]
    this.#resources = used.map(name => [name, new UsedResource(name, given.resources[name], model, layers)])
  }

  /** @throws DisposedError where the model was disposed of; whatever makes the method impossible for this model */
  async handle(): Promise<MethodHandle> {
    const model = this.#model.handle
    this.#made ??= this.#make(model)
    try {
      return await this.#made
    } catch (error) {
      this.#made = undefined
      throw error
    }
  }

  async #make(model: ModelHandle): Promise<MethodHandle> {
    const given: Partial<Record<ResourceName, Handle<string>>> = {}
    for (const [name, resource] of this.#resources) given[name] = (await resource.get()).handle
    const options: Record<string, NativeOptionValue> = {}
    for (const [name, value] of Object.entries(this.#options))
      options[name] = await nativeValue(findOption(this.#method, name), value, this.#model)
    return await callNative(() =>
      addon().createMethod({ model, method: this.#method.name, options, resources: given }),
    )
  }

  dispose(): void {
    this.#made?.then(
      handle => addon().dispose(handle),
      () => {},
    )
    for (const [, resource] of this.#resources) resource.dispose()
  }
}

/** A resource that was given, or one that is read from its file when it is first asked for and belongs to the method. */
class UsedResource {
  readonly #load: () => Promise<Resource>
  #loaded: Promise<Resource> | undefined

  constructor(name: ResourceName, given: unknown, model: Model, layers: readonly string[]) {
    const description: ResourceDescription = resources[name]
    if (given instanceof description.type) {
      given.requireFor(model, layers)
      this.#load = async () => given
    } else if (typeof given === 'string' && given !== '') {
      this.#load = async () => await this.#fromFile(description, given, model, layers)
    } else {
      throw invalid(name, `a ${description.type.name} of this model, or the path of a file,`, given)
    }
  }

  get(): Promise<Resource> {
    return this.#load()
  }

  dispose(): void {
    this.#loaded?.then(
      resource => resource.dispose(),
      () => {},
    )
  }

  async #fromFile(
    { load }: ResourceDescription,
    path: string,
    model: Model,
    layers: readonly string[],
  ): Promise<Resource> {
    this.#loaded ??= load(path, model)
    try {
      const resource = await this.#loaded
      resource.requireFor(model, layers)
      return resource
    } catch (error) {
      this.dispose()
      this.#loaded = undefined
      throw error
    }
  }
}

/** What the network doesn't know of its images: the values of black and of white. */
function rangeOfValues({ preprocessing: { mean, std } }: Model): Record<string, OptionValue> {
  return {
    low: mean.map((value, channel) => -value / std[channel]!),
    high: mean.map((value, channel) => (1 - value) / std[channel]!),
  }
}
