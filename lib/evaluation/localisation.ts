import type { HeatMap } from '../attribution/attribution.js'
import { invalid, requireNumber } from '../foundation/validate.js'
import { addon } from '../native/addon.js'
import { callNativeSync } from '../native/errors.js'
import { requireHeatMap } from '../rendering/picture.js'

/** Where an object is in an image: 1 on its pixels, else 0, row by row. */
export interface ObjectMask {
  data: Uint8Array
  width: number
  height: number
}

export interface BoundingBoxScore {
  /** The share of the map's n highest pixels that lie in the mask of n pixels. */
  score: number
  /** The share of the map's sum that lies in the mask; values below 0 count as 0. */
  mass: number
  /** n */
  pixels: number
}

/** How well a map finds an object (Schulz et al. 2020, section 4.3). Of equal values the first counts as higher.
 * @throws InvalidArgumentError where the mask is empty or of another size */
export function boundingBoxScore(map: HeatMap, mask: ObjectMask): BoundingBoxScore {
  const shape = requireMaskOf(map, mask)
  return callNativeSync(() => addon().localise(map.data, mask.data, shape))
}

/** The pointing game (Zhang et al. 2016, “Top-down neural attention by excitation backprop”, section 4.1): whether the
 * highest pixel of the map lies on the object, or no further than `tolerance` pixels from it.
 * @param options.tolerance default 15 */
export function pointingGame(map: HeatMap, mask: ObjectMask, options: { tolerance?: number } = {}): boolean {
  const shape = requireMaskOf(map, mask)
  const tolerance = requireNumber('tolerance', options.tolerance ?? 15, 0)
  return callNativeSync(() => addon().pointsAt(map.data, mask.data, shape, tolerance))
}

function requireMaskOf(map: HeatMap, mask: ObjectMask): [number, number] {
  requireHeatMap(map)
  if (mask.width !== map.width || mask.height !== map.height)
    throw invalid('mask', `a mask of ${map.width}×${map.height}, as the map`, `${mask.width}×${mask.height}`)
  if (!(mask.data instanceof Uint8Array) || mask.data.length !== mask.width * mask.height)
    throw invalid('mask.data', `a Uint8Array of ${mask.width * mask.height} values`, mask.data)
  return [map.height, map.width]
}
