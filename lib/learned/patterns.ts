import { toldLoad } from '../foundation/diagnostics.js'
import { DisposedError, PatternsError } from '../foundation/errors.js'
import { requireKnownKeys, requireOneOf, requireString } from '../foundation/validate.js'
import type { Model } from '../model/model.js'
import { addon, addonElsewhere } from '../native/addon.js'
import { callNative, callNativeSync } from '../native/call.js'
import type { PatternEstimator, PatternsDescription, PatternsHandle } from '../native/patterns-calls.js'
import { type LearningOptions, learnFrom, learningOptionNames, learningSizes } from './learning.js'
import { requireSameModel } from './origin.js'

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
  get description(): PatternsDescription {
    return addon().describePatterns({ patterns: this.handle })
  }

  /** Patterns of both sets of images together. Both must be of the same model.
   * @throws PatternsError */
  merge(other: Patterns): Patterns {
    return new Patterns(
      callNativeSync(() => addon().mergePatterns({ first: this.handle, second: other.handle })),
    )
  }

  /** Writes them as safetensors with metadata. */
  async save(path: string): Promise<void> {
    requireString('path', path)
    await callNative(() => addon().savePatterns({ patterns: this.handle, path }))
  }

  /** @throws PatternsError where they were not fitted with this model */
  requireFor(model: Model): void {
    requireSameModel('These patterns were fitted with', this.description, model, PatternsError)
  }

  /** Frees the native memory now. Safe to call twice. */
  dispose(): void {
    this.#disposed = true
    addon().dispose(this.#handle)
  }

  /** As `dispose`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
  }
}

/** Options of {@link fitPatterns}. */
export interface FitPatternsOptions extends LearningOptions {
  /** How patterns are found. Default 'two-component'. */
  estimator?: PatternEstimator
}

/** All of them, the default first. */
export const patternEstimators: readonly PatternEstimator[] = ['two-component', 'linear']

/** Runs images through a model and fits the pattern of every neuron with weights, in one pass and constant memory.
 * @throws PatternsError where no image could be read, ModelError where a layer has no patterns */
export async function fitPatterns(model: Model, options: FitPatternsOptions): Promise<Patterns> {
  requireKnownKeys('options', options, [...learningOptionNames, 'estimator'])
  const estimator = requireOneOf('estimator', options.estimator ?? 'two-component', patternEstimators)
  learningSizes(options)
  const patterns = new Patterns(
    callNativeSync(() => addon().createPatterns({ model: model.handle, estimator })),
  )
  try {
    const samples = await learnFrom(model, options, batch =>
      callNative(() => addon().updatePatterns({ patterns: patterns.handle, model: model.handle, ...batch })),
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
  const { loadPatterns } = await addonElsewhere()
  return new Patterns(await toldLoad('patterns', path, () => callNative(() => loadPatterns({ path }))))
}
