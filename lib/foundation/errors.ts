/** Base of every error this package throws. `code` is stable across versions; `message` says what was given,
 * what was expected and what to do. */
export class AttributionError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** An argument or option of a call is of the wrong type, shape or range. */
export class InvalidArgumentError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('INVALID_ARGUMENT', message, options)
  }
}

/** A model name, layer or architecture that can't be used. */
export class ModelError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('MODEL', message, options)
  }
}

/** A weight file that is broken, hostile, or doesn't fit the model. */
export class WeightsError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('WEIGHTS', message, options)
  }
}

/** An image that can't be read or decoded. `source` names the file, where there is one. */
export class ImageError extends AttributionError {
  readonly source: string | undefined

  constructor(message: string, options?: ErrorOptions & { source?: string }) {
    super('IMAGE', message, options)
    this.source = options?.source
  }
}

/** Statistics that are broken or don't fit the model, layer or preset. */
export class StatisticsError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('STATISTICS', message, options)
  }
}

/** Patterns that are broken or don't fit the model. */
export class PatternsError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('PATTERNS', message, options)
  }
}

/** The asked device can't run, with the reason. */
export class DeviceError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('DEVICE', message, options)
  }
}

/** LibTorch or the native add-on is missing, broken or of the wrong version. */
export class NativeError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('NATIVE', message, options)
  }
}

/** A download failed, or what arrived is not what was published. */
export class DownloadError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('DOWNLOAD', message, options)
  }
}

/** Processes that train together didn't meet, or one of them is missing. */
export class ProcessGroupError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('PROCESS_GROUP', message, options)
  }
}

/** A model, statistics or attributer was used after `dispose()`. */
export class DisposedError extends AttributionError {
  constructor(message: string, options?: ErrorOptions) {
    super('DISPOSED', message, options)
  }
}
