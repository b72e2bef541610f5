import { ImageError } from '../foundation/errors.js'
import { areFinite, invalid, requireKnownKeys, requireNumber, requireOneOf } from '../foundation/validate.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/call.js'
import type { Interpolation, Preprocessing, PreprocessOptions } from '../native/images-calls.js'
import type { DecodedImage } from './decode.js'
import { PreparedInput } from './prepared-input.js'
import { type ImageSize, requireSize, sides, sizeText } from './size.js'
import type { ExpandedImage } from './source.js'
import { preparedTokens, requireKind } from './tokens.js'

export type { Interpolation, Preprocessing }

/** What a caller or a model card says of a model's pre-processing. */
export interface GivenPreprocessing extends Partial<Preprocessing> {
  /** What white is where `mean` and `std` are subtracted and divided: 1, the default, or 255. */
  range?: 1 | 255
}

export const interpolations = ['bilinear', 'bicubic', 'lanczos'] as const
const channelOrders = ['rgb', 'bgr'] as const
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
const grey = { mean: [0.449], std: [0.226] }
export const defaultResize = 256
export const defaultCrop = 224
const defaults: Omit<Preprocessing, 'mean' | 'std'> = {
  resize: defaultResize,
  crop: defaultCrop,
  cropFirst: false,
  squash: false,
  interpolation: 'bilinear',
  channelOrder: 'rgb',
}
const names = [...Object.keys(defaults), 'mean', 'std', 'range']

/** What was given, with mean and std as they are after scaling to [0, 1].
 * @throws InvalidArgumentError an unknown name, or a range without mean and std */
export function inUnitRange(given: GivenPreprocessing): Partial<Preprocessing> {
  requireKnownKeys('preprocessing', given, names)
  const { range, ...settings } = given
  if (range === undefined || range === 1) return settings
  if (range !== 255) throw invalid('preprocessing.range', '1 or 255', range)
  const { mean, std } = settings
  if (!Array.isArray(mean) || !Array.isArray(std)) {
    throw invalid('preprocessing', 'mean and std as well, since range says what they refer to,', given)
  }
  const scaled = (values: readonly number[]) => values.map(value => value / range)
  return { ...settings, mean: scaled(mean), std: scaled(std) }
}

/** The complete settings for a network with so many input channels. */
export function completePreprocessing(
  given: GivenPreprocessing | undefined,
  channels: number,
): Preprocessing {
  const stated = inUnitRange(given ?? {})
  const settings: Preprocessing = { ...defaults, ...(channels === 1 ? grey : imageNet), ...stated }
  settings.crop = requireSize('preprocessing.crop', settings.crop)
  settings.resize = requireSize('preprocessing.resize', stated.resize ?? usualResize(settings))
  for (const name of ['cropFirst', 'squash'] as const) {
    if (typeof settings[name] !== 'boolean')
      throw invalid(`preprocessing.${name}`, 'true or false', settings[name])
  }
  requireOneOf('preprocessing.interpolation', settings.interpolation, interpolations)
  requireOneOf('preprocessing.channelOrder', settings.channelOrder, channelOrders)
  if (settings.cropFirst && settings.squash)
    throw invalid('preprocessing.squash', 'false where cropFirst is true', true)
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

function usualResize({ crop, squash }: Preprocessing): ImageSize {
  if (squash) return crop
  return typeof crop === 'number' ? defaultResize : resizeFor(crop)
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

/** Resizes, crops and normalises natively, off the event loop. Prepared images and token ids are only checked. */
export async function prepare(image: ExpandedImage, settings: Preprocessing): Promise<PreparedInput> {
  const name = image.kind === 'encoded' ? image.image.source : image.name
  requireKind(name, image.kind === 'tokens', settings.tokens)
  if (image.kind === 'tokens') return preparedTokens(image, settings.tokens!)
  if (image.kind === 'prepared') {
    const { data, channels, height, width } = image
    const expected = settings.mean.length
    if (channels !== expected) {
      throw new ImageError(`'${name}' has ${channels} channels, but the network takes ${expected}.`, {
        source: name,
      })
    }
    if (!areFinite(data)) {
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
function toPixels(data: Float32Array, { mean, std, channelOrder }: Preprocessing): Uint8Array {
  const size = data.length / mean.length
  const pixels = new Uint8ClampedArray(size * 3)
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) {
      const channel = mean.length === 1 ? 0 : channelOrder === 'bgr' ? 2 - c : c
      pixels[i * 3 + c] = (data[channel * size + i]! * std[channel]! + mean[channel]!) * 255
    }
  }
  return new Uint8Array(pixels.buffer)
}
