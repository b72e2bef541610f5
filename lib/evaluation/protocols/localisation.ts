import type { HeatMap } from '../../attribution/attribution.js'
import { option } from '../../attribution/described-options.js'
import type { ObjectMask } from '../../datasets/boxes.js'
import { requireNumber } from '../../foundation/validate.js'
import { addon } from '../../native/addon.js'
import { callNativeSync } from '../../native/call.js'
import { type BoundingBoxScore, matrix } from '../../native/maps-calls.js'
import { bootstrapMean } from '../bootstrap.js'
import { eachImage, valuesOf } from './each-image.js'
import { largestShareOption, objectMasks, requireMaskOf } from './object-masks.js'
import { declareProtocol } from './protocol.js'

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
      largestShareOption(0.33),
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
        prepare: objectMasks(context, largestShare),
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
        prepare: objectMasks(context, 1),
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
