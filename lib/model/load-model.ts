import { existsSync } from 'node:fs'
import { toldLoad } from '../foundation/diagnostics.js'
import { ModelError } from '../foundation/errors.js'
import {
  invalid,
  requireInteger,
  requireKnownKeys,
  requireOneOf,
  requireSignal,
  requireString,
} from '../foundation/validate.js'
import {
  completePreprocessing,
  defaultCrop,
  type GivenPreprocessing,
  inUnitRange,
  type Preprocessing,
  resizeFor,
} from '../images/preprocess.js'
import { requireSize, sides, sizeText } from '../images/size.js'
import { zooPreprocessing } from '../images/zoo-preprocessing.js'
import { addon, addonElsewhere } from '../native/addon.js'
import { callNative, callNativeSync } from '../native/call.js'
import { withCancellation } from '../native/cancellation.js'
import type { MemoryFormat, ModelHandle, OutputKind, Place } from '../native/model-calls.js'
import { isDownloaded, type WeightSource, weightSource } from '../weights/weight-source.js'
import { type ClassNames, requireClassNames } from './class-names.js'
import { demo, demoClassNames } from './demo.js'
import { chooseDevice, type Device } from './device.js'
import { imageNetClasses } from './imagenet-classes.js'
import { Model, type ModelFacts } from './model.js'
import { cardPath, type ModelCard, readModelCard } from './model-card.js'
import { isModelFile } from './model-file.js'
import { isFolder, readModelFolder } from './model-folder.js'
import { outputKinds } from './output-kinds.js'
import { choosePrecision, type Precision } from './precision.js'

/** Options of {@link loadModel}. */
export interface LoadOptions {
  /** A weight file (.safetensors, .pth, .pt), or 'seeded:N' for weights that have learnt nothing. Default: the
   * published file, if `iba weights get` downloaded it. */
  weights?: string
  /** Default 'auto'. */
  device?: Device
  /** What the network computes in. 'bfloat16' is faster on GPUs and on processors with instructions for it, and rounds to
   * eight bits; 'auto' takes it there. Default 'float32'. */
  precision?: Precision
  /** How pictures become inputs. What isn't given is as the model's card says or the architecture's authors have it, or
   * else as torchvision has it for ImageNet. */
  preprocessing?: GivenPreprocessing
  /** How activations lie in memory. 'channels-last', the default, is faster; 'contiguous' rounds as a network of
   * PyTorch's does that was not moved to another memory format. */
  memoryFormat?: MemoryFormat
  /** The names of the classes, in place of those of the model's card; or, of a seeded network, how many there are. */
  classes?: ClassNames | number
  /** The name of the output to explain, of a model file with several: its name in ONNX, the key in a dict, or the place in a
   * tuple, as '0'. Default: what the model's card says, or else the only one with a row of numbers for each image. */
  output?: string
  /** What the outputs are: 'classes' of which one is right, 'labels' that may hold together, 'values' such as a regression
   * gives, or an 'embedding'. Default: what the model's card says, or else classes, or labels where a file ends with a sigmoid
   * of each of several outputs. */
  outputKind?: OutputKind
  /** Channels of a seeded network's first convolution; ResNet and VGG have 64, EfficientNet-Lite 32. */
  width?: number
  /** Of a seeded network: 3 for colour, 1 for grey. */
  inputChannels?: number
  /** Stops the loading. A file is tried on images, which takes as long as its model. */
  signal?: AbortSignal
}

const memoryFormats = ['channels-last', 'contiguous'] as const

/** Loads a network of the zoo (`architectures` lists them), 'demo', the trained one that comes with the package, a model
 * from a file, TorchScript ('./mine.pt'), an exported program ('./mine.pt2') or ONNX ('./mine.onnx'), or a folder that
 * Hugging Face's libraries wrote; see docs/models.md. A name with a path separator or such an ending is a file or folder.
 * @throws ModelError, WeightsError, DeviceError, InvalidArgumentError, FileError, AbortError */
export async function loadModel(name: string, options: LoadOptions = {}): Promise<Model> {
  requireString('name', name)
  requireKnownKeys('options', options, [
    'weights',
    'device',
    'preprocessing',
    'precision',
    'memoryFormat',
    'classes',
    'output',
    'outputKind',
    'width',
    'inputChannels',
    'signal',
  ])
  requireSignal(options.signal)
  if (options.output !== undefined) requireString('output', options.output)
  if (options.outputKind !== undefined) requireOneOf('outputKind', options.outputKind, outputKinds)
  const stated = statedIn(options)
  await addonElsewhere()
  return await toldLoad('model', name, () => loadNamed(name, options, stated))
}

