import { AttributionError } from '../foundation/errors.js'

/** Data that are not laid out as expected, or files of a data set that are broken. */
export class DatasetError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('DATASET', message, options)
  }
}
