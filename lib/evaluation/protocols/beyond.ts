import type { Model } from '../../model/model.js'
import { bootstrap } from '../bootstrap.js'
import { type ImageInfidelity, imageInfidelity } from '../infidelity.js'
import { type ImageInsertionDeletion, insertAndDeleteImage } from '../insertion-deletion.js'
import { maxSensitivity } from '../max-sensitivity.js'
import { mean, meanCurve } from '../numbers.js'
import { eachImage, inputSize, nothing, type Protocol, rounded, valuesOf } from './protocol.js'

/** Insertion and deletion of Petsiuk et al. 2018. */
export function insertionDeletionProtocol({ step = 224 }: { step?: number | undefined }): Protocol {
  return {
    name: 'insertion-deletion',
    title: 'Insertion and deletion',
    settings: { step },
    needsBoxes: false,
    stages: () => [],
    work: model => ({ maps: 1, passes: 2 * (Math.ceil(pixelsOf(model) / step) + 1) }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        async evaluate({ subject }, settings) {
          const found = await insertAndDeleteImage(context.model, subject, step, settings)
          const { shares, insertion, deletion } = found
          return {
            ...found,
            shares: rounded(shares),
            insertion: rounded(insertion),
            deletion: rounded(deletion),
          }
        },
      }),
    summarise(records) {
      const images = valuesOf<ImageInsertionDeletion>(records)
      const insertion = bootstrap(
        images.map(image => image.insertionArea),
        mean,
      )
      const deletion = bootstrap(
        images.map(image => image.deletionArea),
        mean,
      )
      const x = rounded(images[0]?.shares ?? [])
      return {
        score: insertion,
        scores: { insertion, deletion },
        curves: [
          { name: 'insertion', x, y: rounded(meanCurve(images.map(image => image.insertion))) },
          { name: 'deletion', x, y: rounded(meanCurve(images.map(image => image.deletion))) },
        ],
      }
    },
  }
}

/** Infidelity of Yeh et al. 2019. */
export function infidelityProtocol(given: {
  deviation?: number | undefined
  noiseSamples?: number | undefined
}): Protocol {
  const { deviation = 0.2, noiseSamples = 100 } = given
  return {
    name: 'infidelity',
    title: 'Infidelity',
    settings: { deviation, noiseSamples },
    needsBoxes: false,
    stages: () => [],
    work: () => ({ maps: 1, passes: noiseSamples }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        evaluate: ({ subject }, settings) =>
          imageInfidelity(context.model, subject, { deviation, samples: noiseSamples }, settings),
      }),
    summarise(records) {
      const images = valuesOf<ImageInfidelity>(records)
      const scaled = bootstrap(
        images.map(image => image.scaled),
        mean,
      )
      const value = bootstrap(
        images.map(image => image.value),
        mean,
      )
      return { score: scaled, scores: { scaled, value }, curves: [] }
    },
  }
}

/** Maximum sensitivity of Yeh et al. 2019. */
export function maxSensitivityProtocol(given: {
  radius?: number | undefined
  neighbours?: number | undefined
}): Protocol {
  const { radius = 0.02, neighbours = 10 } = given
  return {
    name: 'max-sensitivity',
    title: 'Maximum sensitivity',
    settings: { radius, neighbours },
    needsBoxes: false,
    stages: () => [],
    work: () => ({ maps: 2 + neighbours, passes: 0 }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        evaluate: async ({ subject: { input, target }, attributer }, { signal }) => ({
          value: await maxSensitivity(attributer, input, {
            radius,
            samples: neighbours,
            target,
            ...(signal && { signal }),
          }),
        }),
      }),
    summarise(records) {
      const values = valuesOf<{ value: number }>(records).map(({ value }) => value)
      const score = bootstrap(values, mean)
      return { score, scores: { largest: score }, curves: [] }
    },
  }
}

function pixelsOf(model: Model): number {
  const { width, height } = inputSize(model)
  return width * height
}
