import { readBoxes, type SeenMask, seenMask } from '../../datasets/boxes.js'
import type { Sample } from '../../datasets/dataset.js'
import type { Model } from '../../model/model.js'
import { bootstrap } from '../bootstrap.js'
import { type BoundingBoxScore, boundingBoxScore, pointingGame } from '../localisation.js'
import { mean } from '../numbers.js'
import { eachImage, type Protocol, type RunContext, valuesOf } from './protocol.js'

/** Larger objects leave a map too little room to miss them. */
const largestShare = 0.33

/** The paper's bounding boxes, section 4.3. */
export function boundingBoxProtocol({
  unnormalised = false,
}: {
  unnormalised?: boolean | undefined
}): Protocol {
  return {
    name: 'bounding-boxes',
    title: 'Bounding boxes',
    // Said by the caller, who prepares the images: two runs that differ in it are not the same.
    settings: { largestShare, unnormalised },
    needsBoxes: true,
    stages: () => [],
    work: () => ({ maps: 1, passes: 0 }),
    run: context =>
      eachImage(context, {
        prepare: masks(context, largestShare),
        evaluate: async ({ attribution, extra }) => boundingBoxScore(attribution.map, extra),
      }),
    summarise(records) {
      const found = valuesOf<BoundingBoxScore>(records)
      const score = bootstrap(
        found.map(image => image.score),
        mean,
      )
      const mass = bootstrap(
        found.map(image => image.mass),
        mean,
      )
      return { score, scores: { highest: score, mass }, curves: [] }
    },
  }
}

/** The pointing game of Zhang et al. 2016. */
export function pointingProtocol({ tolerance = 15 }: { tolerance?: number | undefined }): Protocol {
  return {
    name: 'pointing-game',
    title: 'Pointing game',
    settings: { tolerance },
    needsBoxes: true,
    stages: () => [],
    work: () => ({ maps: 1, passes: 0 }),
    run: context =>
      eachImage(context, {
        prepare: masks(context, 1),
        evaluate: async ({ attribution, extra }) => ({
          hit: pointingGame(attribution.map, extra, { tolerance }),
        }),
      }),
    summarise(records) {
      const hits = valuesOf<{ hit: boolean }>(records).map(({ hit }) => Number(hit))
      const score = bootstrap(hits, mean)
      return { score, scores: { hits: score }, curves: [] }
    },
  }
}

/** Finds the mask of an image, and leaves out images without one or whose objects are too large. */
function masks({ model }: RunContext, largest: number) {
  return async (sample: Sample, size: { width: number; height: number }) => {
    const mask = await maskOf(sample, size, model)
    if (!mask) return { skip: 'no boxes' }
    if (mask.share > largest) return { skip: `the boxes cover more than ${largest * 100} % of it` }
    if (!mask.data.includes(1)) return { skip: 'the boxes lie outside of what the network sees' }
    return { extra: mask }
  }
}

async function maskOf(
  { boxes }: Sample,
  size: { width: number; height: number },
  model: Model,
): Promise<SeenMask | undefined> {
  if (boxes === undefined) return undefined
  return await seenMask(typeof boxes === 'string' ? await readBoxes(boxes) : boxes, size, model.preprocessing)
}
