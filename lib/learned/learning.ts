import { types } from 'node:util'
import { mapInOrder } from '../foundation/concurrency.js'
import { requireInteger, requireSignal } from '../foundation/validate.js'
import type { PreparedInput } from '../images/prepared-input.js'
import type { ImageInput } from '../images/source.js'
import { asList, type PendingImage, pendingImages } from '../images/stream.js'
import { type Model, stack } from '../model/model.js'
import type { InputTensor } from '../native/values.js'

/** How many images are learnt from, where more are there. */
export const defaultSamples = 10_000

const defaultBatch = 16

/** Images that something about a model is learnt from. */
export interface LearningOptions {
  /** The images to learn from, typical for those to explain. A stream is read as far as needed. */
  images: AsyncIterable<ImageInput> | Iterable<ImageInput> | ImageInput
  /** How many images to take. Default 10,000; a shorter stream is taken whole. */
  samples?: number
  /** Images that go through the network together. Default 16. */
  batch?: number
  /** Stops the work; the call rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called, and waited for, after each batch: images done, of how many. */
  onProgress?: (progress: { samples: number; total: number }) => void
  /** Called, and waited for, for an image that can't be read; the others go on. Without it the call fails with that error. */
  onError?: (error: Error, source: { index: number; name: string }) => void
}

export const learningOptionNames = ['images', 'samples', 'batch', 'signal', 'onProgress', 'onError'] as const

/** The checked numbers of the options. */
export function learningSizes(options: LearningOptions): { total: number; batch: number } {
  requireSignal(options.signal)
  return {
    total: requireInteger('samples', options.samples ?? defaultSamples, 1),
    batch: requireInteger('batch', options.batch ?? defaultBatch, 1, 4096),
  }
}

/** Images that went through the network together. */
export interface LearningBatch {
  images: InputTensor
  /** What errors call them. */
  names: string[]
}

/** Gives images to `take` in batches of one size, one batch after the other, in constant memory.
 * @returns how many were taken */
export async function learnFrom(
  model: Model,
  options: LearningOptions,
  take: (batch: LearningBatch) => Promise<void>,
): Promise<number> {
  const { total, batch } = learningSizes(options)
  let samples = 0
  const takeAll = async (loaded: LoadedImage[]) => {
    await take({ images: stack(loaded.map(({ input }) => input)), names: loaded.map(({ name }) => name) })
    samples += loaded.length
    await options.onProgress?.({ samples, total })
  }
  const waiting: LoadedImage[] = []
  for await (const loaded of loadedImages(model, options, total)) {
    options.signal?.throwIfAborted()
    if (waiting[0] && !sameSize(waiting[0].input, loaded.input)) await takeAll(waiting.splice(0))
    waiting.push(loaded)
    if (waiting.length === batch) await takeAll(waiting.splice(0))
  }
  if (waiting.length > 0) await takeAll(waiting)
  return samples
}

interface LoadedImage {
  name: string
  input: PreparedInput
}

async function* loadedImages(
  model: Model,
  options: LearningOptions,
  total: number,
): AsyncGenerator<LoadedImage, void, undefined> {
  const inputs = isStream(options.images) ? options.images : asList(options.images)
  const load = async (pending: PendingImage, signal: AbortSignal) => {
    try {
      return { name: pending.name, input: await pending.load(signal) }
    } catch (error) {
      if (!options.onError || signal.aborted) throw error
      await options.onError(error as Error, pending)
      return undefined
    }
  }
  const loaded = mapInOrder(
    signal => pendingImages(inputs, model.preprocessing, signal),
    defaultBatch,
    load,
    options.signal,
  )
  let taken = 0
  for await (const image of loaded) {
    if (!image) continue
    yield image
    if (++taken === total) return
  }
}

function isStream(
  images: LearningOptions['images'],
): images is AsyncIterable<ImageInput> | Iterable<ImageInput> {
  if (typeof images !== 'object' || images === null || types.isUint8Array(images)) return false
  return Symbol.asyncIterator in images || Symbol.iterator in images
}

function sameSize(a: PreparedInput, b: PreparedInput): boolean {
  return a.height === b.height && a.width === b.width
}
