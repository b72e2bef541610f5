import type { HeatMap } from '../attribution/attribution.js'
import { invalid, requireKnownKeys, requireNumber, requireString } from '../foundation/validate.js'
import { type Ink, inkTable } from './blend.js'
import { blendOnThread } from './blend-thread.js'
import { type ColorMap, type ColorMapName, colorMap } from './color-map.js'
import { drawFigure, type Frame } from './figure.js'
import { displaySize, type Picture, requireHeatMap, requirePicture, toGrey } from './picture.js'
import { isSigned, largest, leastShown } from './range.js'

/** Options of {@link renderOverlay}. */
export interface OverlayOptions {
  /** How far the strongest value covers the picture, 0 to 1. Default: 0.85. */
  opacity?: number
  /** Default: `inferno`, or `blue-red` if signed. */
  colorMap?: ColorMapName | ColorMap
  /** Draw the scale, with its unit, beside the picture. Default: true. */
  colorBar?: boolean
  /** The value that gets the strongest colour, to compare several maps. Default: the largest of the map. */
  maximum?: number
  /** The value where colours begin, unless the map is drawn with values below 0. Default: 0; of a map that isn't of bits, and whose values are
   * all above a tenth of the greatest, such as RISE's, the least of them, where no maximum is given. */
  minimum?: number
  /** Draw values below 0 too, in colours of their own; otherwise they are drawn as 0. Default: whether the map has
   * values below 0 that are worth seeing. */
  signed?: boolean
  /** A line above the picture. Default: none. */
  title?: string
}

const optionNames = ['opacity', 'colorMap', 'colorBar', 'maximum', 'minimum', 'signed', 'title'] as const

/** Draws a map over its image: where the map is 0 the image shows in grey, strong values show their colour.
 *
 * The map is stretched over the whole image, so give the crop that the map is of. The longer side of the picture is brought to between 448 and 1024 pixels.
 * @returns a PNG
 * @throws {InvalidArgumentError} image or map have the wrong length, or an option is out of range */
export async function renderOverlay(
  image: Picture,
  map: HeatMap,
  options: OverlayOptions = {},
): Promise<Buffer> {
  requireKnownKeys('renderOverlay options', options, optionNames)
  requirePicture(image)
  requireHeatMap(map)
  const { opacity = 0.85, colorBar = true, maximum, title, signed = isSigned(map) } = options
  const ink: Ink = {
    colors: toColors(options.colorMap ?? (signed ? 'blue-red' : 'inferno')),
    opacity: requireNumber('opacity', opacity, 0, 1),
    signed,
  }
  const top = maximum === undefined ? largest([map], signed) : requireNumber('maximum', maximum, 1e-100)
  const least = options.minimum ?? (maximum === undefined && !signed ? leastShown(map) : 0)
  const minimum = requireNumber('minimum', least, 0)
  if (minimum >= top) throw invalid('minimum', `a number below the maximum, ${top}`, minimum)
  const frame: Frame = {
    ...(title !== undefined && { title: requireString('title', title) }),
    ...(colorBar && { bar: { ink, minimum, maximum: top, unit: map.unit ?? '' } }),
  }
  const size = displaySize(image)
  const grey = await toGrey(image, size)
  const pixels = await blendOnThread({ grey, size, map, maximum: top, minimum, table: inkTable(ink) })
  return await drawFigure(pixels, size, frame)
}

function toColors(colors: ColorMapName | ColorMap): ColorMap {
  if (typeof colors === 'function') return colors
  if (typeof colors !== 'string') throw invalid('colorMap', 'a name or a function', colors)
  return colorMap(colors)
}
