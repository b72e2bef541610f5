import { existsSync } from 'node:fs'
import { DisposedError, ModelError } from '../foundation/errors.js'
import {
  invalid,
  requireInteger,
  requireKnownKeys,
  requireOneOf,
  requireSignal,
  requireString,
} from '../foundation/validate.js'
import type { PreparedInput } from '../images/prepared-input.js'
import { completePreprocessing, defaultCrop, type Preprocessing, resizeFor } from '../images/preprocess.js'
import { requireSize, sides, sizeText } from '../images/size.js'
import type { ImageInput } from '../images/source.js'
import { asList, pendingImages } from '../images/stream.js'
import { addon } from '../native/addon.js'
import { callNative, callNativeSync } from '../native/call.js'
import { withCancellation } from '../native/cancellation.js'
import type {
  Architecture,
  MemoryFormat,
  ModelDescription,
  ModelHandle,
  Place,
} from '../native/model-calls.js'
import type { Tensor } from '../native/values.js'
import { weightSource } from '../weights/weight-source.js'
import { demo } from './demo.js'
import { chooseDevice, type Device } from './device.js'
import { isModelFile } from './model-file.js'

/** Options of {@link loadModel}. */
export interface LoadOptions {
  /** A weight file (.safetensors, .pth, .pt), or 'seeded:N' for weights that have learnt nothing. Default: the
   * published file, if `iba weights get` downloaded it. */
  weights?: string
  /** Default 'auto'. */
  device?: Device
  /** How pictures become inputs. Default: the network's own, or torchvision's for ImageNet. */
  preprocessing?: Partial<Preprocessing>
  /** How activations lie in memory. 'channels-last', the default, is faster; 'contiguous' rounds as a network of
   * PyTorch's does that was not moved to another memory format. */
  memoryFormat?: MemoryFormat
  /** Shape of a seeded network; a weight file decides these by itself. */
  classes?: number
  /** Channels of the first stage; torchvision has 64. */
  width?: number
  /** 3 for colour, 1 for grey. */
  inputChannels?: number
  /** Stops the loading. A file is tried on images, which takes as long as its model. */
  signal?: AbortSignal
}

/** A layer where the network can be cut. */
export interface LayerInfo {
  /** The dotted module path, as PyTorch names it. */
  name: string
  /** The operation, such as 'convolution', or 'stage' for a group of blocks. */
  kind: string
  /** Of the activation of one image, without the batch dimension. */
  shape: number[]
  /** Whether it is the paper's place for the bottleneck. */
  isDefault: boolean
}

/** The most probable class of an image. */
export interface Prediction {
  /** What messages call the image. */
  name: string
  /** The index of the class. */
  target: number
  /** Its probability: the softmax of the logits, or, of a single class, their sigmoid. */
  probability: number
}

/** A network with its weights on a device. */
export class Model {
  readonly #handle: ModelHandle
  readonly #description: ModelDescription
  /** How pictures become inputs. */
  readonly preprocessing: Preprocessing
  #disposed = false

