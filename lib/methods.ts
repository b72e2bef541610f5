import type { Attributer } from './attribution.js'
import { InvalidArgumentError } from './errors.js'
import type { MethodDescription } from './method-options.js'
import type { Model } from './model.js'
import { createNativeAttributer, describeNativeMethods } from './native-method.js'
import { type PerSampleOptions, perSample, perSampleMethod } from './per-sample.js'
import { requireString, suggestion } from './validate.js'

/** What can be set for every method of `methods`; `perSample` has options of its own. */
export interface MethodOptions {
  /** `iba` (default): this package's settings and post-processing; `paper`: those of the paper's code. */
  preset?: 'iba' | 'paper'
  /** Images that are explained together at most. Default: 8 on the CPU, 32 on CUDA. */
  batch?: number
  /** Images, or copies of images, that go through the network together at most, which bounds the memory. */
  rows?: number
  /** Return the attribution before it was reduced to the map as well. */
  keepRaw?: boolean
}

/** The methods by name. Each makes an attributer for a model; what a method is given and where it was published is
 * said by its line. The native method is made when the first image is explained, and errors of it come then.
 * @throws InvalidArgumentError where an option is unknown or out of range */
export const methods = {
  /** The per-sample bottleneck, in bits: Schulz et al. 2020, section 3.2. */
  'per-sample': perSample,
  /** The derivative of the logit, averaged over the colours: Baehrens et al. 2010; Simonyan et al. 2014. */
  gradient: native<MethodOptions>('gradient'),
  /** The greatest absolute derivative over the colours: Simonyan et al. 2014. */
  saliency: native<MethodOptions>('saliency'),
  /** The derivative times the pixel, averaged over the colours: Shrikumar et al. 2016. */
  'gradient-x-input': native<MethodOptions>('gradient-x-input'),
}

export type MethodName = keyof typeof methods

/** The names of all methods, in the order they are shown to users. */
export const methodNames = Object.keys(methods) as MethodName[]

/** All methods with their options and defaults, as data. */
export function describeMethods(): MethodDescription[] {
  return [perSampleMethod, ...describeNativeMethods()]
}

/** The method of a name that comes from a user.
 * @throws InvalidArgumentError where there is none, naming the nearest */
export function describeMethod(name: string): MethodDescription {
  const all = describeMethods()
  const found = all.find(method => method.name === requireString('method', name))
  if (found) return found
  const names = all.map(method => method.name)
  throw new InvalidArgumentError(
    `There is no method '${name}'.${suggestion(name, names)} The methods are: ${names.join(', ')}.`,
  )
}

/** An attributer of a method whose name and options come from a user; `methods` has the same ones typed.
 * @throws InvalidArgumentError where there is no such method, or an option is unknown, missing or out of range */
export function createAttributer(
  model: Model,
  name: string,
  options: Readonly<Record<string, unknown>> = {},
): Attributer {
  const method = describeMethod(name)
  // It checks its options itself.
  if (method === perSampleMethod) return perSample(model, options as unknown as PerSampleOptions)
  return createNativeAttributer(model, method, options)
}

function native<Options extends MethodOptions>(name: string) {
  return (model: Model, options?: Options): Attributer => createAttributer(model, name, { ...options })
}
