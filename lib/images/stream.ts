import type { TargetedImage } from '../attribution/attribution.js'
import type { Target } from '../attribution/target.js'
import { type Source, untilAborted } from '../foundation/concurrency.js'
import { isUrl } from '../foundation/realms.js'
import { filePath, withDecoded } from './decode.js'
import { PreparedInput } from './prepared-input.js'
import { type Preprocessing, prepare } from './preprocess.js'
import { arrayFile, expandInput, type ImageInput, isPrepared, prepared } from './source.js'
import { isTokens, preparedTokens, requireKind, tokenRow } from './tokens.js'

/** One image of a stream, not read yet. */
export interface PendingImage {
  index: number
  name: string
  target: Target | undefined
  seed: number | undefined
  /** @param signal ends the reading of a file */
  load: (signal?: AbortSignal) => Promise<PreparedInput>
}

/** The images that a stream of inputs stands for, in order. Only what has to be read to go on is read here: the
 * arrays of a `.npy` file, one after another. An abort ends it at once, also while it waits for an input. */
export async function* pendingImages(
  inputs: Source<ImageInput | TargetedImage>,
  settings: Preprocessing,
  signal: AbortSignal = new AbortController().signal,
): AsyncGenerator<PendingImage, void, undefined> {
  let index = 0
  for await (const item of untilAborted(inputs, signal)) {
    const { image, target, seed } = isTargeted(item)
      ? item
      : { image: item, target: undefined, seed: undefined }
    requireKind(nameOf(image, index), isOfTokens(image), settings.tokens)
    const array = arrayFile(image)
    const images = array === undefined ? [loader(image, index, settings)] : arrayImages(array, settings)
    for await (const { name, load } of images) yield { index, name, target, seed, load }
    index++
  }
}

/** The images of a `.npy` file. Where it breaks off, one image follows that fails as it is loaded. */
async function* arrayImages(
  path: string,
  settings: Preprocessing,
): AsyncGenerator<Pick<PendingImage, 'name' | 'load'>, void, undefined> {
  try {
    for await (const expanded of expandInput(path)) {
      yield { name: expanded.name, load: () => prepare(expanded, settings) }
    }
  } catch (error) {
    yield { name: path, load: () => Promise.reject(error) }
  }
}

function loader(image: ImageInput, index: number, settings: Preprocessing) {
  return {
    name: nameOf(image, index),
    load: (signal?: AbortSignal) => loadOne(image, index, settings, signal),
  }
}

/** The inputs of a call as a list: one image, or several. */
export function asList(
  images: ImageInput | readonly (ImageInput | TargetedImage)[],
): readonly (ImageInput | TargetedImage)[] {
  return Array.isArray(images) ? images : [images as ImageInput]
}

async function loadOne(
  image: ImageInput,
  index: number,
  settings: Preprocessing,
  signal: AbortSignal | undefined,
): Promise<PreparedInput> {
  if (image instanceof PreparedInput) return image
  if (isTokens(image)) return preparedTokens(tokenRow(nameOf(image, index), image), settings.tokens!)
  if (isPrepared(image)) return await prepare(prepared(image), settings)
  return await withDecoded(image, { signal }, decoded =>
    prepare({ name: decoded.source, kind: 'encoded', image: decoded }, settings),
  )
}

function isTargeted(item: ImageInput | TargetedImage): item is TargetedImage {
  return typeof item === 'object' && item !== null && 'image' in item
}

function isOfTokens(image: ImageInput): boolean {
  return isTokens(image) || (image instanceof PreparedInput && image.text !== undefined)
}

function nameOf(image: ImageInput, index: number): string {
  if (typeof image === 'string') return image
  if (isUrl(image)) return filePath(image)
  if (image instanceof PreparedInput) return image.name
  return `${isTokens(image) ? 'text' : 'image'} ${index}`
}
