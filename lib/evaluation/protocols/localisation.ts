import { types } from 'node:util'
import type { HeatMap } from '../../attribution/attribution.js'
import { option } from '../../attribution/described-options.js'
import { boxesOf, type ObjectMask, seenMask } from '../../datasets/boxes.js'
import type { Sample } from '../../datasets/dataset.js'
import { invalid, requireNumber } from '../../foundation/validate.js'
import { addon } from '../../native/addon.js'
import { callNativeSync } from '../../native/call.js'
import { type BoundingBoxScore, matrix } from '../../native/maps-calls.js'
import { requireHeatMap } from '../../rendering/picture.js'
import { bootstrapMean } from '../bootstrap.js'
import { eachImage, valuesOf } from './each-image.js'
import { declareProtocol, type RunContext } from './protocol.js'

const defaultTolerance = 15

export type { BoundingBoxScore }

/** How well a map finds an object (Schulz et al. 2020, section 4.3). Of equal values the first counts as higher.
 * @throws InvalidArgumentError where the mask is empty or of another size */
export function boundingBoxScore(map: HeatMap, mask: ObjectMask): BoundingBoxScore {
  requireMaskOf(map, mask)
  return callNativeSync(() => addon().localise({ map: matrix(map), mask: matrix(mask) }))
}

/** The pointing game (Zhang et al. 2016, “Top-down neural attention by excitation backprop”, section 4.1): whether the
 * highest pixel of the map lies on the object, or no further than `tolerance` pixels from it.
 * @param options.tolerance default 15 */
export function pointingGame(map: HeatMap, mask: ObjectMask, options: { tolerance?: number } = {}): boolean {
  requireMaskOf(map, mask)
  const tolerance = requireNumber('tolerance', options.tolerance ?? defaultTolerance, 0)
  return callNativeSync(() => addon().pointsAt({ map: matrix(map), mask: matrix(mask), tolerance }))
}

function requireMaskOf(map: HeatMap, mask: ObjectMask): void {
  requireHeatMap(map)
  if (mask.width !== map.width || mask.height !== map.height)
    throw invalid('mask', `a mask of ${map.width}×${map.height}, as the map`, `${mask.width}×${mask.height}`)
  if (!types.isUint8Array(mask.data) || mask.data.length !== mask.width * mask.height)
    throw invalid('mask.data', `a Uint8Array of ${mask.width * mask.height} values`, mask.data)
}

/** The paper's bounding boxes. */
export const boundingBoxProtocol = declareProtocol<{ largestShare: number }>(
  {
    kind: 'bounding-boxes',
    title: 'Bounding boxes',
    summary: 'how much of the map lies on the object',
    source: 'Schulz et al. 2020, section 4.3',
    direction: 'higher',
    samples: 50_000,
    options: [
      // Larger objects leave a map too little room to miss them.
      option('largestShare', 'number', 'the share of an image that its boxes may cover at most', 0.33, {
        minimum: 0,
        maximum: 1,
      }),
      // Followed by the caller, who prepares the images: two runs that differ in it are not the same.
      option(
        'unnormalised',
        'flag',
        "feed the images without mean and standard deviation, as the paper's code did",
        false,
      ),
    ],
    needsBoxes: true,
  },
  ({ largestShare }) => ({
    work: () => ({ maps: 1, passes: 0 }),
    run: context =>
      eachImage(context, {
        prepare: masks(context, largestShare),
        evaluate: async ({ attribution, extra }) => boundingBoxScore(attribution.map, extra),
      }),
    summarise(records) {
      const found = valuesOf<BoundingBoxScore>(records)
      const score = bootstrapMean(found.map(image => image.score))
      const mass = bootstrapMean(found.map(image => image.mass))
      return { score, scores: { highest: score, mass }, curves: [] }
    },
  }),
)

export const pointingProtocol = declareProtocol<{ tolerance: number }>(
  {
    kind: 'pointing-game',
    title: 'Pointing game',
    summary: "whether the map's highest pixel lies on the object",
    source: 'Zhang et al. 2016',
    direction: 'higher',
    samples: 50_000,
    options: [
      option('tolerance', 'number', 'how far from the object still counts, in pixels', defaultTolerance, {
        minimum: 0,
      }),
    ],
    needsBoxes: true,
  },
  ({ tolerance }) => ({
    work: () => ({ maps: 1, passes: 0 }),
    run: context =>
      eachImage(context, {
        prepare: masks(context, 1),
        evaluate: async ({ attribution, extra }) => ({
          hit: pointingGame(attribution.map, extra, { tolerance }),
        }),
      }),
    summarise(records) {
      const score = bootstrapMean(valuesOf<{ hit: boolean }>(records).map(({ hit }) => Number(hit)))
      return { score, scores: { hits: score }, curves: [] }
    },
  }),
)

/** Finds the mask of an image, and leaves out images without one or whose objects are too large. */
function masks({ model: { preprocessing } }: RunContext, largest: number) {
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
