import { requireOneOf } from '../foundation/validate.js'
import { type ColorMap, type ColorMapName, colorMapNames, colorsOf } from './colors.js'

export { type ColorMap, type ColorMapName, colorMapNames, mix, type Rgb } from './colors.js'

/** A colour map that is even to the eye and readable by the colour-blind.
 * Values outside 0 to 1 take the colour at the end.
 * @throws {InvalidArgumentError} there is no map of this name */
export function colorMap(name: ColorMapName): ColorMap {
  return colorsOf(requireOneOf('colorMap', name, colorMapNames))
}
