import { AttributionError } from '../../foundation/errors.js'

/** Files of runs that are broken, or don't belong together. */
export class RunError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('RUN', message, options)
  }
}
