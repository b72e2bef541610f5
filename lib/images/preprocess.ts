import { ImageError } from '../foundation/errors.js'
import { invalid, requireInteger, requireKnownKeys, requireNumber } from '../foundation/validate.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/errors.js'
import type { ExpandedImage } from './source.js'

/** How a picture becomes a network's input. The defaults are torchvision's for ImageNet, which the paper uses. */
export interface Preprocessing {
  /** The shorter side is resized to this many pixels (antialiased bilinear, as Pillow does). Default 256. */
  resize: number
  /** A centred square of this size is cut out. Default 224. */
  crop: number
  /** Cut out `resize` pixels first and resize them to `crop`, as the IBA package's loader does. Default false. */
  cropFirst: boolean
  /** Per channel, after scaling to [0, 1]; one value each for a grey network. */
  mean: readonly number[]
  std: readonly number[]
}

const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
const grey = { mean: [0.449], std: [0.226] }
export const defaultResize = 256
export const defaultCrop = 224
const defaults = { resize: defaultResize, crop: defaultCrop, cropFirst: false }

/** The complete settings for a network with so many input channels. */
export function completePreprocessing(
  given: Partial<Preprocessing> | undefined,
  channels: number,
): Preprocessing {
  const settings = { ...defaults, ...(channels === 1 ? grey : imageNet), ...given }
  requireKnownKeys('preprocessing', settings, ['resize', 'crop', 'cropFirst', 'mean', 'std'])
  requireInteger('preprocessing.resize', settings.resize, 1, 65_536)
  requireInteger('preprocessing.crop', settings.crop, 1, 65_536)
  if (typeof settings.cropFirst !== 'boolean')
    throw invalid('preprocessing.cropFirst', 'true or false', settings.cropFirst)
  if (!settings.cropFirst && settings.crop > settings.resize) {
    throw invalid('preprocessing.crop', `at most preprocessing.resize, ${settings.resize}`, settings.crop)
  }
  for (const name of ['mean', 'std'] as const) {
    const values = settings[name]
    if (!Array.isArray(values) || values.length !== channels) {
      throw invalid(
        `preprocessing.${name}`,
        `one number for each of the network's ${channels} channels`,
        values,
      )
    }
    for (const value of values)
      requireNumber(`preprocessing.${name}`, value, name === 'std' ? 1e-12 : -Infinity)
  }
  return settings
}

/** An image as the network takes it, with the same region to draw on. */
export interface PreparedInput {
  name: string
  /** channels × height × width, normalised */
  data: Float32Array
  channels: number
  height: number
  width: number
  /** RGB, row by row */
  pixels: Uint8Array
}

/** Resizes, crops and normalises natively, off the event loop. Prepared images are only checked. */
export async function prepare(image: ExpandedImage, settings: Preprocessing): Promise<PreparedInput> {
  const channels = settings.mean.length
  if (image.kind === 'prepared') {
    if (image.channels !== channels) {
      throw new ImageError(
        `'${image.name}' has ${image.channels} channels, but the network takes ${channels}.`,
        { source: image.name },
      )
    }
    const { name, height, width } = image
    const data = Float32Array.from(image.data)
    if (!data.every(Number.isFinite)) {
      throw new ImageError(`'${name}' holds values that are not finite (NaN or infinity).`, { source: name })
    }
    return { name, data, channels, height, width, pixels: toPixels(data, settings) }
  }
  const { pixels, width, height } = image.image
  const { resize, crop, cropFirst, mean, std } = settings
  const prepared = await callNative(() =>
    addon().preprocess(pixels, width, height, { resize, crop, cropFirst, mean, deviation: std }),
  )
  return {
    name: image.name,
    data: prepared.data,
    channels,
    height: crop,
    width: crop,
    pixels: prepared.pixels,
  }
}

/** The picture that a normalised input came from, as far as it can be told. */
function toPixels(data: Float32Array, { mean, std }: Preprocessing): Uint8Array {
  const size = data.length / mean.length
  const pixels = new Uint8ClampedArray(size * 3)
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) {
      const channel = mean.length === 1 ? 0 : c
      pixels[i * 3 + c] = (data[channel * size + i]! * std[channel]! + mean[channel]!) * 255
    }
  }
  return new Uint8Array(pixels.buffer)
}
