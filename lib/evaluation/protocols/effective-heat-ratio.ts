import type { HeatMap } from '../../attribution/attribution.js'
import { option } from '../../attribution/described-options.js'
import type { ObjectMask } from '../../datasets/boxes.js'
import { requireKnownKeys, requireOneOf } from '../../foundation/validate.js'
import { bootstrapMean } from '../bootstrap.js'
import { areaUnder, meanCurve, sortedQuantile } from '../numbers.js'
import { eachImage, rounded, valuesOf } from './each-image.js'
import { largestShareOption, objectMasks, requireMaskOf } from './object-masks.js'
import { declareProtocol } from './protocol.js'

/** What is summed over the highest pixels that lie on the object: their heat, or one for each. */
export type HeatCounting = 'heat' | 'pixels'

const countings: readonly HeatCounting[] = ['heat', 'pixels']
const quantiles = Array.from({ length: 11 }, (_, i) => i / 10)
/** Less heat than this, of 1, is taken for none. */
const least = 0.1

/** Options of {@link effectiveHeatRatio}. */
export interface EffectiveHeatRatioOptions {
  /** What is summed. Default 'heat'. */
  counting?: HeatCounting
}

/** How much of the hottest pixels' heat lies on an object: high is good. */
export interface EffectiveHeatRatio {
  /** The area under `ratios`, from 0 to 1. */
  score: number
  /** For each quantile 0, 0.1, …, 1 of the heat, what lies on the object, divided by the number of pixels that are at least as hot. */
  ratios: number[]
}

/** The effective heat ratio (Zhang et al. 2021, “Fine-Grained Neural Network Explanation by Identifying Input Features
 * with Predictive Information”, as their code computes it): the map is scaled to [0, 1] in steps of 1/255, and heat below
 * 0.1 counts as none. For each quantile of the rest, but at most 0.99 of the greatest heat, the heat (or the number) of the
 * pixels that are at least as hot and lie on the object is divided by the number of all that are. A map that is empty
 * scores 0.
 * @param mask 1 on the object
 * @throws InvalidArgumentError where the mask is of another size */
export function effectiveHeatRatio(
  map: HeatMap,
  mask: ObjectMask,
  options: EffectiveHeatRatioOptions = {},
): EffectiveHeatRatio {
  requireMaskOf(map, mask)
  requireKnownKeys('options', options, ['counting'])
  const counting = requireOneOf('counting', options.counting ?? 'heat', countings)
  const heat = heatOf(map)
  const hot = heat.filter(value => value > 0).sort()
  const greatest = hot.at(-1) ?? 0
  const ratios = quantiles.map(quantile => {
    if (hot.length === 0) return 0
    const threshold = Math.min(sortedQuantile(hot, quantile), 0.99 * greatest)
    let [inside, all] = [0, 0]
    for (let i = 0; i < heat.length; i++) {
      const value = heat[i]!
      if (value < threshold) continue
      all++
      if (mask.data[i] !== 0) inside += counting === 'heat' ? value : 1
    }
    return inside / all
  })
  return { score: areaUnder(quantiles, ratios), ratios }
}

/** A map as the image of 8 bits that their code stores, 0 where there is little heat. */
function heatOf({ data }: HeatMap): Float64Array {
  let [low, high] = [0, -Infinity]
  for (const value of data) [low, high] = [Math.min(low, value), Math.max(high, value)]
  const range = high > low ? high - low : 1
  return new Float64Array(data).map(value => {
    const heat = Math.floor(((value - low) / range) * 255) / 255
    return heat >= least ? heat : 0
  })
}

export const effectiveHeatRatioProtocol = declareProtocol<{ counting: HeatCounting; largestShare: number }>(
  {
    kind: 'effective-heat-ratio',
    title: 'Effective heat ratio',
    summary: "how much of the hottest pixels' heat lies on the object",
    source: 'Zhang et al. 2021',
    direction: 'higher',
    samples: 1000,
    options: [
      option('counting', 'choice', "what counts: the pixels' heat, or their number", 'heat', {
        choices: countings,
      }),
      largestShareOption(0.33),
    ],
    needsBoxes: true,
    tell: ({ counting }) => (counting === 'heat' ? 'weighted by heat' : 'pixels counted'),
    chart: { x: 'quantile of the heat', y: 'ratio on the object' },
  },
  ({ counting, largestShare }) => ({
    work: () => ({ maps: 1, passes: 0 }),
    run: context =>
      eachImage(context, {
        prepare: objectMasks(context, largestShare),
        async evaluate({ attribution, extra }) {
          const { score, ratios } = effectiveHeatRatio(attribution.map, extra, { counting })
          return { score, ratios: rounded(ratios) }
        },
      }),
    summarise(records) {
      const found = valuesOf<EffectiveHeatRatio>(records)
      const score = bootstrapMean(found.map(image => image.score))
      const y = rounded(meanCurve(found.map(({ ratios }) => ratios)))
      return { score, scores: { ratio: score }, curves: [{ name: 'ratio', x: quantiles, y }] }
    },
  }),
)
