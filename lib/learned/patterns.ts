import { DisposedError, PatternsError } from '../foundation/errors.js'
import { requireKnownKeys, requireString } from '../foundation/validate.js'
import type { Model } from '../model/model.js'
import { addon, type PatternsHandle } from '../native/addon.js'
import { callNative, callNativeSync } from '../native/errors.js'
import { type LearningOptions, learnFrom, learningOptionNames, learningSizes } from './learning.js'

/** The directions in the data that the neurons of a network detect, which PatternNet and PatternAttribution go back by
 * (Kindermans et al. 2018). */
export class Patterns {
  readonly #handle: PatternsHandle
  #disposed = false

  /** Use `fitPatterns` or `loadPatterns`. */
  constructor(handle: PatternsHandle) {
    this.#handle = handle
  }

  /** @internal The native patterns. @throws DisposedError after `dispose` */
  get handle(): PatternsHandle {
    if (this.#disposed)
      throw new DisposedError('These patterns were disposed of. Load them again to use them.')
    return this.#handle
  }

  /** The architecture and weights they were fitted with, on how many images, and the layers that they hold. */
  get description() {
    return addon().describePatterns(this.handle)
  }

  /** Patterns of both sets of images together. Both must be of the same model.
   * @throws PatternsError */
  merge(other: Patterns): Patterns {
    return new Patterns(callNativeSync(() => addon().mergePatterns(this.handle, other.handle)))
  }

  /** Writes them as safetensors with metadata. */
  async save(path: string): Promise<void> {
    await callNative(() => addon().savePatterns(this.handle, requireString('path', path)))
  }

  /** Frees the native memory now. Safe to call twice. */
  dispose(): void {
    this.#disposed = true
    addon().disposePatterns(this.#handle)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
  }
}

/** Runs images through a model and fits the pattern of every neuron with weights, in one pass and constant memory.
 * @throws PatternsError where no image could be read, ModelError where a layer has no patterns */
export async function fitPatterns(model: Model, options: LearningOptions): Promise<Patterns> {
  requireKnownKeys('options', options, learningOptionNames)
  learningSizes(options)
  const patterns = new Patterns(callNativeSync(() => addon().createPatterns(model.handle)))
  try {
    const samples = await learnFrom(model, options, (images, shape) =>
      callNative(() => addon().updatePatterns(patterns.handle, model.handle, images, shape)),
    )
    if (samples === 0) throw new PatternsError('Patterns need at least one image, but none could be read.')
    return patterns
  } catch (error) {
    patterns.dispose()
    throw error
  }
}

/** Reads patterns that `Patterns.save` wrote.
 * @throws PatternsError, WeightsError where the file is broken */
export async function loadPatterns(path: string): Promise<Patterns> {
  requireString('path', path)
  return new Patterns(await callNative(() => addon().loadPatterns(path)))
}
