import { bootstrap } from '../bootstrap.js'
import {
  degradationPoints,
  degradationScore,
  degradationTerms,
  degradeImage,
  type ImageDegradation,
  summariseDegradation,
} from '../degradation.js'
import { tilesOf } from '../sensitivity-n.js'
import { eachImage, inputSize, nothing, type Protocol, rounded, valuesOf } from './protocol.js'

/** The paper's degradation, section 4.2. */
export function degradationProtocol({ tile = 8 }: { tile?: number | undefined }): Protocol {
  return {
    name: `degradation-${tile}`,
    title: `Degradation, tiles of ${tile}×${tile} pixels`,
    settings: { tile },
    needsBoxes: false,
    stages: () => [],
    work: model => ({ maps: 1, passes: 2 * degradationPoints(tilesOf(inputSize(model), tile)) }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        evaluate: async ({ subject }, settings) =>
          compact(await degradeImage(context.model, subject, tile, settings)),
      }),
    summarise(records) {
      const images = valuesOf<ImageDegradation>(records)
      const scoreOf = (of: 'ofTop1' | 'ofTarget') =>
        bootstrap(
          images.map(image => degradationTerms(image, of)),
          degradationScore,
        )
      const { shares, curves } = summariseDegradation(images)
      const score = scoreOf('ofTop1')
      return {
        score,
        scores: { top1: score, label: scoreOf('ofTarget') },
        curves: [
          { name: 'most relevant first', x: rounded(shares), y: rounded(curves.mostRelevantFirst) },
          { name: 'least relevant first', x: rounded(shares), y: rounded(curves.leastRelevantFirst) },
        ],
      }
    },
  }
}

function compact({ target, top1, shares, ofTarget, ofTop1 }: ImageDegradation): ImageDegradation {
  const curves = ({ mostRelevantFirst, leastRelevantFirst }: ImageDegradation['ofTarget']) => ({
    mostRelevantFirst: rounded(mostRelevantFirst),
    leastRelevantFirst: rounded(leastRelevantFirst),
  })
  return { target, top1, shares: rounded(shares), ofTarget: curves(ofTarget), ofTop1: curves(ofTop1) }
}
