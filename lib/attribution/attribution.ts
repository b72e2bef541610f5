import type { ImageInput } from '../images/source.js'

/** A heat map: `height` × `width` values in row order, of the size of the network's input. */
export interface HeatMap {
  data: Float32Array
  width: number
  height: number
  /** What a value means: 'bits/pixel' sums to the bits that passed, 'logits' counts in units of the class's logit,
   * and of 'relative' values only the proportions mean something. */
  unit: 'bits/pixel' | 'logits' | 'relative'
}

/** One optimisation step. `loss` = `crossEntropy` + β · `information`, all in nats; `information` is the mean
 * capacity of the bottleneck's neurons. */
export interface StepReport {
  loss: number
  crossEntropy: number
  information: number
}

/** The region of a picture that the network saw: RGB, row by row. */
export interface SeenImage {
  pixels: Uint8Array
  width: number
  height: number
}

/** What every method gives for one image. */
export interface Attribution {
  /** Position among the inputs; a `.npy` file counts as one input. */
  index: number
  /** The file's path, or what else the image is known by. */
  name: string
  method: string
  /** The class that was explained, and its softmax probability for the unchanged image. */
  target: number
  probability: number
  map: HeatMap
  /** The attribution before it was reduced to the map, in C order, if `keepRaw`: (channels, height, width). */
  raw?: { data: Float32Array; shape: number[] }
  /** Measures of how far to trust the map, by name, such as a completeness gap; empty where the method has none. */
  checks: Readonly<Record<string, number>>
  image: SeenImage
  /** From the moment the image's batch started until its map was there. */
  seconds: number
}

export interface AttributeProgress {
  index: number
  name: string
  step: number
  steps: number
}

/** An image with settings of its own, wherever an image can be given. */
export interface TargetedImage {
  image: ImageInput
  /** The class to explain; the predicted class if absent. */
  target?: number
  /** The seed of this image's noise. */
  seed?: number
}

export interface AttributeOptions {
  /** The class to explain: one for all images, or one for each (null: the predicted class). Default: the
   * predicted class. */
  targets?: number | readonly (number | null)[]
  /** Seeds the noise of each image by itself, so that its map doesn't depend on the other images. Default 0. */
  seed?: number
  /** Stops the work within one step; the call rejects with the signal's reason. */
  signal?: AbortSignal
  onProgress?: (progress: AttributeProgress) => void
  /** Called for an image that can't be read; the others go on. Without it the call fails with that error. */
  onError?: (error: Error, source: { index: number; name: string }) => void
}

/** The face that all methods share. */
export interface Attributer<Result extends Attribution = Attribution> {
  readonly method: string
  /** Explains some images, in native batches. Results come in the order of the inputs. */
  attribute(
    images: ImageInput | readonly (ImageInput | TargetedImage)[],
    options?: AttributeOptions,
  ): Promise<Result[]>
  /** Explains a stream of images in constant memory: images are read only as fast as results are taken. */
  attributeAll(
    images: AsyncIterable<ImageInput | TargetedImage> | Iterable<ImageInput | TargetedImage>,
    options?: AttributeOptions,
  ): AsyncGenerator<Result, void, undefined>
  /** Frees what belongs to the attributer alone; the model and its statistics stay. Safe to call twice. */
  dispose(): void
  [Symbol.asyncDispose](): Promise<void>
}
