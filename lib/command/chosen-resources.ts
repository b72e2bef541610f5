import type { Command } from 'commander'
import { hasSeveralLayers } from '../attribution/needed-layers.js'
import { conventionsOf } from '../foundation/presets.js'
import { listed } from '../foundation/text.js'
import { sizeText } from '../images/size.js'
import { zooPreprocessing } from '../images/zoo-preprocessing.js'
import {
  architectures,
  demo,
  describeMethods,
  type MethodDescription,
  type ResourceName,
  resourceNames,
  resources,
} from '../index.js'
import { packagedStatistics } from '../learned/packaged-statistics.js'
import { isModelFile, modelLabel } from '../model/model-file.js'
import { addon } from '../native/addon.js'
import { callNativeSync } from '../native/call.js'
import type { ModelOptions, PreprocessingOptions } from './common-options.js'
import { UsageError } from './exit.js'
import { shellWord } from './output.js'

/** The files of resources that were given. */
export type ResourceFlags = Partial<Record<ResourceName, string>>

type Given = ModelOptions &
  PreprocessingOptions &
  ResourceFlags & {
    layer?: string
    preset?: string
    /** Images that statistics are learnt from. */
    images?: string
    /** Texts that are explained in place of images. */
    tokens?: string
  }

/** An option for each kind of resource, which names its file. */
export function addResourceOptions(command: Command): void {
  for (const name of resourceNames) {
    const { flag, command: maker, published, hasDemo } = resources[name]
    const origin = `from \`iba ${maker}\`${published ? " or of the paper's authors" : ''}`
    const demonstration = hasDemo ? "; 'demo': the demo network's" : ''
    command.option(`${flag} <file>`, `for ${methodsWith(name)}: ${origin}${demonstration}`)
  }
}

/** Refuses resources that the method neither needs nor takes. */
export function requireNeeded(method: MethodDescription, given: ResourceFlags): void {
  const other = resourceNames.find(name => given[name] !== undefined && !uses(method, name))
  if (other === undefined) return
  throw new UsageError(
    `${resources[other].flag} is no option of ${method.name}. It is for: ${methodsWith(other)}.`,
  )
}

/** The files of what the method needs; the demo network brings its own.
 * @throws UsageError one is missing, with the command that makes it */
export function chosenResources(method: MethodDescription, options: Given): ResourceFlags {
  const files: ResourceFlags = {}
  for (const name of method.needs) {
    if (isLearnt(name, options)) continue
    const file = fileOf(name, method, options)
    if (file === undefined) throw missing(method, name, options)
    files[name] = file
  }
  return files
}

/** The files that were given of what the method only takes. */
export function takenResources({ takes }: MethodDescription, given: ResourceFlags): ResourceFlags {
  return Object.fromEntries(takes.flatMap(name => (given[name] === undefined ? [] : [[name, given[name]]])))
}

/** What keeps a method from running, in few words; undefined where it has all that it needs. */
export function whatIsMissing(method: MethodDescription, options: Given): string | undefined {
  const name = method.needs.find(
    need => !isLearnt(need, options) && fileOf(need, method, options) === undefined,
  )
  if (name === undefined) return undefined
  const { flag, command } = resources[name]
  return `it needs ${flag}, which \`iba ${command}\` makes${name === 'statistics' ? ', or --images FOLDER' : ''}.`
}

/** Whether the command learns it from images before it explains any. */
function isLearnt(name: ResourceName, { images }: Given): boolean {
  return name === 'statistics' && images !== undefined
}

/** Whether the network is the trained one that comes with the package. */
export function usesDemoNetwork({ model, weights }: ModelOptions): boolean {
  return model === 'demo' && weights === undefined
}

function fileOf(name: ResourceName, method: MethodDescription, options: Given): string | undefined {
  if (options[name] !== undefined) return options[name]
  // Those that come with the package are of a single layer.
  if (name === 'statistics' && hasSeveralLayers(method)) return undefined
  return packagedFile(name, options)
}

/** What comes with the package for a network: the demo network's files, and some statistics. */
function packagedFile(name: ResourceName, options: Given): string | undefined {
  if (resources[name].hasDemo && usesDemoNetwork(options)) return 'demo'
  return name === 'statistics' && hasPackagedStatistics(options) ? options.model : undefined
}

/** All files of resources for a network: those that were given, else those that come with the package. */
export function allResources(options: Given): ResourceFlags {
  const files = resourceNames.map(name => [name, options[name] ?? packagedFile(name, options)] as const)
  return Object.fromEntries(files.filter(([, file]) => file !== undefined))
}

