import type { TargetedImage } from '../attribution.js'
import { invalid } from '../validate.js'
import { filePath } from './decode.js'
import { type PreparedInput, type Preprocessing, prepare } from './preprocess.js'
import { expandInput, type ImageInput } from './source.js'

/** One image of a stream, not read yet. */
export interface PendingImage {
  index: number
  name: string
  target: number | undefined
  seed: number | undefined
  load: () => Promise<PreparedInput>
}

/** The images that a stream of inputs stands for, in order. Only what has to be read to go on is read here: the
 * arrays of a `.npy` file, one after another. */
export async function* pendingImages(
  inputs: AsyncIterable<ImageInput | TargetedImage> | Iterable<ImageInput | TargetedImage>,
  settings: Preprocessing,
): AsyncGenerator<PendingImage, void, undefined> {
  let index = 0
  for await (const item of inputs) {
    const { image, target, seed } = isTargeted(item)
      ? item
      : { image: item, target: undefined, seed: undefined }
    if (isArrayFile(image)) {
      for await (const expanded of expandInput(image)) {
        yield { index, name: expanded.name, target, seed, load: () => prepare(expanded, settings) }
      }
    } else {
      yield { index, name: nameOf(image, index), target, seed, load: () => loadOne(image, settings) }
    }
    index++
  }
}

/** The inputs of a call as a list: one image, or several. */
export function asList(
  images: ImageInput | readonly (ImageInput | TargetedImage)[],
): readonly (ImageInput | TargetedImage)[] {
  return Array.isArray(images) ? images : [images as ImageInput]
}

async function loadOne(image: ImageInput, settings: Preprocessing): Promise<PreparedInput> {
  for await (const expanded of expandInput(image)) return prepare(expanded, settings)
  throw invalid('image', 'an image', image)
}

function isTargeted(item: ImageInput | TargetedImage): item is TargetedImage {
  return typeof item === 'object' && item !== null && 'image' in item
}

function isArrayFile(image: ImageInput): boolean {
  const path = image instanceof URL ? filePath(image) : image
  return typeof path === 'string' && path.toLowerCase().endsWith('.npy')
}

function nameOf(image: ImageInput, index: number): string {
  if (typeof image === 'string') return image
  if (image instanceof URL) return filePath(image)
  return `image ${index}`
}
