import type { HeatMap } from '../../attribution/attribution.js'
import type { ObjectMask } from '../../datasets/boxes.js'
import { bootstrapMean } from '../bootstrap.js'
import { eachImage, valuesOf } from './each-image.js'
import { boundingBoxScore } from './localisation.js'
import { largestShareOption, objectMasks } from './object-masks.js'
import { declareProtocol } from './protocol.js'

/** How much of a map lies on an object: high is good. */
export interface RelevanceAccuracy {
  /** The share of the map's sum that lies on the object; values below 0 count as 0. */
  mass: number
  /** The share of the map's n highest pixels that lie on the object of n pixels. */
  rank: number
}

/** Relevance mass and rank accuracy (Arras et al. 2022, “CLEVR-XAI”, section 3.3). Of equal values the first counts as higher.
 * @param mask 1 on the object
 * @throws InvalidArgumentError where the mask is empty or of another size */
export function relevanceAccuracy(map: HeatMap, mask: ObjectMask): RelevanceAccuracy {
  const { mass, score } = boundingBoxScore(map, mask)
  return { mass, rank: score }
}

export const relevanceAccuracyProtocol = declareProtocol<{ largestShare: number }>(
  {
    kind: 'relevance-accuracy',
    title: 'Relevance accuracy',
    summary: "how much of the map's mass, and of its highest pixels, lies on the object",
    source: 'Arras et al. 2022',
    direction: 'higher',
    scoreName: 'mass',
    samples: 1000,
    options: [largestShareOption(1)],
    needsBoxes: true,
  },
  ({ largestShare }) => ({
    work: () => ({ maps: 1, passes: 0 }),
    run: context =>
      eachImage(context, {
        prepare: objectMasks(context, largestShare),
        evaluate: async ({ attribution, extra }) => relevanceAccuracy(attribution.map, extra),
      }),
    summarise(records) {
      const found = valuesOf<RelevanceAccuracy>(records)
      const mass = bootstrapMean(found.map(image => image.mass))
      const rank = bootstrapMean(found.map(image => image.rank))
      return { score: mass, scores: { mass, rank }, curves: [] }
    },
  }),
)
