import type { DescribedModel, OptionDefault, OptionDescription, Query, Server } from './api.js'
import type { MapColors } from './drawing.js'

/** What a map is made by. */
export interface Chosen {
  model: string
  method: string
  /** Options of the method that differ from their defaults, as texts. */
  options: Readonly<Record<string, string>>
}

/** All that a link holds. */
export interface Settings extends Chosen {
  /** The class that is explained; the predicted one where it is undefined. */
  target: number | undefined
  /** What the first map is compared with. */
  against: Chosen | undefined
  /** The name of the image. */
  image: string | undefined
  view: View
}

/** How maps are shown. */
export interface View {
  colors: MapColors
  /** Of the strongest value, 0 to 100. */
  opacity: number
  /** How much of the image is marked, in percent of its area; 0 for none. */
  marked: number
}

export const defaultView: View = { colors: 'inferno', opacity: 85, marked: 10 }

const viewNames = ['image', 'colors', 'opacity', 'marked'] as const
const own = ['model', 'method', 'target']

/** The settings of a link's fragment, with what stands for those that it lacks. */
export function fromFragment(fragment: string, server: Server): Settings {
  const given = new Map(new URLSearchParams(fragment.replace(/^#/, '')))
  const view = (name: (typeof viewNames)[number]) => given.get(`view-${name}`)
  const first = chosenFrom(given, '', server)
  const target = given.get('target')
  const colors = view('colors')
  return {
    ...first,
    target: target !== undefined && /^\d+$/.test(target) ? Number(target) : undefined,
    against: given.has('against-method') ? chosenFrom(given, 'against-', server) : undefined,
    image: view('image'),
    view: {
      colors: colors === 'viridis' || colors === 'cividis' ? colors : defaultView.colors,
      opacity: percent(view('opacity'), defaultView.opacity),
      marked: percent(view('marked'), defaultView.marked),
    },
  }
}

/** The fragment that gives these settings. */
export function toFragment({ target, against, image, view, ...first }: Settings): string {
  const words = new URLSearchParams()
  put(words, '', first)
  if (target !== undefined) words.set('target', String(target))
  if (against) put(words, 'against-', against)
  if (image !== undefined) words.set('view-image', image)
  for (const name of ['colors', 'opacity', 'marked'] as const)
    if (view[name] !== defaultView[name]) words.set(`view-${name}`, String(view[name]))
  return `#${words}`
}

function put(words: URLSearchParams, prefix: string, { model, method, options }: Chosen): void {
  for (const [name, value] of Object.entries({ model, method, ...options })) words.set(prefix + name, value)
}

function chosenFrom(given: ReadonlyMap<string, string>, prefix: string, server: Server): Chosen {
  const model = server.models.find(({ name }) => name === given.get(`${prefix}model`)) ?? server.models[0]!
  const asked = given.get(`${prefix}method`)
  const method = asked !== undefined && model.methods.includes(asked) ? asked : model.defaultMethod
  const known = optionsOf(server, method).map(({ name }) => name)
  const options = [...given]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length), value] as const)
    .filter(([name]) => known.includes(name) && !own.includes(name))
  return { model: model.name, method, options: Object.fromEntries(options) }
}

function percent(text: string | undefined, standard: number): number {
  const value = text === undefined ? Number.NaN : Number(text)
  return value >= 0 && value <= 100 ? value : standard
}

/** The network of this name. */
export function modelOf({ models }: Server, name: string): DescribedModel {
  return models.find(model => model.name === name) ?? models[0]!
}

/** The options of a method that are for people. */
export function optionsOf({ methods }: Server, method: string): readonly OptionDescription[] {
  return (methods.find(({ name }) => name === method)?.options ?? []).filter(
    ({ name }) => !name.startsWith('keep'),
  )
}

/** A method with one option set; what is its default is left out. */
export function withOption(chosen: Chosen, { name, defaults }: OptionDescription, text: string): Chosen {
  const { [name]: _, ...others } = chosen.options
  const isDefault = text === '' || text === textOf(defaults.iba)
  return { ...chosen, options: isDefault ? others : { ...others, [name]: text } }
}

/** What an option is set to. */
export function settingOf({ options }: Chosen, { name, defaults }: OptionDescription): string {
  return options[name] ?? textOf(defaults.iba)
}

function textOf(value: OptionDefault | null): string {
  return value === null ? '' : String(value)
}

/** As the server takes it. */
export function queryOf({ model, method, options }: Chosen, target: number | undefined): Query {
  return { model, method, ...(target !== undefined && { target: String(target) }), ...options }
}

/** The command that makes the same map. */
export function commandOf(chosen: Chosen, target: number | undefined, image: string, server: Server): string {
  const { model, method, options } = chosen
  const flags = optionsOf(server, method).flatMap(option => {
    const value = options[option.name]
    if (value === undefined) return []
    return hasFlag.has(option.name)
      ? [`--${hasFlag.get(option.name)} ${word(value)}`]
      : [`--set ${word(`${option.name}=${value}`)}`]
  })
  const words = [
    `iba attribute ${word(image)} --model ${word(model)}`,
    ...(method === 'per-sample' ? [] : [`--method ${method}`]),
    ...resources(chosen, server).map(
      name => `--${name} ${model === 'demo' ? 'demo' : `${name}.safetensors`}`,
    ),
    ...(target === undefined ? [] : [`--target ${target}`]),
    ...flags,
  ]
  return words.join(' ')
}

/** Options of `iba attribute` that have a flag of their own. */
const hasFlag: ReadonlyMap<string, string> = new Map([
  ['beta', 'beta'],
  ['steps', 'steps'],
  ['copies', 'copies'],
  ['sigma', 'sigma'],
  ['learningRate', 'lr'],
  ['initialAlpha', 'initial-alpha'],
  ['lossLimit', 'loss-limit'],
  ['minimumStd', 'min-std'],
  ['layer', 'layer'],
  ['preset', 'preset'],
])

/** What a method has to be given; the demo network's own is found by itself. */
function resources({ model, method }: Chosen, { methods }: Server): string[] {
  if (model === 'demo') return []
  return [...(methods.find(({ name }) => name === method)?.needs ?? [])]
}

function word(text: string): string {
  return /^[\w./=:,@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
