import { DisposedError, ModelError } from '../foundation/errors.js'
import { requireInteger, requireString } from '../foundation/validate.js'
import type { PreparedInput } from '../images/prepared-input.js'
import { completePreprocessing, type GivenPreprocessing, type Preprocessing } from '../images/preprocess.js'
import { sides } from '../images/size.js'
import type { ImageInput } from '../images/source.js'
import { asList, pendingImages } from '../images/stream.js'
import { addon } from '../native/addon.js'
import { callNative, callNativeSync } from '../native/call.js'
import type { Architecture, ModelDescription, ModelHandle, OutputKind } from '../native/model-calls.js'
import type { InputTensor, Tensor } from '../native/values.js'
import { findClass, namesFor } from './class-names.js'

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

/** The most probable class, or label, of an image. */
export interface Prediction {
  /** What messages call the image. */
  name: string
  /** The index of the class; -1 where the network's outputs are no classes or labels. */
  target: number
  /** Its name, where the model has names of its classes. */
  className?: string
  /** Its probability: the softmax of the logits, or the sigmoid of a label's; NaN where there is none. */
  probability: number
}

/** What is known of a model beside its network. */
export interface ModelFacts {
  /** How pictures become inputs. */
  preprocessing?: GivenPreprocessing
  /** In the order of the outputs. */
  classNames?: readonly string[]
  /** The name of the output that is explained, where it was chosen by it. */
  output?: string
  /** More to know of how it was read. */
  notes?: readonly string[]
}

/** How many token ids layers are shown for where a network takes any number. */
const usualTokens = 8

/** A network with its weights on a device. */
export class Model {
  readonly #handle: ModelHandle
  readonly #description: ModelDescription
  /** How pictures become inputs. */
  readonly preprocessing: Preprocessing
  /** The names of the classes in the order of the outputs; empty where nobody stated them. */
  readonly classNames: readonly string[]
  /** The name of the output that is explained, where it was chosen by its name. */
  readonly output: string | undefined
  /** What to know of how the model was read from its file, in whole sentences: that its last softmax was left out, that a
   * prefix such as 'module.' was taken off the weights' names, which tensors were passed over, what was assumed. */
  readonly notes: readonly string[]
  #disposed = false

  /** Use `loadModel`. */
  constructor(handle: ModelHandle, { preprocessing, classNames = [], output, notes = [] }: ModelFacts) {
    this.#handle = handle
    this.#description = addon().describeModel({ model: handle })
    const { inputChannels, vocabulary, imageSize } = this.#description
    this.preprocessing = completePreprocessing(preprocessing, inputChannels || 3)
    if (vocabulary !== null) this.preprocessing.tokens = { vocabulary, length: imageSize?.[1] ?? null }
    this.classNames = classNames.length > 0 ? namesFor(this.#description, classNames) : classNames
    this.output = output
    this.notes = [...this.#description.notes, ...notes]
  }

  /** The architecture's name, such as 'resnet50'; of a model from a file, its class. */
  get architecture(): string {
    return this.#description.architecture
  }

  /** How many outputs the network has, such as classes that it tells apart; 2 where it has a single logit, which says yes (1) or no (0). */
  get classes(): number {
    return this.#description.classes
  }

  /** What its outputs are; see docs/models.md. */
  get outputKind(): OutputKind {
    return this.#description.outputKind
  }

  /** What it takes: images, or the token ids of texts. */
  get inputKind(): 'images' | 'tokens' {
    return this.preprocessing.tokens ? 'tokens' : 'images'
  }

  /** How many tokens it knows, where it takes token ids: these are from 0 to below it. */
  get vocabulary(): number | null {
    return this.#description.vocabulary
  }

  /** 3 for colour, 1 for grey; 0 where it takes token ids. */
  get inputChannels(): number {
    return this.#description.inputChannels
  }

  /** Where it runs, such as 'cpu' or 'cuda:0'. */
  get device(): string {
    return this.#description.device
  }

  /** What its network computes in; see docs/models.md. */
  get precision(): 'float32' | 'bfloat16' {
    return this.#description.precision
  }

  /** Tells networks of different weights apart: those of its file, whatever the precision. */
  get weightHash(): string {
    return this.#description.weightHash
  }

  /** Height and width of the images, where the model takes no others; of token ids 1 and how many it takes. */
  get imageSize(): readonly [number, number] | null {
    return this.#description.imageSize
  }

  /** The paper's place for the bottleneck in this architecture, or the nearest to it. */
  get bottleneckLayer(): string {
    return this.#description.bottleneckLayer
  }

  /** Where methods with bottlenecks in several layers put them, if nothing else is said: from the bottleneck layer on, all blocks
   * of its kind. */
  get blockLayers(): readonly string[] {
    return this.#description.blockLayers
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

  /** The index of a class by its name, such as 'tiger cat'.
   * @throws ModelError where no class has the name, several have, or the classes have no names */
  classIndex(name: string): number {
    if (this.classNames.length > 0) return findClass(this.classNames, requireString('name', name))
    throw new ModelError(
      `The classes of this ${this.architecture} have no names. Give the index of a class, from 0 to ` +
        `${this.classes - 1}, or the names as the model is loaded.`,
    )
  }

  /** All layers with the shapes of their activations for images of a size (default: the crop's), or for so many token ids. */
  async layers(size: { height: number; width: number } = this.#inputSize()): Promise<LayerInfo[]> {
    const height = requireInteger('height', size.height, 1, 65_536)
    const width = requireInteger('width', size.width, 1, 65_536)
    const shapes = await callNative(() => addon().layerShapes({ model: this.handle, height, width }))
    return shapes.map(layer => ({ ...layer, isDefault: layer.name === this.bottleneckLayer }))
  }

  /** The network's outputs before softmax, one Float32Array of `classes` values for each image. */
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
      predictions.push({ name: input.name, ...prediction!, ...this.named(prediction!.target) })
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

  /** @internal The name of a class as a field of a result, where there is one. */
  named(target: number): { className?: string } {
    const className = this.classNames[target]
    return className === undefined ? {} : { className }
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
    const { crop, tokens } = this.preprocessing
    if (tokens) return { height: 1, width: tokens.length ?? usualTokens }
    const [height, width] = sides(crop)
    return { height, width }
  }

  async *#prepared(images: ImageInput | readonly ImageInput[]) {
    for await (const pending of pendingImages(asList(images), this.preprocessing)) {
      const input = await pending.load()
      yield { name: input.name, images: stack([input]) }
    }
  }
}

/** The zoo: names, families, and the paper's place for the bottleneck in each. */
export function architectures(): Architecture[] {
  return callNativeSync(() => addon().architectures())
}

/** Stacks prepared inputs of one size, images or texts, for a native call, which copies them. */
export function stack(inputs: readonly PreparedInput[]): InputTensor {
  const { channels, height, width, text } = inputs[0]!
  if (!text) return stackImages(inputs)
  const shape = [inputs.length, channels, height, width]
  return { data: BigInt64Array.from(inputs.flatMap(input => [...input.text!.ids])), shape }
}

/** Stacks prepared images of one size. */
export function stackImages(inputs: readonly PreparedInput[]): Tensor {
  const { channels, height, width } = inputs[0]!
  const shape = [inputs.length, channels, height, width]
  if (inputs.length === 1) return { data: inputs[0]!.data, shape }
  const size = channels * height * width
  const data = new Float32Array(inputs.length * size)
  inputs.forEach((input, i) => {
    data.set(input.data, i * size)
  })
  return { data, shape }
}