async function loadNamed(name: string, options: LoadOptions, stated: ModelCard): Promise<Model> {
  if (!isModelFile(name)) return await loadArchitecture(name, options, stated)
  requireWhole(options)
  if (isFolder(name)) return await loadFolder(name, options, stated)
  const { card, notes } = await readModelCard(name)
  return await loadFile(name, options, withCard(card, stated), notes)
}

/** What the options say that a card may say too. */
function statedIn({ preprocessing, classes, output, outputKind }: LoadOptions): ModelCard {
  return {
    ...(output !== undefined && { output }),
    ...(outputKind !== undefined && { outputKind }),
    ...(preprocessing !== undefined && { preprocessing: inUnitRange(preprocessing) }),
    ...(classes !== undefined &&
      typeof classes !== 'number' && { classNames: requireClassNames('classes', classes) }),
  }
}

/** A card with what the caller says otherwise. */
function withCard(card: ModelCard, stated: ModelCard): ModelCard {
  return { ...card, ...stated, preprocessing: { ...card.preprocessing, ...stated.preprocessing } }
}

async function loadArchitecture(
  name: string,
  options: LoadOptions,
  stated: ModelCard,
  notes: readonly string[] = [],
): Promise<Model> {
  if (options.output !== undefined)
    throw invalid('output', 'nothing (a network of the zoo has one output)', options.output)
  const isDemo = name === 'demo'
  const architecture = isDemo ? demo.architecture : name
  callNativeSync(() => addon().checkArchitecture({ architecture }))
  const source = weightSource(architecture, options.weights ?? (isDemo ? demo.weights : undefined))
  const { classes = 1000, width, inputChannels = 3 } = options
  const network = {
    architecture,
    weights: 'path' in source ? source.path : null,
    seed: 'seed' in source ? source.seed : 0,
    outputKind: stated.outputKind ?? 'classes',
    classes:
      typeof classes === 'number'
        ? requireInteger('classes', classes, 1, 1_000_000)
        : stated.classNames!.length,
    ...(width !== undefined && { width: requireInteger('width', width, 1, 1024) }),
    inputChannels: requireChannels(inputChannels),
  }
  const place = chosenPlace(options)
  const handle = await withCancellation({ signal: options.signal }, ({ cancellation }) =>
    callNative(() => addon().loadModel({ network, place, cancellation })),
  )
  if (isDemo) {
    const isTrained = options.weights === undefined
    const card = {
      preprocessing: demo.preprocessing,
      ...(isTrained && { classNames: await demoClassNames() }),
    }
    return new Model(handle, withCard(card, stated))
  }
  const known = stated.classNames ? {} : namesByTraining(handle, source)
  const usual = zooPreprocessing(architecture, addon().describeModel({ model: handle }).inputChannels)
  return new Model(handle, {
    ...known,
    ...withCard({ preprocessing: usual }, stated),
    notes: [...notes, ...(known.notes ?? [])],
  })
}

/** What published weights were trained on, and most likely others with as many outputs. */
function namesByTraining(handle: ModelHandle, source: WeightSource): ModelFacts {
  const isTrained = 'path' in source
  if (!isTrained || addon().describeModel({ model: handle }).classes !== imageNetClasses.length) return {}
  const assumed =
    'The 1000 classes of these weights are taken for those of ImageNet. Give the names of others as the model is loaded.'
  return { classNames: imageNetClasses, notes: isDownloaded(source.path) ? [] : [assumed] }
}

/** What a file decides by itself. */
function requireWhole(options: LoadOptions): void {
  for (const name of ['weights', 'width', 'inputChannels'] as const) {
    if (options[name] !== undefined)
      throw invalid(name, 'nothing (the file holds the whole model)', options[name])
  }
  if (typeof options.classes === 'number')
    throw invalid(
      'classes',
      'names of the classes, or nothing (the file holds the whole model)',
      options.classes,
    )
}

async function loadFolder(folder: string, options: LoadOptions, stated: ModelCard): Promise<Model> {
  const { network, card, notes } = await readModelFolder(folder)
  const facts = withCard(card, stated)
  if ('file' in network) return await loadFile(network.file, options, facts, notes)
  const { architecture, weights } = network
  const complete = completePreprocessing(facts.preprocessing, 3)
  const assumed = isNormalised(facts) ? [] : [assumption(weights, complete)]
  return await loadArchitecture(architecture, { ...options, weights }, facts, [...notes, ...assumed])
}

