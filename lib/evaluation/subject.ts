import type { HeatMap } from '../attribution/attribution.js'
import { isTargetList, nativeTarget, predictedClass, type Target } from '../attribution/target.js'
import {
  areFinite,
  invalid,
  requireInteger,
  requireKnownKeys,
  requireSignal,
} from '../foundation/validate.js'
import type { PreparedInput } from '../images/prepared-input.js'
import type { ImageInput } from '../images/source.js'
import { asList, pendingImages } from '../images/stream.js'
import type { Model } from '../model/model.js'
import { callNative } from '../native/call.js'
import { withCancellation } from '../native/cancellation.js'
import type { SubjectCall } from '../native/evaluation-calls.js'
import { matrix } from '../native/maps-calls.js'
import type { NativeTarget } from '../native/target.js'
import { requireHeatMap } from '../rendering/picture.js'

/** Images with the maps that explain them, and how they are evaluated. */
export interface EvaluationOptions {
  /** Image files, decoded pixels or prepared images. */
  images: ImageInput | readonly ImageInput[]
  /** One for each image, of the size of the network's input. */
  maps: HeatMap | readonly HeatMap[]
  /** What is looked at, by its probability, or its score where it has none: one target for all images, or one for each
   * (null: the predicted class). Default: the predicted class. */
  targets?: Target | readonly (Target | null)[]
  /** Changed images that go through the network together. Default: 16 on the CPU, 128 on CUDA. */
  rows?: number
  /** Stops the work within one pass through the network; the call rejects with the signal's reason. */
  signal?: AbortSignal
  /** Called after each pass through the network. Where it throws, or a promise that it returns rejects, so does the
   * call. */
  onProgress?: (progress: EvaluationProgress) => void
}

/** How many of an image's changed versions went through the network. */
export interface EvaluationProgress {
  /** Which of the images, from 0. */
  index: number
  /** What messages call it. */
  name: string
  /** Versions of it that are done. */
  done: number
  /** Versions of it in all. */
  total: number
}

/** One image to evaluate. A class of -1 means the predicted one. */
export interface Subject {
  input: PreparedInput
  map: HeatMap
  target: Target
}

/** How a subject is run. */
export interface SubjectSettings {
  rows?: number | undefined
  signal?: AbortSignal | undefined
  onProgress?: ((done: number, total: number) => unknown) | undefined
}

const optionNames = ['images', 'maps', 'targets', 'rows', 'signal', 'onProgress']

/** Checks the options that all evaluations share, and their own by name. */
export function requireEvaluationOptions(options: EvaluationOptions, own: readonly string[]): void {
  requireKnownKeys('options', options, [...optionNames, ...own])
  requireSignal(options.signal)
  options.signal?.throwIfAborted()
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function')
    throw invalid('onProgress', 'a function', options.onProgress)
}

/** Evaluates images one after the other, each by `evaluate`. */
export async function evaluateEach<Result>(
  model: Model,
  options: EvaluationOptions,
  evaluate: (subject: Subject, settings: SubjectSettings) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const { rows, signal, onProgress } = options
  for await (const { index, name, subject } of subjects(model, options)) {
    signal?.throwIfAborted()
    results.push(
      await evaluate(subject, {
        rows,
        signal,
        onProgress: (done, total) => onProgress?.({ index, name, done, total }),
      }),
    )
  }
  return results
}

/** Calls a native evaluation of one subject. */
export async function runNative<Result>(
  model: Model,
  { input, map, target }: Subject,
  evaluate: (call: SubjectCall) => Promise<Result>,
  { rows, signal, onProgress }: SubjectSettings,
): Promise<Result> {
  if (rows !== undefined) requireInteger('rows', rows, 1, 65_536)
  requireMapOf(map, input)
  const image = { data: input.data, shape: [input.channels, input.height, input.width] }
  const subject = { model: model.handle, image, map: matrix(map), target: watchedTarget(target, model), rows }
  return await withCancellation({ signal, onProgress }, call =>
    callNative(() => evaluate({ subject, ...call })),
  )
}

/** The target of a subject as the add-on takes it. */
export function watchedTarget(target: Target, model: Model): NativeTarget {
  return target === -1 ? predictedClass : nativeTarget(target, model, 'targets')
}

async function* subjects(model: Model, options: EvaluationOptions) {
  const images = asList(options.images) as readonly ImageInput[]
  const maps = Array.isArray(options.maps) ? options.maps : [options.maps as HeatMap]
  let index = 0
  for await (const pending of pendingImages(images, model.preprocessing, options.signal)) {
    const map = maps[index]
    if (!map) throw invalid('maps', 'a map for each image', maps)
    const input = await pending.load(options.signal)
    const target = requireTarget(options.targets, index, model)
    yield { index, name: input.name, subject: { input, map, target } }
    index++
  }
  if (index !== maps.length) throw invalid('maps', `one map for each of the ${index} images`, maps)
  if (Array.isArray(options.targets) && options.targets.length !== index)
    throw invalid('targets', `one target or null for each of the ${index} images`, options.targets)
}

function requireTarget(targets: EvaluationOptions['targets'], index: number, model: Model): Target {
  const target = isTargetList(targets) ? targets[index] : (targets ?? null)
  if (target === null) return -1
  if (target === undefined) throw invalid('targets', `a target or null for image ${index} as well`, targets)
  nativeTarget(target, model, 'targets')
  return target
}

/** @throws InvalidArgumentError where a map isn't finite, or of another size than its input, or the input is a text, which has
 * no pixels to change */
export function requireMapOf(map: HeatMap, input: PreparedInput): void {
  if (input.text) throw invalid('images', 'images', `${input.name}, token ids`)
  requireFittingMap(map, input)
}

/** The same of an input of any kind. */
export function requireFittingMap(map: HeatMap, { name, width, height }: PreparedInput): void {
  requireHeatMap(map)
  if (map.width !== width || map.height !== height)
    throw invalid('maps', `a map of ${width}×${height}, as the input '${name}'`, `${map.width}×${map.height}`)
  if (!areFinite(map.data)) throw invalid('maps', 'finite values', 'NaN or infinity')
}
