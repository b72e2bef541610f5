import { requireInteger, requireKnownKeys, requireNumber } from '../foundation/validate.js'
import type { Picture } from '../images/decode.js'
import { addon } from '../native/addon.js'
import { callNativeSync } from '../native/call.js'
import { requirePicture } from '../rendering/picture.js'

/** Options of {@link superpixels}. */
export interface SuperpixelOptions {
  /** How many are asked for; there will be about so many. Default 100. */
  count?: number
  /** How much the distance between pixels counts against that of their colours. Default 10. */
  compactness?: number
}

/** Which segment each pixel of an image belongs to. */
export interface SegmentMap {
  /** height × width numbers of segments, row by row. */
  data: Float32Array
  /** In pixels. */
  width: number
  /** In pixels. */
  height: number
}

/** Superpixels: parts of an image that hang together and are of about one colour, by SLIC (Achanta et al. 2012) in CIELAB, ten
 * iterations; parts smaller than a quarter of the expected size join a neighbour.
 * @returns the number of each pixel's superpixel, from 0 on
 * @throws InvalidArgumentError where the picture is none, or has fewer pixels than superpixels are asked for */
export function superpixels(picture: Picture, options: SuperpixelOptions = {}): SegmentMap {
  requirePicture(picture)
  requireKnownKeys('options', options, ['count', 'compactness'])
  const count = requireInteger('count', options.count ?? 100, 1)
  const compactness = requireNumber('compactness', options.compactness ?? 10, 1e-6, 1e6)
  const { pixels, width, height } = picture
  const image = { data: pixels, shape: [height, width, 3] }
  const { data } = callNativeSync(() => addon().superpixels({ image, count, compactness }))
  return { data, width, height }
}
