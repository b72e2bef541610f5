import { InvalidArgumentError } from '../foundation/errors.js'
import { requireObject, requireString, suggestion } from '../foundation/validate.js'
import type { Model } from '../model/model.js'
import { createMethodAttributer } from './attributer.js'
import type { Attributer } from './attribution.js'
import { checkOptions, type MethodDescription } from './described-options.js'
import { type LrpOptions, type Methods, methodNames, type OcclusionOptions } from './method-options.js'
import type { MethodSettings } from './prepared-method.js'
import { methodDescriptions } from './registry.js'

/** @internal A method with its checked options and what it needs. */
export interface ChosenMethod extends MethodSettings {
  method: MethodDescription
  batch?: number
}

/** What can stand for pixels that say nothing. */
export type Baseline = NonNullable<OcclusionOptions['baseline']>

/** Tables of rules for layer-wise relevance propagation. */
export type LrpComposite = NonNullable<LrpOptions['composite']>

/** The methods by name. Each makes an attributer for a model; what a method is given and where it was published is
 * said by its line. The native method is made when the first image is explained, and errors of it come then.
 * @throws InvalidArgumentError where an option is unknown, missing or out of range */
export const methods = Object.fromEntries(
  methodNames.map(name => [
    name,
    (model: Model, options?: object): Attributer => createAttributer(model, name, options),
  ]),
) as unknown as Methods

/** The per-sample bottleneck (Schulz et al. 2020, section 3.2): for each image it finds how little information may
 * pass a layer while the class stays recognisable, and shows where that information comes from.
 * @throws StatisticsError where the statistics don't fit, InvalidArgumentError */
export const perSample = methods['per-sample']

/** The readout bottleneck (Schulz et al. 2020, section 3.3): a network that was trained on many images predicts what may
 * pass, from the activations of several layers. A map takes one pass, and doesn't depend on the target.
 * @throws WeightsError where the readout is of another model, InvalidArgumentError */
export const readout = methods.readout

/** All methods with their options and defaults, as data. */
export function describeMethods(): readonly MethodDescription[] {
  return methodDescriptions
}

/** The method of a name that comes from a user.
 * @throws InvalidArgumentError where there is none, naming the nearest */
export function describeMethod(name: string): MethodDescription {
  requireString('method', name)
  const found = methodDescriptions.find(method => method.name === name)
  if (found) return found
  throw new InvalidArgumentError(
    `There is no method '${name}'.${suggestion(name, methodNames)} The methods are: ${methodNames.join(', ')}.`,
  )
}

/** An attributer of a method whose name and options come from a user; `methods` has the same ones typed.
 * @throws InvalidArgumentError where there is no such method, or an option is unknown, missing or out of range */
export function createAttributer(model: Model, name: string, options: object = {}): Attributer {
  return attributerOf(model, chooseMethod(name, options))
}

/** @internal An attributer of a method whose options are checked already. */
export function attributerOf(model: Model, { method, batch, ...settings }: ChosenMethod): Attributer {
  const standard = method.batch[model.device === 'cpu' ? 'cpu' : 'cuda']
  return createMethodAttributer(model, method, settings, batch ?? standard)
}

/** @internal A method with its options, checked, and what was given of what it needs. How many images are taken together
 * is decided on this side, and not natively.
 * @throws InvalidArgumentError where there is no such method, or an option is unknown or out of range */
export function chooseMethod(name: string, given: object): ChosenMethod {
  const method = describeMethod(name)
  const entries = Object.entries(requireObject('options', given))
  const isResource = ([name]: [string, unknown]) =>
    [...method.needs, ...method.takes].some(resource => resource === name)
  const { batch, ...options } = checkOptions(
    method,
    Object.fromEntries(entries.filter(entry => !isResource(entry))),
  )
  const resources = Object.fromEntries(entries.filter(isResource))
  return { method, options, resources, ...(typeof batch === 'number' && { batch }) }
}

export { methodNames }
