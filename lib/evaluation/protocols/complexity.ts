import type { HeatMap } from '../../attribution/attribution.js'
import { requireHeatMap } from '../../rendering/picture.js'
import { bootstrapMean } from '../bootstrap.js'
import { eachImage, nothing, valuesOf } from './each-image.js'
import { declareProtocol, type ProtocolDescription } from './protocol.js'

/** The complexity of a map (Bhatt et al. 2020, “Evaluating and aggregating feature-based model explanations”, definition 3):
 * the entropy, in nats, of the pixels' shares in the sum of absolute values. An empty map counts as even.
 * @returns 0 for a map of one pixel, up to ln n for an even one of n pixels: low is good */
export function complexity(map: HeatMap): number {
  return entropy(shares(map))
}

/** The sparseness of a map (Chalasani et al. 2020, “Concise explanations of neural networks using adversarial training”,
 * section 3): the Gini index of its absolute values. An empty map counts as even.
 * @returns 0 for an even map, up to 1 − 1/n for one of a single pixel of n: high is good */
export function sparseness(map: HeatMap): number {
  const n = map.data.length
  return shares(map)
    .sort()
    .reduce((sum, share, i) => sum + ((2 * (i + 1) - n - 1) / n) * share, 0)
}

/** The entropy, in nats, of the histogram of a map's values: so many bins of one width from the least to the greatest value. */
export function histogramEntropy({ data }: HeatMap, bins: number): number {
  let [low, high] = [Infinity, -Infinity]
  for (const value of data) [low, high] = [Math.min(low, value), Math.max(high, value)]
  if (low === high) return 0
  const counts = new Float64Array(bins)
  for (const value of data) counts[Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins))]!++
  return entropy(counts.map(count => count / data.length))
}

function entropy(shares: Float64Array): number {
  return shares.reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0)
}

/** What each pixel has of the sum of absolute values. */
function shares(map: HeatMap): Float64Array {
  requireHeatMap(map)
  const sizes = new Float64Array(map.data)
  let sum = 0
  for (let i = 0; i < sizes.length; i++) {
    sizes[i] = Math.abs(sizes[i]!)
    sum += sizes[i]!
  }
  return sizes.map(size => (sum > 0 ? size / sum : 1 / sizes.length))
}

interface Values {
  complexity: number
  sparseness: number
}

/** Both are found together; which one the table shows, the protocol says. */
function declare(description: Omit<ProtocolDescription, 'samples' | 'options'>, shown: keyof Values) {
  return declareProtocol({ ...description, samples: 1000, options: [] }, () => ({
    work: () => ({ maps: 1, passes: 0 }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        evaluate: async ({ attribution: { map } }): Promise<Values> => ({
          complexity: complexity(map),
          sparseness: sparseness(map),
        }),
      }),
    summarise(records) {
      const found = valuesOf<Values>(records)
      const scores = {
        complexity: bootstrapMean(found.map(image => image.complexity)),
        sparseness: bootstrapMean(found.map(image => image.sparseness)),
      }
      return { score: scores[shown], scores, curves: [] }
    },
  }))
}

export const complexityProtocol = declare(
  {
    kind: 'complexity',
    title: 'Complexity',
    summary: 'the entropy of the map: over how many pixels it spreads',
    source: 'Bhatt et al. 2020',
    direction: 'lower',
  },
  'complexity',
)

export const sparsenessProtocol = declare(
  {
    kind: 'sparseness',
    title: 'Sparseness',
    summary: 'the Gini index of the map: how few pixels hold most of it',
    source: 'Chalasani et al. 2020',
    direction: 'higher',
  },
  'sparseness',
)
