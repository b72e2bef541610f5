import { option } from '../../attribution/described-options.js'
import { requireInteger } from '../../foundation/validate.js'
import type { Model } from '../../model/model.js'
import { addon } from '../../native/addon.js'
import type { ImageInsertionDeletion } from '../../native/evaluation-calls.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean, meanCurve } from '../numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  runNative,
  type Subject,
  type SubjectSettings,
} from '../subject.js'
import { eachImage, inputSize, nothing, rounded, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'

const defaultStep = 224

/** Options of {@link insertionDeletion}. */
export interface InsertionDeletionOptions extends EvaluationOptions {
  /** Pixels that are changed from one point to the next. Default 224, one row of the paper's images. */
  step?: number
}

export type { ImageInsertionDeletion }

/** The curves of all images. */
export interface InsertionDeletionResult {
  /** Those of each image. */
  images: ImageInsertionDeletion[]
  /** Mean area under the insertion curves: higher is better. */
  insertion: number
  /** Mean area under the deletion curves: lower is better. */
  deletion: number
}

/** Insertion and deletion (Petsiuk, Das, Saenko 2018, “RISE”, section 4.1): the pixels of an image are set to 0 after
 * normalisation, or put into a blurred image (Gaussian of 11×11, σ = 5).
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function insertionDeletion(
  model: Model,
  options: InsertionDeletionOptions,
): Promise<InsertionDeletionResult> {
  requireEvaluationOptions(options, ['step'])
  const step = requireInteger('step', options.step ?? defaultStep, 1)
  const images = await evaluateEach(model, options, (subject, settings) =>
    insertAndDeleteImage(model, subject, step, settings),
  )
  return {
    images,
    insertion: mean(images.map(({ insertionArea }) => insertionArea)),
    deletion: mean(images.map(({ deletionArea }) => deletionArea)),
  }
}

export async function insertAndDeleteImage(
  model: Model,
  subject: Subject,
  step: number,
  settings: SubjectSettings,
): Promise<ImageInsertionDeletion> {
  return await runNative(model, subject, call => addon().insertionDeletion({ ...call, step }), settings)
}

export const insertionDeletionProtocol = declareProtocol<{ step: number }>(
  {
    kind: 'insertion-deletion',
    title: 'Insertion and deletion',
    summary: 'insert and delete pixels, most relevant first',
    source: 'Petsiuk et al. 2018',
    direction: 'higher',
    scoreName: 'insertion',
    samples: 1000,
    options: [
      option('step', 'whole', 'pixels changed from one point to the next', defaultStep, {
        flag: 'pixels',
        minimum: 1,
      }),
    ],
    chart: { x: 'changed share, %', y: 'probability of the class', scale: 'percent' },
  },
  ({ step }) => ({
    work(model) {
      const { width, height } = inputSize(model)
      return { maps: 1, passes: 2 * (Math.ceil((width * height) / step) + 1) }
    },
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
      const insertion = bootstrapMean(images.map(image => image.insertionArea))
      const deletion = bootstrapMean(images.map(image => image.deletionArea))
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
  }),
)
