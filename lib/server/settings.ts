import {
  type Described,
  findOption,
  type OptionDescription,
  optionFromText,
} from '../attribution/described-options.js'
import type { Target } from '../attribution/target.js'
import {
  invalid,
  requireInteger,
  requireKnownKeys,
  requireNumber,
  requireObject,
} from '../foundation/validate.js'
import { RequestFailure } from './failure.js'

/** What can come with an answer beside its numbers, and the option of a method that keeps it. */
export const parts = {
  map: undefined,
  overlay: undefined,
  image: undefined,
  stepMaps: 'keepSteps',
  capacity: 'keepCapacity',
  raw: 'keepRaw',
  logits: 'keepLogits',
} as const

/** The name of such a part. */
export type Part = keyof typeof parts

/** The names of a request's settings; the options of methods stand beside them in a query. */
export const settingNames = ['model', 'method', 'target', 'seed', 'include', 'timeout', 'top'] as const

/** What a request asks for, as far as it can be told without its model. */
export interface Settings {
  model?: string
  method?: string
  target?: Target
  seed: number
  /** Of the method: from a query as texts. */
  texts: Readonly<Record<string, string>>
  /** Of the method: from JSON as values. */
  values: Readonly<Record<string, unknown>>
  include: ReadonlySet<Part>
  /** Seconds. */
  timeout?: number
  /** Of a prediction: how many classes are listed. */
  top: number
}

/** What is in the JSON of a request. */
export interface JsonSettings {
  model?: unknown
  method?: unknown
  target?: unknown
  seed?: unknown
  options?: unknown
  include?: unknown
  timeout?: unknown
  top?: unknown
}

/** The settings of a query and of JSON; what the latter says counts.
 * @throws InvalidArgumentError */
export function readSettings(query: unknown, json: JsonSettings = {}): Settings {
  const { own, texts } = splitQuery(query)
  const given = { ...fromTexts(own), ...withoutUndefined(json) }
  const { model, method, target, seed = 0, include = ['map'], timeout, top = 5, options = {} } = given
  return {
    ...(model !== undefined && { model: requireName('model', model) }),
    ...(method !== undefined && { method: requireName('method', method) }),
    ...(target !== undefined && target !== null && { target: target as Target }),
    ...(timeout !== undefined && { timeout: requireNumber('timeout', timeout, 0.001, 86_400) }),
    seed: requireInteger('seed', seed, 0),
    top: requireInteger('top', top, 1, 1000),
    texts,
    values: requireObject('options', options as object) as Record<string, unknown>,
    include: requireParts(include),
  }
}

/** The options of a method, of which texts become values.
 * @throws InvalidArgumentError an unknown option, or a value that is none; RequestFailure an option of the operator's */
export function methodOptions(
  method: Described,
  { texts, values, include }: Settings,
): Record<string, unknown> {
  const open = withOpenOptions(method)
  const options: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(texts)) {
    requireOpen(method, name)
    options[name] = optionFromText(findOption(open, name), requireNoPath(findOption(open, name), text))
  }
  for (const [name, value] of Object.entries(values)) {
    requireOpen(method, name)
    options[name] = fromJson(findOption(open, name), value)
  }
  for (const part of include) {
    const option = parts[part]
    if (option === undefined) continue
    findKeeping(method, part, option)
    options[option] = true
  }
  return options
}

/** Options that decide on the server's memory, and files, which are the operator's to name. */
const operators = ['rows', 'batch', 'statistics', 'patterns', 'readout']

/** A method with the options that are the client's. */
export function withOpenOptions<Method extends Described>(method: Method): Method {
  return { ...method, options: method.options.filter(({ name }) => !isOperators(method, name)) }
}

/** Images for an option lie in folders. */
function isOperators({ options }: Described, name: string): boolean {
  return operators.includes(name) || options.some(option => option.name === name && option.form === 'images')
}

/** An array comes as a list of numbers. */
function fromJson(option: OptionDescription, value: unknown): unknown {
  const isList = option.form === 'array' && Array.isArray(value)
  return isList ? Float32Array.from(value, Number) : requireNoPath(option, value)
}

function requireNoPath<Value>(option: OptionDescription, value: Value): Value {
  const { name, form, choices = [] } = option
  if (form !== 'array' || typeof value !== 'string' || choices.includes(value)) return value
  const words = choices.length > 0 ? `one of ${choices.join(', ')}, or ` : ''
  throw new RequestFailure(
    'FORBIDDEN',
    `'${name}' names no files of this server.`,
    `Give ${words}the numbers themselves, as a list in JSON.`,
  )
}

function requireOpen(method: Described, name: string): void {
  if (!isOperators(method, name)) return
  throw new RequestFailure(
    'FORBIDDEN',
    `'${name}' is chosen by the operator of this server, and no option of a request.`,
    'Leave it out.',
  )
}

function findKeeping({ name, options }: Described, part: Part, option: string): void {
  if (options.some(each => each.name === option)) return
  throw invalid('include', `what ${name} has: it has no ${part}`, part)
}

function splitQuery(query: unknown): { own: Record<string, string>; texts: Record<string, string> } {
  const own: Record<string, string> = {}
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(query as Record<string, unknown>)) {
    if (typeof value !== 'string') throw invalid(`the query's ${name}`, 'one value', value)
    if ((settingNames as readonly string[]).includes(name)) own[name] = value
    else texts[name] = value
  }
  return { own, texts }
}

function fromTexts({ target, seed, include, timeout, top, ...names }: Record<string, string>): JsonSettings {
  return {
    ...names,
    ...(target !== undefined && { target: targetFromText(target) }),
    ...(seed !== undefined && { seed: numberFrom('seed', seed) }),
    ...(timeout !== undefined && { timeout: numberFrom('timeout', timeout) }),
    ...(top !== undefined && { top: numberFrom('top', top) }),
    ...(include !== undefined && {
      include: include === '' ? [] : include.split(',').map(part => part.trim()),
    }),
  }
}

/** The index or name of a class, or a target as JSON. */
function targetFromText(text: string): unknown {
  if (/^\d+$/.test(text)) return Number(text)
  if (!text.startsWith('{')) return text
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('target', 'the index or name of a class, or JSON such as {"contrast":[3,7]}', text)
  }
}

function numberFrom(name: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  return requireNumber(name, Number.isNaN(value) ? text : value)
}

function requireName(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > 200) throw invalid(name, 'a name', value)
  return value
}

function requireParts(value: unknown): ReadonlySet<Part> {
  if (!Array.isArray(value)) throw invalid('include', `a list of: ${Object.keys(parts).join(', ')}`, value)
  for (const part of value) {
    if (typeof part !== 'string' || !Object.hasOwn(parts, part))
      throw invalid('include', `of these: ${Object.keys(parts).join(', ')}`, part)
  }
  return new Set(value as Part[])
}

function withoutUndefined(json: JsonSettings): JsonSettings {
  requireKnownKeys('the JSON of the request', json, [...settingNames, 'options'])
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined))
}