async function loadFile(
  file: string,
  options: LoadOptions,
  { preprocessing = {}, classNames, output, outputKind }: ModelCard,
  notes: readonly string[],
): Promise<Model> {
  if (!existsSync(file)) {
    throw new ModelError(
      `There is no model file '${file}'. Expected what torch.jit.save (.pt) or torch.export.save (.pt2) wrote, or ONNX (.onnx).`,
    )
  }
  const [height, width] = sides(requireSize('preprocessing.crop', preprocessing.crop ?? defaultCrop))
  const place = chosenPlace(options)
  const handle = await withCancellation({ signal: options.signal }, ({ cancellation }) =>
    callNative(() =>
      addon().importModel({
        file,
        height,
        width,
        output: output ?? null,
        outputKind: outputKind ?? null,
        place,
        cancellation,
      }),
    ),
  )
  const { imageSize: size, inputChannels, vocabulary, white } = addon().describeModel({ model: handle })
  if (vocabulary !== null) {
    if (Object.keys(preprocessing).length > 0)
      throw invalid('preprocessing', 'nothing (the model takes token ids)', preprocessing)
    return new Model(handle, {
      ...(classNames && { classNames }),
      ...(output !== undefined && { output }),
      notes,
    })
  }
  const isOwn = white !== null && preprocessing.mean === undefined && preprocessing.std === undefined
  const stated = isOwn ? { ...preprocessing, ...unnormalised(white, inputChannels) } : preprocessing
  const complete = completePreprocessing(size ? fitted(file, size, stated) : stated, inputChannels)
  const assumed = isNormalised({ preprocessing }) ? [] : [assumption(file, complete, isOwn ? white : null)]
  return new Model(handle, {
    preprocessing: complete,
    ...(classNames && { classNames }),
    ...(output !== undefined && { output }),
    notes: [...notes, ...assumed],
  })
}

/** Whether somebody stated mean and standard deviation. */
function isNormalised({ preprocessing }: ModelCard): boolean {
  return preprocessing?.mean !== undefined && preprocessing.std !== undefined
}

/** For a model that normalises its images itself, of which white is this. */
function unnormalised(white: number, channels: number): Pick<Preprocessing, 'mean' | 'std'> {
  return { mean: Array<number>(channels).fill(0), std: Array<number>(channels).fill(1 / white) }
}

/** How images are prepared where nobody said it. */
function assumption(file: string, complete: Preprocessing, white: number | null = null): string {
  const { resize, crop, squash, mean, std } = complete
  const place = `${squash ? 'resized' : 'shorter side'} to ${sizeText(resize)} pixels, the central ${sizeText(crop)}`
  const written = `Give mean and std, or write them into '${cardPath(file)}'.`
  if (white !== null) {
    return (
      `Nobody stated how '${file}' takes its images. It normalises them itself, and is given them from 0 to ${white}: ` +
      `${place}. If that is wrong: ${written}`
    )
  }
  return (
    `Nobody stated how '${file}' takes its images. Assumed is what torchvision does for ImageNet: ${place}, mean ` +
    `${mean.join(' ')}, standard deviation ${std.join(' ')}. ${written}`
  )
}

/** Pre-processing for a model that takes images of one size only. */
function fitted(
  file: string,
  [height, width]: [number, number],
  given: Partial<Preprocessing> | undefined,
): Partial<Preprocessing> {
  const crop = requireSize('imageSize', [height, width])
  if (given?.crop !== undefined && sides(given.crop).join() !== sides(crop).join()) {
    throw new ModelError(
      `'${file}' was made for images of ${height}×${width} pixels (height × width) only, but preprocessing.crop is ` +
        `${sizeText(given.crop)}. Leave it out, or export the model for that size.`,
    )
  }
  return { crop, ...(!given?.squash && { resize: resizeFor(crop) }), ...given }
}

function chosenPlace({ device: wanted, precision, memoryFormat }: LoadOptions): Place {
  const device = chooseDevice(wanted ?? 'auto')
  return {
    device,
    precision: choosePrecision(precision ?? 'float32', device),
    memoryFormat: requireOneOf('memoryFormat', memoryFormat ?? 'channels-last', memoryFormats),
  }
}

/** Pictures come as grey or as RGB. */
function requireChannels(channels: unknown): number {
  if (channels !== 1 && channels !== 3) throw invalid('inputChannels', '1 or 3', channels)
  return channels
}
