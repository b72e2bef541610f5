import type { MethodDescription, OptionValue } from '../attribution/described-options.js'
import { hasSeveralLayers, neededLayers } from '../attribution/needed-layers.js'
import { sides } from '../images/size.js'
import type { Model } from '../model/model.js'

type Options = Readonly<Record<string, OptionValue>>

/** About how many passes through the network a map takes by the options of its method: what a request costs. */
export function passesOf(method: MethodDescription, given: Options, model: Model): number {
  const option = (name: string): number | undefined => {
    const described = method.options.find(each => each.name === name)
    const set = given[name] ?? described?.defaults.iba
    return typeof set === 'number' ? set : undefined
  }
  const times = (...names: string[]) => names.reduce((product, name) => product * (option(name) ?? 1), 1)
  const layers = hasSeveralLayers(method) ? neededLayers(model, method, given).length : 1
  const hidden = option('featureSteps') === undefined ? 0 : times('featureSteps', 'copies')
  const generated = given.prior === 'gan' ? times('priorEpochs', 'priorSamples') : 0
  const areas = Array.isArray(given.areas) ? given.areas.length : 1
  const patch = option('patch')
  const places = patch === undefined ? 1 : placesOf(patch, option('stride') ?? patch, model)
  return times('steps', 'copies', 'samples', 'masks') * layers * areas * places + hidden + generated
}

/** Places of the patch that occlusion moves over the image. */
function placesOf(patch: number, stride: number, { preprocessing }: Model): number {
  const [down, across] = sides(preprocessing.crop).map(side =>
    Math.max(1, Math.ceil((side - patch) / stride) + 1),
  ) as [number, number]
  return down * across
}