  /** Use `loadModel`. */
  constructor(handle: ModelHandle, preprocessing: Partial<Preprocessing> | undefined) {
    this.#handle = handle
    this.#description = addon().describeModel({ model: handle })
    this.preprocessing = completePreprocessing(preprocessing, this.#description.inputChannels)
  }

  /** The architecture's name, such as 'resnet50'; of a model from a file, its class. */
  get architecture(): string {
    return this.#description.architecture
  }

  /** How many classes the network tells apart. */
  get classes(): number {
    return this.#description.classes
  }

  /** 3 for colour, 1 for grey. */
  get inputChannels(): number {
    return this.#description.inputChannels
  }

  /** Where it runs, such as 'cpu' or 'cuda:0'. */
  get device(): string {
    return this.#description.device
  }

  /** Tells networks of different weights apart. */
  get weightHash(): string {
    return this.#description.weightHash
  }

  /** Height and width of the images, where the model takes no others. */
  get imageSize(): readonly [number, number] | null {
    return this.#description.imageSize
  }

  /** The paper's place for the bottleneck in this architecture, or the nearest to it. */
  get bottleneckLayer(): string {
    return this.#description.bottleneckLayer
  }

  /** What to know of how the model was read from its file, in whole sentences: that its last softmax was left out, that a
   * prefix such as 'module.' was taken off the weights' names, which tensors were passed over. */
  get notes(): readonly string[] {
    return this.#description.notes
  }

  /** The names of all layers where the network can be cut, in execution order. */
  get layerNames(): readonly string[] {
    return this.#description.layers
  }

  /** @internal The native network. @throws DisposedError after `dispose` */
  get handle(): ModelHandle {
    if (this.#disposed)
      throw new DisposedError(`This ${this.architecture} was disposed of. Load it again to use it.`)
    return this.#handle
  }

  /** All layers with the shapes of their activations for images of a size (default: the crop's). */
  async layers(size: { height: number; width: number } = this.#inputSize()): Promise<LayerInfo[]> {
    const height = requireInteger('height', size.height, 1, 65_536)
    const width = requireInteger('width', size.width, 1, 65_536)
    const shapes = await callNative(() => addon().layerShapes({ model: this.handle, height, width }))
    return shapes.map(layer => ({ ...layer, isDefault: layer.name === this.bottleneckLayer }))
  }

  /** The network's outputs before softmax (or sigmoid, of a single class), one Float32Array of `classes` values for each image. */
  async logits(images: ImageInput | readonly ImageInput[]): Promise<Float32Array[]> {
    const results: Float32Array[] = []
    for await (const input of this.#prepared(images)) {
      const { data } = await callNative(() => addon().logits({ model: this.handle, images: input.images }))
      results.push(data)
    }
    return results
  }

  /** The most probable class of each image. */
  async predict(images: ImageInput | readonly ImageInput[]): Promise<Prediction[]> {
    const predictions: Prediction[] = []
    for await (const input of this.#prepared(images)) {
      const [prediction] = await callNative(() =>
        addon().predict({ model: this.handle, images: input.images }),
      )
      predictions.push({ name: input.name, ...prediction! })
    }
    return predictions
  }

  /** The gradient of a class's logit with respect to the activation of a layer, for each image, in the layer's shape.
   * @throws ModelError where there is no such layer, or no gradient reaches it */
  async layerGradient(
    images: ImageInput | readonly ImageInput[],
    { layer, target }: { layer: string; target: number },
  ): Promise<Tensor[]> {
    requireString('layer', layer)
    requireInteger('target', target, 0, this.classes - 1)
    const gradients: { data: Float32Array; shape: number[] }[] = []
    for await (const input of this.#prepared(images)) {
      const call = { model: this.handle, layer, images: input.images, target }
      const { data, shape } = await callNative(() => addon().layerGradient(call))
      gradients.push({ data, shape: shape.slice(1) })
    }
    return gradients
  }

  /** Frees the native memory now; work that still runs finishes first. Safe to call twice. */
  dispose(): void {
    this.#disposed = true
    addon().dispose(this.#handle)
  }

  /** As `dispose`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
  }

  #inputSize(): { height: number; width: number } {
    const [height, width] = sides(this.preprocessing.crop)
    return { height, width }
  }

  async *#prepared(images: ImageInput | readonly ImageInput[]) {
    for await (const pending of pendingImages(asList(images), this.preprocessing)) {
      const input = await pending.load()
      yield { name: input.name, images: stack([input]) }
    }
  }
}

const memoryFormats = ['channels-last', 'contiguous'] as const

/** Loads a network of the zoo (`architectures` lists them), 'demo', the trained one that comes with the package, or a
 * model from a file: TorchScript ('./mine.pt') or an exported program ('./mine.pt2'), see docs/models.md. A name with a
 * path separator or such an ending is a file.
 * @throws ModelError, WeightsError, DeviceError, InvalidArgumentError, AbortError */
export async function loadModel(name: string, options: LoadOptions = {}): Promise<Model> {
  requireString('name', name)
  requireKnownKeys('options', options, [
    'weights',
    'device',
    'preprocessing',
    'memoryFormat',
    'classes',
    'width',
    'inputChannels',
    'signal',
  ])
  requireSignal(options.signal)
  return isModelFile(name) ? loadFile(name, options) : loadArchitecture(name, options)
}

async function loadArchitecture(name: string, options: LoadOptions): Promise<Model> {
  const isDemo = name === 'demo'
  const architecture = isDemo ? demo.architecture : name
  const place = chosenPlace(options)
  callNativeSync(() => addon().checkArchitecture({ architecture }))
  const source = weightSource(architecture, options.weights ?? (isDemo ? demo.weights : undefined))
  const network = {
    architecture,
    weights: 'path' in source ? source.path : null,
    seed: 'seed' in source ? source.seed : 0,
    classes: requireInteger('classes', options.classes ?? 1000, 1, 1_000_000),
    width: requireInteger('width', options.width ?? 64, 1, 1024),
    inputChannels: requireChannels(options.inputChannels ?? 3),
  }
  const handle = await withCancellation({ signal: options.signal }, ({ cancellation }) =>
    callNative(() => addon().loadModel({ network, place, cancellation })),
  )
  return new Model(
    handle,
    isDemo ? { ...demo.preprocessing, ...options.preprocessing } : options.preprocessing,
  )
}

/** The file decides everything but where the model runs. */
async function loadFile(file: string, options: LoadOptions): Promise<Model> {
  for (const name of ['weights', 'classes', 'width', 'inputChannels'] as const) {
    if (options[name] !== undefined)
      throw invalid(name, 'nothing (the file holds the whole model)', options[name])
  }
  if (!existsSync(file)) {
    throw new ModelError(
      `There is no model file '${file}'. Expected what torch.jit.save (.pt) or torch.export.save (.pt2) wrote.`,
    )
  }
  const { preprocessing } = options
  const [height, width] = sides(requireSize('preprocessing.crop', preprocessing?.crop ?? defaultCrop))
  const place = chosenPlace(options)
  const handle = await withCancellation({ signal: options.signal }, ({ cancellation }) =>
    callNative(() => addon().importModel({ file, height, width, place, cancellation })),
  )
  const { imageSize: size } = addon().describeModel({ model: handle })
  return new Model(handle, size ? fitted(file, size, preprocessing) : preprocessing)
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
  return { crop, resize: resizeFor(crop), ...given }
}

function chosenPlace({ device, memoryFormat }: LoadOptions): Place {
  return {
    device: chooseDevice(device ?? 'auto'),
    memoryFormat: requireOneOf('memoryFormat', memoryFormat ?? 'channels-last', memoryFormats),
  }
}

/** The zoo: names, families, and the paper's place for the bottleneck in each. */
export function architectures(): Architecture[] {
  return callNativeSync(() => addon().architectures())
}

/** Stacks prepared inputs of one size for a native call, which copies them. */
export function stack(inputs: readonly PreparedInput[]): Tensor {
  const { channels, height, width } = inputs[0]!
  if (inputs.length === 1) return { data: inputs[0]!.data, shape: [1, channels, height, width] }
  const size = channels * height * width
  const data = new Float32Array(inputs.length * size)
  inputs.forEach((input, i) => {
    data.set(input.data, i * size)
  })
  return { data, shape: [inputs.length, channels, height, width] }
}

/** Pictures come as grey or as RGB. */
function requireChannels(channels: unknown): number {
  if (channels !== 1 && channels !== 3) throw invalid('inputChannels', '1 or 3', channels)
  return channels
}
