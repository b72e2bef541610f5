import { option } from '../../attribution/described-options.js'
import { bootstrapMean } from '../bootstrap.js'
import type { RunRecord } from '../runs/record.js'
import { histogramEntropy } from './complexity.js'
import { valuesOf } from './each-image.js'
import { declareProtocol, type RunContext } from './protocol.js'
import { cascade, compareWith, randomized, unfinishedMaps } from './sanity.js'

interface Settings {
  bins: number
  weightSeed: number
}

/** How complex an image's map is for the trained network, and for one that has learnt nothing. */
interface Values {
  trained: number
  random: number
  /** The rise from the first to the second, relative to the first. */
  rise: number
}

/** Efficient MPRT (Hedström et al. 2023, “Sanity checks revisited”): in place of comparing maps layer by layer, how much more
 * complex the map gets once all weights are random; that of a network that has learnt nothing should tell nothing. */
export const efficientMprtProtocol = declareProtocol<Settings>(
  {
    kind: 'efficient-mprt',
    title: 'Efficient MPRT',
    summary: 'how much more complex the map gets once all weights are random',
    source: 'Hedström et al. 2023',
    direction: 'higher',
    scoreName: 'rise',
    samples: 200,
    options: [
      option('bins', 'whole', "bins of the histogram of the map's values", 100, {
        minimum: 2,
        maximum: 1_000_000,
      }),
      option('weightSeed', 'whole', 'draws the weights', 0, { minimum: 0 }),
    ],
    changesWeights: true,
  },
  settings => ({
    work: () => ({ maps: 2, passes: 0 }),
    run: context => eachImageTwice(context, settings),
    summarise(records) {
      const found = valuesOf<Values>(records)
      const scores = {
        rise: bootstrapMean(found.map(image => image.rise)),
        trained: bootstrapMean(found.map(image => image.trained)),
        random: bootstrapMean(found.map(image => image.random)),
      }
      return { score: scores.rise, scores, curves: [] }
    },
  }),
)

async function* eachImageTwice(
  context: RunContext,
  { bins, weightSeed }: Settings,
): AsyncGenerator<RunRecord<Values>, void, undefined> {
  const { model } = context
  const originals = await unfinishedMaps(context, 'efficient MPRT')
  if (originals.length === 0) return
  const modules = cascade(model).at(-1)?.modules ?? []
  await using changed = await randomized(model, modules, weightSeed)
  yield* compareWith(changed, context, originals, {
    values(original, map) {
      const [trained, random] = [histogramEntropy(original, bins), histogramEntropy(map, bins)]
      // A map without contrast has no entropy, and nothing to be relative to.
      const rise = trained > 0 ? (random - trained) / trained : 0
      return { trained, random, rise }
    },
  })
}
