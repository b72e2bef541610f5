import { bootstrap } from '../bootstrap.js'
import { mean } from '../numbers.js'
import {
  logarithmicNs,
  type MaskedDrops,
  maskImage,
  masksFor,
  relateDrops,
  summariseSensitivity,
  type TileMasks,
  tilesOf,
} from '../sensitivity-n.js'
import { eachImage, nothing, type Protocol, rounded, valuesOf } from './protocol.js'

export interface SensitivitySettings {
  tile?: number | undefined
  /** How many numbers of tiles are tried. */
  steps?: number | undefined
  masks?: number | undefined
  /** Draws the masks. */
  maskSeed?: number | undefined
  /** One correlation over all images instead of their mean. */
  pooled?: boolean | undefined
}

interface Values {
  ns: number[]
  drops: MaskedDrops[]
}

/** Sensitivity-n of Ancona et al. 2018, as in the paper's section 4.4. */
export function sensitivityProtocol(given: SensitivitySettings): Protocol {
  const { tile = 8, steps = 16, masks = 100, maskSeed = 0, pooled = false } = given
  return {
    name: `sensitivity-${tile}`,
    title: `Sensitivity-n, tiles of ${tile}×${tile} pixels`,
    settings: { tile, steps, masks, maskSeed, pooled },
    needsBoxes: false,
    stages: () => [],
    work: () => ({ maps: 1, passes: steps * masks }),
    async *run(context) {
      let drawn: readonly TileMasks[] | undefined
      yield* eachImage(context, {
        prepare: nothing,
        async evaluate({ id, subject }, settings) {
          const tiles = tilesOf(subject.input, tile)
          drawn ??= masksFor(tiles, { ns: logarithmicNs(tiles, steps), masks, seed: maskSeed })
          const known = knownDrops(context.known.get(id), subject.target, drawn)
          const found = known
            ? relateDrops(known, subject.map, tile, drawn)
            : await maskImage(context.model, subject, tile, drawn, settings)
          return { ns: drawn.map(({ n }) => n), drops: found.map(compact) }
        },
      })
    },
    summarise(records) {
      const images = valuesOf<Values>(records)
      const ns = images[0]?.ns ?? []
      const drops = images.map(image => image.drops)
      const over = summariseSensitivity(ns, drops)
      const perImage = bootstrap(
        drops.map(image => mean(image.map(({ correlation }) => correlation))),
        mean,
      )
      const both = [
        { name: 'mean of the images', x: ns, y: rounded(over.correlations) },
        { name: 'over all images', x: ns, y: rounded(over.pooled) },
      ]
      const pooledScore = { value: mean(over.pooled), low: null, high: null, level: perImage.level }
      return {
        score: pooled ? pooledScore : perImage,
        scores: { images: perImage, pooled: pooledScore },
        curves: pooled ? both.reverse() : both,
      }
    },
  }
}

/** What the masks did to the logit of an image is the same for all methods that explain the same class. */
function knownDrops(
  found: unknown,
  target: number,
  masks: readonly TileMasks[],
): readonly MaskedDrops[] | undefined {
  const { ns, drops } = (found ?? { ns: [], drops: [] }) as Values
  const isSame = ns.length === masks.length && masks.every(({ n }, i) => n === ns[i])
  return isSame && drops.every(drop => drop.target === target) ? drops : undefined
}

function compact({ target, drop, relevance, correlation }: MaskedDrops): MaskedDrops {
  return { target, drop: rounded(drop), relevance: rounded(relevance), correlation }
}
