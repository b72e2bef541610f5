import type { MethodDescription } from '../attribution/method-description.js'

// What the server answers, for itself and for its page in the browser: types alone.

/** A map: height × width values, float32, little-endian, row by row, in base64. */
export interface EncodedMap {
  height: number
  width: number
  data: string
}

/** float32 values in C order, little-endian, in base64. */
export interface EncodedTensor {
  shape: readonly number[]
  data: string
}

/** What a map is of. */
export interface ExplainedTarget {
  /** The index of a class or label, or the target as it was given. */
  target: number | string | object
  className?: string
  /** Of the target, for the image as it is. */
  score: number
  /** null where the target has none. */
  probability: number | null
}

/** The numbers of a step, by name. */
export type StepNumbers = Readonly<Record<string, number>>

/** The answer to a request for a map, as JSON. */
export interface AttributionAnswer extends ExplainedTarget {
  model: string
  method: string
  unit: string
  /** The sum of the map; null if the map isn't in bits. */
  bits: number | null
  checks: Readonly<Record<string, number>>
  steps?: readonly StepNumbers[]
  seconds: number
  map?: EncodedMap
  /** A PNG in base64. */
  overlay?: string
  /** What the network saw, a PNG in base64. */
  image?: string
  /** What was asked to be kept, by name. */
  tensors?: Readonly<Record<string, EncodedTensor>>
  /** Seconds: until its turn, for decoding and pre-processing, and for the map with its batch. */
  timing: { waiting: number; decoding: number; explaining: number }
}

/** The data of the event `start`: what is known before the first step. */
export interface StartEvent extends ExplainedTarget {
  model: string
  method: string
  /** Steps that are taken at most. */
  steps: number
  /** Of the steps' maps, where these are told. */
  unit?: string
  /** What the network saw, a PNG in base64, where it was asked for. */
  image?: string
}

/** The data of the event `progress`. */
export interface ProgressEvent {
  /** Steps that are done, of all work. */
  step: number
  steps: number
}

/** The data of the event `step`: its numbers by name, and the map after it. */
export interface StepEvent {
  /** Which, from 1. */
  step: number
  map?: EncodedMap
  [number: string]: number | EncodedMap
}

/** What is told of a failure. */
export interface ToldFailure {
  code: string
  message: string
  /** What to do. */
  remedy: string
  /** The request's id in the log. */
  request?: string
}

/** A class of a prediction. */
export interface PredictedClass {
  class: number
  className?: string
  probability: number
}

/** The answer to a request for a prediction. */
export interface PredictionAnswer {
  model: string
  outputKind: string
  /** The most probable classes or labels. */
  classes?: readonly PredictedClass[]
  /** Of a network without classes. */
  outputs?: readonly number[]
}

/** A model, as clients are told of it. */
export interface DescribedModel {
  name: string
  architecture: string
  /** Outputs of the network. */
  classes: number
  /** In the order of the outputs; empty where they have none. */
  classNames: readonly string[]
  outputKind: string
  /** What the network sees of an image. */
  height: number
  width: number
  layers: readonly string[]
  bottleneckLayer: string
  device: string
  precision: string
  /** Those that can be asked for. */
  methods: readonly string[]
  defaultMethod: string
}

/** What `/v1/models` answers. */
export interface ModelsAnswer {
  models: readonly DescribedModel[]
  limits: Readonly<Record<string, number>>
}

/** What `/v1/methods` answers. */
export interface MethodsAnswer {
  methods: readonly MethodDescription[]
}

/** What the page asks for first. */
export interface ExploreSession {
  /** Names of the images that were given, in their order. */
  images: readonly string[]
  /** Of each model by name, for each method that has the option `layer`, the layers that it can take here. */
  layers: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
}

/** What the network recognises in a part of an image, and in the rest of it. */
export interface MaskedPrediction {
  /** Of the pixels, 0 to 1: those where the map is strongest. */
  share: number
  /** Only they are kept. */
  kept: readonly PredictedClass[]
  /** They are removed. */
  removed: readonly PredictedClass[]
}

/** What the page's route for parts of an image answers. */
export interface MaskedAnswer {
  model: string
  /** Red, green and blue, 0 to 255, of what stands where nothing is kept: 0 for the network. */
  fill: readonly number[]
  predictions: readonly MaskedPrediction[]
}