/** Whether statistics come with the package for these weights, this layer and this size of images. */
export function hasPackagedStatistics({ model, weights, layer, crop }: Given): boolean {
  const isUsual =
    weights === undefined &&
    (layer === undefined || layer === chosenLayer({ model })) &&
    (crop === undefined || crop === zooPreprocessing(model, 3).crop)
  return isUsual && packagedStatistics(model) !== undefined
}

function missing(method: MethodDescription, name: ResourceName, options: Given): UsageError {
  const { flag, meaning } = resources[name]
  const layers = name === 'statistics' ? layersOf(method, options) : undefined
  const file = `${modelLabel(options.model)}-${layers?.join('+') ?? name}.safetensors`
  const ofLayers = name === 'statistics' ? ` of ${itsLayers(layers, hasSeveralLayers(method))}` : ''
  const isOfTexts = options.tokens !== undefined
  const source = isOfTexts ? 'the token ids of typical texts' : 'a folder of typical images'
  return new UsageError(
    `${method.name} on ${options.model} needs ${meaning}${ofLayers}. Make it once, from ${source}:` +
      `\n\n  ${makingCommand(name, options, file, layers)}\n\n` +
      `then add ${flag} ${shellWord(file)} to this command.${name === 'statistics' ? onTheWay(isOfTexts) : ''}`,
  )
}

function onTheWay(isOfTexts: boolean): string {
  return isOfTexts
    ? '\nOr let this command do so: --statistics auto learns rough ones from the texts to explain.'
    : '\nOr let this command do so: --images FOLDER learns and keeps them, --statistics auto learns rough ones from the\n' +
        'images to explain, though not for evaluations.'
}

/** 'its layer', 'its layer layer2', 'its layers layer2 and layer3'. */
function itsLayers(layers: readonly string[] | undefined, areSeveral: boolean): string {
  const words = layers?.length === 1 || !areSeveral ? 'its layer' : 'its layers'
  return layers === undefined ? words : `${words} ${listed(layers)}`
}

/** The layer for the bottleneck; a model file's own choice is known only once it is loaded. */
function chosenLayer({ model, layer }: Pick<Given, 'model' | 'layer'>): string | undefined {
  const architecture = model === 'demo' ? demo.architecture : model
  return layer ?? architectures().find(({ name }) => name === architecture)?.bottleneckLayer
}

/** The same of a method, which may have several. */
function layersOf(method: MethodDescription, options: Given): readonly string[] | undefined {
  if (!hasSeveralLayers(method)) {
    const layer = chosenLayer(options)
    return layer === undefined ? undefined : [layer]
  }
  if (isModelFile(options.model)) return undefined
  const architecture = options.model === 'demo' ? demo.architecture : options.model
  return callNativeSync(() => addon().blockLayers({ architecture }))
}

function makingCommand(
  name: ResourceName,
  options: Given,
  file: string,
  layers: readonly string[] | undefined,
): string {
  const { model, weights, outputName, device, preset } = options
  const { command, images } = resources[name]
  const words = ['iba', command, '--model', model]
  if (weights !== undefined) words.push('--weights', weights)
  if (outputName !== undefined) words.push('--output-name', outputName)
  if (layers !== undefined) words.push('--layers', layers.join(','))
  if (options.tokens === undefined) words.push(images, 'FOLDER')
  else words.push('--tokens', 'IDS.json')
  if (name !== 'patterns' && preset !== undefined) words.push('--preset', conventionsOf(preset))
  words.push(...preprocessingWords(options))
  if (device !== 'auto') words.push('--device', device)
  return [...words, '--out', file].map(shellWord).join(' ')
}

function preprocessingWords(options: PreprocessingOptions): string[] {
  const { resize, crop, cropFirst, squash, interpolation, mean, std } = options
  return [
    ...(resize === undefined ? [] : ['--resize', sizeText(resize)]),
    ...(crop === undefined ? [] : ['--crop', sizeText(crop)]),
    ...(cropFirst ? ['--crop-first'] : []),
    ...(squash ? ['--squash'] : []),
    ...(interpolation === undefined ? [] : ['--interpolation', interpolation]),
    ...(mean === undefined ? [] : ['--mean', mean.join(',')]),
    ...(std === undefined ? [] : ['--std', std.join(',')]),
  ]
}

/** Whether a method needs or takes something. */
function uses({ needs, takes }: MethodDescription, name: ResourceName): boolean {
  return needs.includes(name) || takes.includes(name)
}

/** The methods that use something, as a list of names. */
function methodsWith(name: ResourceName): string {
  return describeMethods()
    .filter(method => uses(method, name))
    .map(method => method.name)
    .join(', ')
}
