import type { ImageInput } from '../images/source.js'
import type { Tensor } from '../native/values.js'
import type { Target } from './target.js'

/** A heat map: `height` × `width` values in row order, of the size of the network's input. */
export interface HeatMap {
  /** height × width values, row by row. */
  data: Float32Array
  /** In pixels. */
  width: number
  /** In pixels. */
  height: number
  /** What a value means: 'bits/pixel' and 'bits/token' sum to the bits that passed, 'logits' counts in units of the target's score, such as a class's logit,
   * and of 'relative' values only the proportions mean something. */
  unit: 'bits/pixel' | 'bits/token' | 'logits' | 'relative'
}

/** The region of a picture that the network saw: RGB, row by row. */
export interface SeenImage {
  /** height × width × 3 bytes. */
  pixels: Uint8Array
  /** In pixels. */
  width: number
  /** In pixels. */
  height: number
}

/** What every method gives for one image. */
export interface Attribution {
  /** Position among the inputs; a `.npy` file counts as one input. */
  index: number
  /** The file's path, or what else the image is known by. */
  name: string
  /** The method's name in the registry. */
  method: string
  /** What was explained: the index of a class or label, which is found out where none was given, or the target as it was
   * given. */
  target: Target
  /** The class's name, where the model has names of its classes. */
  className?: string
  /** The number that was explained, for the image as it is: of a class or label its logit. */
  score: number
  /** The target's probability, for the image as it is: of a class the softmax; NaN where it has none, as outputs of a
   * regression and similarities. */
  probability: number
  /** One value for each pixel that the network sees; of a text, a row with one for each token. */
  map: HeatMap
  /** Of a text, one value for each token: the map's row. */
  tokens?: Float32Array
  /** What each token stands for, where that was given. */
  tokenTexts?: readonly string[]
  /** Measures of how far to trust the map, by name, such as a completeness gap; empty where the method has none. */
  checks: Readonly<Record<string, number>>
  /** Numbers of each step of the work, by name. Of the bottlenecks `information`, the mean capacity of a neuron in nats;
   * of the per-sample bottleneck also `crossEntropy` in nats, and `loss` = cross-entropy + β · information. */
  series: Readonly<Record<string, readonly number[]>>
  /** What was asked to be kept, by name, in C order: `raw`, the attribution before it was reduced to the map (channels,
   * height, width); `capacity` in nats, of the shape of the layer's activation for one image; `stepMaps`, the map after
   * every step (steps, height, width); `logits`, what the network gives behind a readout (classes). */
  tensors: Readonly<Record<string, Tensor>>
  /** Optimisation steps that were taken, after which the map no longer changed; 0 where the method has none. */
  steps: number
  /** What the network sees, to draw on; of a text, a white row. */
  image: SeenImage
  /** From the moment the image's batch started until its map was there. */
  seconds: number
}

/** The map after every step of the work, if `keepSteps` was set; none where the method has no steps. */
export function stepMaps({ map: { width, height, unit }, tensors }: Attribution): HeatMap[] {
  const data = tensors.stepMaps?.data ?? new Float32Array()
  const pixels = width * height
  return Array.from({ length: data.length / pixels }, (_, step) => ({
    data: data.subarray(step * pixels, (step + 1) * pixels),
    width,
    height,
    unit,
  }))
}

/** How far an image's batch has come. */
export interface AttributeProgress {
  /** Which of the images, from 0. */
  index: number
  /** What messages call it. */
  name: string
  /** Steps that are done. */
  step: number
  /** Steps in all. */
  steps: number
}

/** What a step of an image's work found, told while the work goes on. */
export interface AttributionStep {
  /** Which of the images, from 0. */
  index: number
  /** What messages call it. */
  name: string
  /** Which step, from 1. */
  step: number
  /** Steps that are taken at most. */
  steps: number
  /** What is explained, as in the {@link Attribution}. */
  target: Target
  /** The class's name, where the model has names of its classes. */
  className?: string
  /** Of the target, for the image as it is. */
  score: number
  /** Likewise; NaN where the target has none. */
  probability: number
  /** The numbers of this step, which `series` of the attribution will hold, by name: `loss`, `crossEntropy`, `information`. */
  numbers: Readonly<Record<string, number>>
  /** The map after this step, where `stepMaps` asks for it; that of the last step is the attribution's. */
  map?: HeatMap
  /** What the network sees. */
  image: SeenImage
}

/** An image with settings of its own, wherever an image can be given. */
export interface TargetedImage {
  /** What to explain. */
  image: ImageInput
  /** What to explain; the predicted class if absent. */
  target?: Target
  /** The seed of this image's noise. */
  seed?: number
}

/** Options of one call of {@link Attributer.attribute}. */
export interface AttributeOptions {
  /** What to explain: one target for all images, or one for each (null: the predicted class). Default: the
   * predicted class. */
  targets?: Target | readonly (Target | null)[]
  /** Seeds the noise of each image by itself, so that its map doesn't depend on the other images. Default 0. */
  seed?: number
  /** Stops the work within one step; the call rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called after each step of an image; on a GPU whose memory was too small they begin anew. Where it throws, or a promise that it returns rejects, so does the call. */
  onProgress?: (progress: AttributeProgress) => void
  /** Called with what each step found, while the next ones are made, by the methods that optimise a mask (those with `keepSteps`) and
   * no others; on a GPU a step late, as nothing waits for it. The map stays the same. Of `multi-layer` the steps are the first
   * layer's. Begins anew and fails the call where `onProgress` does. */
  onStep?: (step: AttributionStep) => void
  /** Whether `onStep` is told the map after each step as well, which costs the drawing of it. Default false. */
  stepMaps?: boolean
  /** Called, and waited for, for an image that can't be read, or whose numbers aren't finite; the others go on. Without it
   * the call fails with that error. */
  onError?: (error: Error, source: { index: number; name: string }) => void
}

/** A method that is ready to explain images with one model. */
export interface Attributer {
  /** The method's name in the registry. */
  readonly method: string
  /** Explains some images, in native batches. Results come in the order of the inputs. */
  attribute(
    images: ImageInput | readonly (ImageInput | TargetedImage)[],
    options?: AttributeOptions,
  ): Promise<Attribution[]>
  /** Explains a stream of images in constant memory: images are read only as fast as results are taken, and each result
   * comes as soon as it and those before it are there. What has arrived goes to the device as soon as that is idle; what
   * arrives meanwhile forms the next batch. */
  attributeAll(
    images: AsyncIterable<ImageInput | TargetedImage> | Iterable<ImageInput | TargetedImage>,
    options?: AttributeOptions,
  ): AsyncGenerator<Attribution, void, undefined>
  /** Frees what belongs to the attributer alone; the model and the resources that it was given stay. Safe to call twice. */
  dispose(): void
  /** As `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}
