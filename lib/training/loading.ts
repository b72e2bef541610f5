import { mapInOrder } from '../foundation/concurrency.js'
import { ImageError } from '../foundation/errors.js'
import { mixSeeds } from '../foundation/hash.js'
import { type Augmentation, drawView } from '../images/augmentation.js'
import { type DecodedImage, withDecoded } from '../images/decode.js'
import { type Preprocessing, preprocess } from '../images/preprocess.js'
import { sides } from '../images/size.js'
import type { ReadoutBatch } from '../native/readout-training-calls.js'
import { type LabelledImage, requireLabel } from './data.js'

/** Batches that are decoded while a step runs. */
const batchesAhead = 3
/** What is drawn for an image: kinds of draws must not share a seed. */
const draws = { noise: 1, view: 2 }

export interface LoadingOptions {
  preprocessing: Preprocessing
  classes: number
  augmentation: Augmentation
  epoch: number
  seed: number
}

/** A batch as a step takes it; images that could not be read are left out and named. */
export interface LoadedBatch extends ReadoutBatch {
  failed: ImageError[]
}

/** Reads batches of images, several at a time, ahead of the one who takes them, until an abort. */
export function loadBatches(
  batches: AsyncIterable<LabelledImage[]>,
  options: LoadingOptions,
  abort?: AbortSignal,
): AsyncGenerator<LoadedBatch, void, undefined> {
  return mapInOrder(batches, batchesAhead, (images, signal) => loadBatch(images, options, signal), abort)
}

/** The batch of a process that has no images left. */
export const emptyBatch: LoadedBatch = {
  images: { data: new Float32Array(0), shape: [0, 0, 0, 0] },
  labels: [],
  seeds: [],
  failed: [],
}

async function loadBatch(
  images: readonly LabelledImage[],
  options: LoadingOptions,
  signal: AbortSignal,
): Promise<LoadedBatch> {
  const { classes, epoch, seed, preprocessing } = options
  const failed: ImageError[] = []
  const load = async (image: LabelledImage) => {
    requireLabel(image.label, classes, image.name)
    try {
      return { image, data: await loadImage(image, options, signal) }
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      failed.push(error)
      return undefined
    }
  }
  const loaded = (await Promise.all(images.map(load))).filter(entry => entry !== undefined)
  const { crop, mean } = preprocessing
  const [height, width] = sides(crop)
  const size = mean.length * height * width
  const data = new Float32Array(loaded.length * size)
  loaded.forEach((entry, i) => {
    data.set(entry.data, i * size)
  })
  return {
    images: { data, shape: [loaded.length, mean.length, height, width] },
    labels: loaded.map(({ image }) => image.label),
    seeds: loaded.map(({ image }) => mixSeeds(seed, draws.noise, epoch, image.id)),
    failed,
  }
}

async function loadImage(
  { name, source, id }: LabelledImage,
  { preprocessing, augmentation, epoch, seed }: LoadingOptions,
  signal: AbortSignal,
): Promise<Float32Array> {
  const view = async (image: DecodedImage) => {
    const { region, mirror } = drawView(image, augmentation, seed, draws.view, epoch, id)
    const { input } = await preprocess(image, { ...preprocessing, ...(region && { region }), mirror })
    return input.data
  }
  return await withDecoded(source, { signal }, view).catch(error => {
    if (!(error instanceof ImageError)) throw error
    throw new ImageError(typeof source === 'string' ? error.message : `${name}: ${error.message}`, {
      cause: error,
      source: name,
    })
  })
}
