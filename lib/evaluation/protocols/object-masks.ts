import { types } from 'node:util'
import type { HeatMap } from '../../attribution/attribution.js'
import { option } from '../../attribution/described-options.js'
import { boxesOf, type ObjectMask, seenMask } from '../../datasets/boxes.js'
import type { Sample } from '../../datasets/dataset.js'
import { invalid } from '../../foundation/validate.js'
import { requireHeatMap } from '../../rendering/picture.js'
import type { RunContext } from './protocol.js'

/** `largestShare`, of the protocols that compare maps with boxes. */
export function largestShareOption(standard: number) {
  return option(
    'largestShare',
    'number',
    'the share of an image that its boxes may cover at most',
    standard,
    {
      minimum: 0,
      maximum: 1,
    },
  )
}

/** @throws InvalidArgumentError where the map is none, or the mask isn't of its size */
export function requireMaskOf(map: HeatMap, mask: ObjectMask): void {
  requireHeatMap(map)
  if (mask.width !== map.width || mask.height !== map.height)
    throw invalid('mask', `a mask of ${map.width}×${map.height}, as the map`, `${mask.width}×${mask.height}`)
  if (!types.isUint8Array(mask.data) || mask.data.length !== mask.width * mask.height)
    throw invalid('mask.data', `a Uint8Array of ${mask.width * mask.height} values`, mask.data)
}

/** Finds the mask of an image, and leaves out images without one or whose objects are too large. */
export function objectMasks({ model: { preprocessing } }: RunContext, largest: number) {
  return async ({ boxes }: Sample, image: { width: number; height: number; orientation: number }) => {
    if (boxes === undefined) return { skip: 'no boxes' }
    const found = await boxesOf(boxes, image)
    if (found.length === 0) return { skip: 'its annotation names no object' }
    const mask = await seenMask(found, image, preprocessing)
    if (mask.share > largest) return { skip: `the boxes cover more than ${largest * 100} % of it` }
    if (!mask.data.includes(1)) return { skip: 'the boxes lie outside of what the network sees' }
    return { extra: mask }
  }
}
