import type { AttributionError } from '../foundation/errors.js'
import type { Model } from '../model/model.js'

/** Refuses what was made with another model.
 * @param made the start of a sentence that goes on with that model
 * @param origin the hash is empty where a file doesn't say it */
export function requireSameModel(
  made: string,
  origin: { model: string; weightHash: string },
  model: Model,
  ErrorClass: new (message: string) => AttributionError,
): void {
  const isOther = origin.weightHash !== '' && origin.weightHash !== model.weightHash
  if (origin.model === model.architecture && !isOther) return
  throw new ErrorClass(
    `${made} ${origin.model} (weights ${origin.weightHash || 'not known'}), not with this ` +
      `${model.architecture} (weights ${model.weightHash}). Make it again with this model, or load that model.`,
  )
}
