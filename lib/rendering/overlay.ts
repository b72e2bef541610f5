import { invalid, requireKnownKeys, requireNumber, requireString } from '../validate.js'
import { blend, type Ink } from './blend.js'
import { type ColorMap, type ColorMapName, colorMap } from './color-map.js'
import { drawFigure, type Frame } from './figure.js'
import { displaySize, type HeatMap, type Picture, requireHeatMap, requirePicture, toGrey } from './picture.js'

export interface OverlayOptions {
  /** How far the strongest value covers the picture, 0 to 1. Default: 0.85. */
  opacity?: number
  /** Default: `inferno`. */
  colorMap?: ColorMapName | ColorMap
  /** Draw the scale, with its unit, beside the picture. Default: true. */
  colorBar?: boolean
  /** The value that gets the strongest colour, to compare several maps. Default: the largest of the map. */
  maximum?: number
  /** A line above the picture. Default: none. */
  title?: string
}

const optionNames = ['opacity', 'colorMap', 'colorBar', 'maximum', 'title'] as const

/** Draws a map over its image: where the map is 0 the image shows in grey, strong values show their colour.
 *
 * The map is stretched over the whole image, so give the crop that the map is of. Values below 0 are drawn as 0.
 * The longer side of the picture is brought to between 448 and 1024 pixels.
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
  const { opacity = 0.85, colorBar = true, maximum, title } = options
  const ink: Ink = {
    colors: toColors(options.colorMap ?? 'inferno'),
    opacity: requireNumber('opacity', opacity, 0, 1),
  }
  const top = maximum === undefined ? largest([map]) : requireNumber('maximum', maximum, 1e-100)
  const frame: Frame = {
    ...(title !== undefined && { title: requireString('title', title) }),
    ...(colorBar && { bar: { ink, maximum: top, unit: map.unit ?? '' } }),
  }
  const size = displaySize(image)
  const grey = await toGrey(image, size)
  return await drawFigure(blend(grey, size, map, top, ink), size, frame)
}

/** The largest value of the maps; 1 if none is above 0, so that an empty map has a scale too. */
export function largest(maps: readonly HeatMap[]): number {
  let maximum = 0
  for (const { data } of maps) {
    for (const value of data) if (value > maximum && value < Infinity) maximum = value
  }
  return maximum || 1
}

function toColors(colors: ColorMapName | ColorMap): ColorMap {
  if (typeof colors === 'function') return colors
  if (typeof colors !== 'string') throw invalid('colorMap', 'a name or a function', colors)
  return colorMap(colors)
}
