import { bootstrap } from '../bootstrap.js'
import { mean } from '../numbers.js'
import {
  logarithmicNs,
  type MaskedDrops,
  maskImage,
  masksFor,
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

/** Sensitivity-n of Ancona et al. 2018, as in the paper's section 4.4. */
export function sensitivityProtocol(given: SensitivitySettings): Protocol {
  const { tile = 8, steps = 16, masks = 100, maskSeed = 0, pooled = false } = given
  return {
    name: `sensitivity-${tile}`,
    title: `Sensitivity-n, tiles of ${tile}×${tile} pixels`,
    settings: { tile, steps, masks, maskSeed, pooled },
    needsBoxes: false,
    stages: () => [],
    async *run(context) {
      let drawn: readonly TileMasks[] | undefined
      yield* eachImage(context, {
        prepare: nothing,
        async evaluate({ subject }, settings) {
          const tiles = tilesOf(subject.input, tile)
          drawn ??= masksFor(tiles, { ns: logarithmicNs(tiles, steps), masks, seed: maskSeed })
          const found = await maskImage(context.model, subject, tile, drawn, settings)
          return { ns: drawn.map(({ n }) => n), drops: found.map(compact) }
        },
      })
    },
    summarise(records) {
      const images = valuesOf<{ ns: number[]; drops: MaskedDrops[] }>(records)
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

function compact({ target, drop, relevance, correlation }: MaskedDrops): MaskedDrops {
  return { target, drop: rounded(drop), relevance: rounded(relevance), correlation }
}
