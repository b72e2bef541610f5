/** Base of every error this package throws. `code` is stable across versions; `message` says what was given,
 * what was expected and what to do. Only its subclasses are thrown. */
export class AttributionError extends Error {
  /** That of all errors of the class. */
  static readonly code: string
  /** The same in all versions; see the list in docs/api.md. */
  readonly code: string

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = new.target.code
  }
}

/** An argument or option of a call is of the wrong type, shape or range. */
export class InvalidArgumentError extends AttributionError {
  static override readonly code = 'INVALID_ARGUMENT'
}

/** A model name, layer or architecture that can't be used. */
export class ModelError extends AttributionError {
  static override readonly code = 'MODEL'
}

/** A weight file that is broken, hostile, or doesn't fit the model. */
export class WeightsError extends AttributionError {
  static override readonly code = 'WEIGHTS'
}

/** An image that can't be read or decoded. `source` names the file, where there is one. */
export class ImageError extends AttributionError {
  static override readonly code = 'IMAGE'
  /** The path of the file; undefined for an image from memory. */
  readonly source: string | undefined

  constructor(message: string, options?: ErrorOptions & { source?: string }) {
    super(message, options)
    this.source = options?.source
  }
}

/** Statistics that are broken or don't fit the model, layer or preset. */
export class StatisticsError extends AttributionError {
  static override readonly code = 'STATISTICS'
}

/** Patterns that are broken or don't fit the model. */
export class PatternsError extends AttributionError {
  static override readonly code = 'PATTERNS'
}

/** The asked device can't run, with the reason. */
export class DeviceError extends AttributionError {
  static override readonly code = 'DEVICE'
}

/** LibTorch or the native add-on is missing, broken or of the wrong version. */
export class NativeError extends AttributionError {
  static override readonly code = 'NATIVE'
}

/** A package that only this use needs isn't installed. */
export class DependencyError extends AttributionError {
  static override readonly code = 'DEPENDENCY'
}

/** Processes that train together did not find each other, or one of them is missing. */
export class ProcessGroupError extends AttributionError {
  static override readonly code = 'PROCESS_GROUP'
}

/** What was computed is NaN or infinite: a map, the outputs of a network, the loss of a training. */
export class NotFiniteError extends AttributionError {
  static override readonly code = 'NOT_FINITE'
}

/** A model, statistics or attributer was used after `dispose()`. */
export class DisposedError extends AttributionError {
  static override readonly code = 'DISPOSED'
}

/** A download failed, or what arrived is not what was published. */
export class DownloadError extends AttributionError {
  static override readonly code = 'DOWNLOAD'
}

/** Data that are not laid out as expected, or files of a data set that are broken. */
export class DatasetError extends AttributionError {
  static override readonly code = 'DATASET'
}

/** A file that can't be read or written, with the reason. */
export class FileError extends AttributionError {
  static override readonly code = 'FILE'
}

/** Files of evaluation runs that are broken, or don't belong together. */
export class RunError extends AttributionError {
  static override readonly code = 'RUN'
}

/** Training stopped because another of its processes was told to. */
export class StoppedError extends AttributionError {
  static override readonly code = 'STOPPED'
}

/** Every class of error. Codes of native errors, the public list of codes and that of docs/api.md follow from it. */
export const errorClasses = [
  InvalidArgumentError,
  ModelError,
  WeightsError,
  ImageError,
  StatisticsError,
  PatternsError,
  DeviceError,
  NativeError,
  DependencyError,
  ProcessGroupError,
  NotFiniteError,
  DisposedError,
  DownloadError,
  DatasetError,
  FileError,
  RunError,
  StoppedError,
] as const

/** A code of an error of this package. */
export type ErrorCode = (typeof errorClasses)[number]['code']

/** The codes of all errors of this package. */
export const errorCodes: readonly ErrorCode[] = errorClasses.map(({ code }) => code)
