import { ImageError } from '../foundation/errors.js'
import { invalid, requireKnownKeys, requireNumber } from '../foundation/validate.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/call.js'
import type { Preprocessing, PreprocessOptions } from '../native/images-calls.js'
import type { DecodedImage } from './decode.js'
import { PreparedInput } from './prepared-input.js'
import { type ImageSize, requireSize, sides, sizeText } from './size.js'
import type { ExpandedImage } from './source.js'

export type { Preprocessing }

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
  const settings: Preprocessing = { ...defaults, ...(channels === 1 ? grey : imageNet), ...given }
  requireKnownKeys('preprocessing', settings, ['resize', 'crop', 'cropFirst', 'mean', 'std'])
  settings.crop = requireSize('preprocessing.crop', settings.crop)
  const isOblong = typeof settings.crop !== 'number'
  const resize = given?.resize ?? (isOblong ? resizeFor(settings.crop) : defaultResize)
  settings.resize = requireSize('preprocessing.resize', resize)
  if (typeof settings.cropFirst !== 'boolean')
    throw invalid('preprocessing.cropFirst', 'true or false', settings.cropFirst)
  if (!settings.cropFirst && !fitsInto(settings.crop, settings.resize)) {
    const expected = `at most preprocessing.resize, ${sizeText(settings.resize)}`
    throw invalid('preprocessing.crop', expected, settings.crop)
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
      requireNumber(`preprocessing.${name}`, value, name === 'std' ? 1e-12 : -1e12, 1e12)
  }
  return settings
}

/** What a picture is resized to so that it is cropped by as much as torchvision crops for ImageNet. */
export function resizeFor(crop: ImageSize): ImageSize {
  const enlarged = (side: number) => Math.round((side * defaultResize) / defaultCrop)
  return typeof crop === 'number' ? enlarged(crop) : [enlarged(crop[0]), enlarged(crop[1])]
}

/** Whether a crop lies inside of every picture that was resized so. */
export function fitsInto(crop: ImageSize, resize: ImageSize): boolean {
  const [height, width] = sides(resize)
  return sides(crop)[0] <= height && sides(crop)[1] <= width
}

/** Resizes, crops and normalises natively, off the event loop. Prepared images are only checked. */
export async function prepare(image: ExpandedImage, settings: Preprocessing): Promise<PreparedInput> {
  if (image.kind === 'prepared') {
    const { name, data, channels, height, width } = image
    const expected = settings.mean.length
    if (channels !== expected) {
      throw new ImageError(`'${name}' has ${channels} channels, but the network takes ${expected}.`, {
        source: name,
      })
    }
    if (!data.every(Number.isFinite)) {
      throw new ImageError(`'${name}' holds values that are not finite (NaN or infinity).`, { source: name })
    }
    return new PreparedInput(name, data, [channels, height, width], toPixels(data, settings))
  }
  const { input, pixels } = await preprocess(image.image, { ...settings, mirror: false })
  return new PreparedInput(image.name, input.data, input.shape, pixels.data)
}

/** Calls the native pre-processing of a picture. */
export function preprocess(
  { pixels, height, width }: Pick<DecodedImage, 'pixels' | 'height' | 'width'>,
  settings: Preprocessing & Pick<PreprocessOptions, 'region' | 'mirror'>,
) {
  const options = { ...settings, resize: sides(settings.resize), crop: sides(settings.crop) }
  const picture = { data: pixels, shape: [height, width, 3] }
  return callNative(() => addon().preprocess({ picture, options }))
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
