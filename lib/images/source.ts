import { types } from 'node:util'
import { ImageError } from '../foundation/errors.js'
import { isUrl } from '../foundation/realms.js'
import { invalid, requireInteger } from '../foundation/validate.js'
import { type DecodedImage, decodeImage, filePath, type ImageSource } from './decode.js'
import { imageLimits } from './formats.js'
import { type NpyFile, openNpy } from './npy.js'
import type { PreparedInput } from './prepared-input.js'
import { isTokens, type TokenInput, type TokenRow, tokenRow } from './tokens.js'

/** An image that is resized, cropped and normalised already, as the network takes it. */
export interface PreparedImage {
  /** C × H × W values, in C order */
  data: Float32Array
  /** Without a batch dimension. */
  shape: readonly [channels: number, height: number, width: number]
}

/** What can be given as an image: one that is still to be pre-processed, one that is prepared, or the path of a `.npy`
 * file with one prepared image (3,H,W) or several (N,3,H,W); for a network of token ids, those of a text. */
export type ImageInput = ImageSource | PreparedImage | PreparedInput | TokenInput

/** One image of an input, ready for pre-processing (`encoded`) or for the network (`prepared`), or a text (`tokens`). */
export type ExpandedImage =
  | TokenRow
  | { name: string; kind: 'encoded'; image: DecodedImage }
  | { name: string; kind: 'prepared'; data: Float32Array; height: number; width: number; channels: number }

/** The images that an input stands for: one, or as many as a `.npy` file holds, read one at a time.
 * @throws {ImageError} it can't be read, or its array has another shape or type */
export async function* expandInput(
  input: ImageSource | PreparedImage | TokenInput,
  signal?: AbortSignal,
): AsyncGenerator<ExpandedImage, void, undefined> {
  const path = arrayFile(input)
  if (path !== undefined) {
    yield* expandNpy(path)
  } else if (isTokens(input)) {
    yield tokenRow('text', input)
  } else if (isPrepared(input)) {
    yield prepared(input)
  } else {
    const image = await decodeImage(input, { signal })
    yield { name: image.source, kind: 'encoded', image }
  }
}

/** The path of an input that is a `.npy` file; undefined for any other. */
export function arrayFile(input: ImageInput): string | undefined {
  const path = isUrl(input) ? filePath(input) : input
  return typeof path === 'string' && path.toLowerCase().endsWith('.npy') ? path : undefined
}

async function* expandNpy(path: string): AsyncGenerator<ExpandedImage, void, undefined> {
  await using file = await openNpy(path)
  const [count, channels, height, width] = imageShape(file)
  const size = channels * height * width
  for (let i = 0; i < count; i++) {
    yield {
      name: `${path}#${i}`,
      kind: 'prepared',
      data: await file.read(i * size, size),
      height,
      width,
      channels,
    }
  }
}

function imageShape({
  path,
  shape,
  type,
}: NpyFile): [count: number, channels: number, height: number, width: number] {
  const [count, channels, height, width] = shape.length === 3 ? [1, ...shape] : shape
  if (shape.length > 4 || (channels !== 1 && channels !== 3) || !count || !height || !width) {
    throw new ImageError(
      `'${path}' holds an array of shape (${shape.join(', ')}), expected (3, H, W) or (N, 3, H, W), or 1 in place of 3 for grey. ` +
        'Put the channels first: numpy.moveaxis(array, -1, -3).',
      { source: path },
    )
  }
  if (type === '|u1') {
    throw new ImageError(
      `'${path}' holds uint8, expected float32 that is resized and normalised as the network takes it. ` +
        'Give pixels as { data, width, height, channels } or as an image file.',
      { source: path },
    )
  }
  if (height * width > imageLimits.pixels) {
    throw new ImageError(
      `'${path}' holds images of ${width} × ${height} pixels, more than the limit of an image: ` +
        `${imageLimits.pixels.toLocaleString('en')} in all.`,
      { source: path },
    )
  }
  return [count, channels, height, width]
}

/** Whether it is resized, cropped and normalised already. */
export function isPrepared(input: unknown): input is PreparedImage {
  return typeof input === 'object' && input !== null && 'shape' in input && 'data' in input
}

/** Checks a prepared image and copies it.
 * @throws {InvalidArgumentError} its data or shape don't fit */
export function prepared({ data, shape }: PreparedImage): Extract<ExpandedImage, { kind: 'prepared' }> {
  if (!types.isFloat32Array(data)) throw invalid('image.data', 'a Float32Array', data)
  if (!Array.isArray(shape) || shape.length !== 3)
    throw invalid('image.shape', '[channels, height, width]', shape)
  const [channels, height, width] = shape as unknown as PreparedImage['shape']
  if (channels !== 1 && channels !== 3) throw invalid('image.shape[0] (channels)', '1 or 3', channels)
  requireInteger('image.shape[1] (height)', height, 1)
  requireInteger('image.shape[2] (width)', width, 1)
  const expected = channels * height * width
  if (data.length !== expected) {
    throw invalid('image.data', `${expected} values (${channels} × ${height} × ${width})`, data.length)
  }
  // A copy: the caller may reuse its buffer while the work runs.
  return { name: 'prepared image', kind: 'prepared', data: data.slice(), height, width, channels }
}
