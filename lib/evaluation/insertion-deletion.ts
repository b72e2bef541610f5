import { requireInteger } from '../foundation/validate.js'
import type { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import { mean } from './numbers.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  runNative,
  type Subject,
  type SubjectSettings,
} from './subject.js'

export interface InsertionDeletionOptions extends EvaluationOptions {
  /** Pixels that are changed from one point to the next. Default 224, one row of the paper's images. */
  step?: number
}

/** The target's softmax probability as pixels come and go, the most relevant first. */
export interface ImageInsertionDeletion {
  target: number
  /** The changed share of the pixels at each point, 0 to 1. */
  shares: ArrayLike<number>
  insertion: ArrayLike<number>
  deletion: ArrayLike<number>
  insertionArea: number
  deletionArea: number
}

export interface InsertionDeletionResult {
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
  const step = requireInteger('step', options.step ?? 224, 1)
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
  return await runNative(model, addon().insertionDeletion, subject, { step }, settings)
}
