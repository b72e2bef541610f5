import { isMainThread } from 'node:worker_threads'
import type { StepReport } from '../attribution/attribution.js'
import type { Preset } from '../foundation/presets.js'
import { loadAddon } from './load.js'

/** Opaque, type-tagged values that own native objects. */
declare const brand: unique symbol
export type Handle<Name extends string> = { readonly [brand]: Name }
export type ModelHandle = Handle<'model'>
export type StatisticsHandle = Handle<'statistics'>
export type CancellationHandle = Handle<'cancellation'>
export type MethodHandle = Handle<'method'>
export type ReadoutHandle = Handle<'readout'>
export type ReadoutTrainerHandle = Handle<'readout trainer'>
export type ProcessGroupHandle = Handle<'process group'>
export type PatternsHandle = Handle<'patterns'>
export type TrainerHandle = Handle<'classifier trainer'>

export interface NativeTensor {
  name: string
  dtype: string
  shape: number[]
  data: Float32Array
}

export interface NativeModelDescription {
  architecture: string
  classes: number
  inputChannels: number
  bottleneckLayer: string
  gradCamLayer: string
  /** Height and width, where the network takes images of one size only. */
  imageSize: [number, number] | null
  weightHash: string
  device: string
  layers: string[]
}

export interface NativeStatisticsDescription {
  model: string
  weightHash: string
  preset: Preset
  layers: { name: string; shape: number[]; samples: number; afterRelu: boolean }[]
}

export interface NativePerSampleOptions {
  preset: Preset
  beta: number
  steps: number
  copies: number
  learningRate: number
  sigma: number
  minimumStd: number
  keepCapacity: boolean
  keepSteps: boolean
}

export interface NativePerSampleResult {
  target: number
  probability: number
  map: Float32Array
  steps: StepReport[]
  stepMaps: Float32Array[]
  capacity?: Float32Array
  capacityShape?: number[]
}

/** How activations lie in memory. */
export type MemoryFormat = 'channels-last' | 'contiguous'

export type NativeOptionValue = number | boolean | string | readonly number[]

/** An option of a method. `standard` and `paper` stand for it in the two presets where nothing is given; null where
 * the method finds its value out itself. */
export interface NativeOptionSpec {
  name: string
  summary: string
  form: 'number' | 'whole' | 'flag' | 'choice' | 'text' | 'numbers'
  standard: NativeOptionValue | null
  paper: NativeOptionValue | null
  minimum: number
  maximum: number
  choices: string[]
  required: boolean
}

export interface NativeMethod {
  name: string
  summary: string
  source: string
  options: NativeOptionSpec[]
}

export interface NativeAttribution {
  target: number
  probability: number
  map: Float32Array
  unit: 'logits' | 'relative'
  raw?: Float32Array
  rawShape?: number[]
  checks: Record<string, number>
}

/** How changed versions of an image are run: `target` -1 means the predicted class, `rows` images go through the network
 * together. */
export interface NativeRowOptions {
  target: number
  rows: number
}

export interface NativeClassCurves {
  mostRelevantFirst: Float64Array
  leastRelevantFirst: Float64Array
}

export interface NativeDegradation {
  target: number
  top1: number
  shares: Float64Array
  ofTarget: NativeClassCurves
  ofTop1: NativeClassCurves
}

export interface NativeInsertionDeletion {
  target: number
  shares: Float64Array
  insertion: Float64Array
  deletion: Float64Array
  insertionArea: number
  deletionArea: number
}

export interface NativeMaskedDrops {
  target: number
  drop: Float64Array
  relevance: Float64Array
  correlation: number
}

/** A native evaluation of one image, of shape [1, C, H, W], with its map. */
export type NativeEvaluation<Options, Result> = (
  model: ModelHandle,
  image: Float32Array,
  shape: readonly number[],
  map: Float32Array,
  options: Options & NativeRowOptions,
  cancellation: CancellationHandle,
  onProgress: (done: number, total: number) => void,
) => Promise<Result>

export interface NativeReadoutDesign {
  layer: string
  reads: readonly string[]
  variant: 'A' | 'B'
  preset: Preset
  sigma: number
  kernelSize: number
  minimumStd: number
  seed: number
}

export interface NativeReadoutDescription {
  model: string
  weightHash: string
  preset: Preset
  variant: 'A' | 'B'
  layer: string
  reads: string[]
  sigma: number
  kernelSize: number
  /** Of the layer that the bottleneck sits in. */
  neurons: number
}

export interface NativeReadoutResult {
  target: number
  probability: number
  information: number
  map: Float32Array
  capacity?: Float32Array
  capacityShape?: number[]
  logits?: Float32Array
}

/** Images (N, C, H, W) with a label and a noise seed each. */
export interface NativeReadoutBatch {
  images: Float32Array
  shape: readonly number[]
  labels: readonly number[]
  seeds: readonly number[]
}

/** Means over the images of a batch, those of all processes together; nats. */
export interface NativeReadoutOutcome {
  images: number
  loss: number
  crossEntropy: number
  information: number
  /** Images that were classified as labelled, behind the bottleneck. */
  correct: number
  /** Of weight and bias of the three convolutions in turn; empty for an evaluation. */
  gradientNorms: number[]
  extras: number[]
}

export interface NativePatternsDescription {
  model: string
  weightHash: string
  samples: number
  layers: { name: string; shape: number[] }[]
}

/** Values in double precision, in C order. */
export interface DoubleTensor {
  data: Float64Array
  shape: readonly number[]
}

/** An operation that relevance can be handed down through. */
export type RuledOperation =
  | { kind: 'linear'; weight: DoubleTensor; bias: DoubleTensor }
  | {
      kind: 'convolution'
      weight: DoubleTensor
      bias: DoubleTensor
      stride: [number, number]
      padding: [number, number]
      groups: number
    }
  | { kind: 'average-pool'; size: [number, number] }
  | { kind: 'add' }

export type RelevanceRule =
  | { name: 'epsilon'; epsilon: number; biases: boolean }
  | { name: 'gamma'; epsilon: number; biases: boolean; gamma: number }
  | { name: 'alpha-beta'; epsilon: number; biases: boolean; beta: number }
  | { name: 'box'; epsilon: number; low: readonly number[]; high: readonly number[] }
  | { name: 'sum' | 'average-pool'; epsilon: number }

/** What the native binding exports. Shapes are NCHW; a target of -1 means the predicted class. Functions that
 * return a promise do their work on a thread of the add-on. */
export interface Addon {
  describeRuntime(): { libtorch: string; cpuCapability: string; threads: number; cudaDevices: number }
  createCancellation(): CancellationHandle
  cancel(cancellation: CancellationHandle): void
  shutDown(processEnds: boolean): void

  preprocess(
    pixels: Uint8Array,
    width: number,
    height: number,
    options: {
      resize: number
      crop: number
      cropFirst: boolean
      mean: readonly number[]
      deviation: readonly number[]
      /** Resized to `crop`, in place of the usual part. */
      region?: { left: number; top: number; width: number; height: number }
      mirror?: boolean
    },
  ): Promise<{ data: Float32Array; shape: [number, number, number]; pixels: Uint8Array }>

  readWeightFile(
    path: string,
  ): Promise<{ format: string; metadata: Record<string, string>; tensors: NativeTensor[] }>
  writeSafetensors(
    path: string,
    tensors: readonly { name: string; shape: readonly number[]; data: Float32Array }[],
    metadata: Readonly<Record<string, string>>,
  ): Promise<void>

  architectures(): { name: string; family: string; bottleneckLayer: string }[]
  /** Throws, naming the nearest, where there is no such architecture. */
  checkArchitecture(name: string): void
  loadModel(options: {
    architecture: string
    weights: string | null
    seed: number
    classes: number
    width: number
    inputChannels: number
    device: string
    memoryFormat: MemoryFormat
  }): Promise<ModelHandle>
  /** A model from a file, which is tried on images of `imageSize` pixels a side. */
  importModel(options: {
    file: string
    imageSize: number
    device: string
    memoryFormat: MemoryFormat
  }): Promise<ModelHandle>
  describeModel(model: ModelHandle): NativeModelDescription
  layerShapes(
    model: ModelHandle,
    height: number,
    width: number,
  ): Promise<{ name: string; kind: string; shape: number[] }[]>
  logits(model: ModelHandle, images: Float32Array, shape: readonly number[]): Promise<Float32Array>
  /** The gradient of the sum over the images of one class's logit with respect to a layer's activation. */
  layerGradient(
    model: ModelHandle,
    layer: string,
    images: Float32Array,
    shape: readonly number[],
    target: number,
  ): Promise<{ data: Float32Array; shape: number[] }>
  predict(
    model: ModelHandle,
    images: Float32Array,
    shape: readonly number[],
  ): Promise<{ target: number; probability: number }[]>
  disposeModel(model: ModelHandle): void

  createStatistics(model: ModelHandle, layers: readonly string[], preset: Preset): StatisticsHandle
  updateStatistics(
    statistics: StatisticsHandle,
    model: ModelHandle,
    images: Float32Array,
    shape: readonly number[],
  ): Promise<void>
  mergeStatistics(first: StatisticsHandle, second: StatisticsHandle): StatisticsHandle
  saveStatistics(statistics: StatisticsHandle, path: string): Promise<void>
  loadStatistics(path: string): Promise<StatisticsHandle>
  loadPublishedStatistics(path: string, model: ModelHandle): Promise<StatisticsHandle>
  describeStatistics(statistics: StatisticsHandle): NativeStatisticsDescription
  readLayerStatistics(
    statistics: StatisticsHandle,
    layer: string,
    preset: Preset,
    minimumStd: number,
  ): { mean: Float32Array; std: Float32Array; active: Uint8Array; shape: number[] }
  disposeStatistics(statistics: StatisticsHandle): void

  methods(): NativeMethod[]
  createMethod(
    model: ModelHandle,
    method: string,
    options: Readonly<Record<string, NativeOptionValue>>,
  ): Promise<MethodHandle>
  runMethod(
    method: MethodHandle,
    images: Float32Array,
    shape: readonly number[],
    requests: readonly { target: number; seed: number }[],
    cancellation: CancellationHandle,
    onProgress: (done: number, total: number) => void,
  ): Promise<NativeAttribution[]>
  disposeMethod(method: MethodHandle): void

  createPatterns(model: ModelHandle): PatternsHandle
  updatePatterns(
    patterns: PatternsHandle,
    model: ModelHandle,
    images: Float32Array,
    shape: readonly number[],
  ): Promise<void>
  mergePatterns(first: PatternsHandle, second: PatternsHandle): PatternsHandle
  savePatterns(patterns: PatternsHandle, path: string): Promise<void>
  loadPatterns(path: string): Promise<PatternsHandle>
  describePatterns(patterns: PatternsHandle): NativePatternsDescription
  disposePatterns(patterns: PatternsHandle): void

  attributePerSample(
    model: ModelHandle,
    statistics: StatisticsHandle,
    layer: string,
    images: Float32Array,
    shape: readonly number[],
    requests: readonly { target: number; seed: number }[],
    options: NativePerSampleOptions,
    cancellation: CancellationHandle,
    onStep: (step: number) => void,
  ): Promise<NativePerSampleResult[]>

  degradation: NativeEvaluation<{ tile: number }, NativeDegradation>
  insertionDeletion: NativeEvaluation<{ step: number }, NativeInsertionDeletion>
  maskedDrops: NativeEvaluation<
    { tile: number; masks: Uint8Array; maskShape: readonly [number, number] },
    NativeMaskedDrops
  >
  /** (masks) */
  relevanceInMasks(
    map: Float32Array,
    shape: readonly [number, number],
    masks: Uint8Array,
    maskShape: readonly [number, number],
    tile: number,
  ): Float64Array
  infidelity: NativeEvaluation<
    { deviation: number; samples: number; seed: number },
    { target: number; value: number; scaled: number }
  >
  /** (count, tiles) */
  randomMasks(tiles: number, chosen: number, count: number, seed: number): Uint8Array
  neighbours(
    image: Float32Array,
    shape: readonly number[],
    radius: number,
    count: number,
    seed: number,
  ): Float32Array
  ssim(
    a: Float32Array,
    b: Float32Array,
    shape: readonly [number, number],
    window: number,
    range: number,
  ): number
  spearman(a: Float32Array, b: Float32Array, shape: readonly [number, number]): number
  compareMaps(
    original: Float32Array,
    map: Float32Array,
    shape: readonly [number, number],
  ): { ssim: number; spearman: number }
  localise(
    map: Float32Array,
    mask: Uint8Array,
    shape: readonly [number, number],
  ): { pixels: number; score: number; mass: number }
  pointsAt(map: Float32Array, mask: Uint8Array, shape: readonly [number, number], tolerance: number): boolean
  parameterModules(model: ModelHandle): string[]
  reinitialise(model: ModelHandle, modules: readonly string[], seed: number): Promise<ModelHandle>

  /** The usual place of a readout bottleneck in the model. */
  readoutPlace(model: ModelHandle): { layer: string; reads: string[] }
  createReadout(
    model: ModelHandle,
    statistics: StatisticsHandle,
    design: NativeReadoutDesign,
  ): Promise<ReadoutHandle>
  loadReadout(model: ModelHandle, path: string): Promise<ReadoutHandle>
  saveReadout(readout: ReadoutHandle, path: string): Promise<void>
  describeReadout(readout: ReadoutHandle): NativeReadoutDescription
  attributeReadout(
    model: ModelHandle,
    readout: ReadoutHandle,
    images: Float32Array,
    shape: readonly number[],
    requests: readonly { target: number; seed: number }[],
    options: { keepCapacity: boolean; keepLogits: boolean },
    cancellation: CancellationHandle,
    onProgress: (done: number, total: number) => void,
  ): Promise<NativeReadoutResult[]>
  disposeReadout(readout: ReadoutHandle): void

  createReadoutTrainer(
    model: ModelHandle,
    readout: ReadoutHandle,
    options: { beta: number; learningRate: number; precision: 'float32' | 'bfloat16' },
  ): Promise<ReadoutTrainerHandle>
  /** One step of training; `extras` are numbers that are summed over the processes on the way. */
  readoutStep(
    trainer: ReadoutTrainerHandle,
    batch: NativeReadoutBatch,
    extras: readonly number[],
    group: ProcessGroupHandle | null,
  ): Promise<NativeReadoutOutcome>
  evaluateReadout(
    trainer: ReadoutTrainerHandle,
    batch: NativeReadoutBatch,
    group: ProcessGroupHandle | null,
  ): Promise<NativeReadoutOutcome>
  /** A copy of what was trained so far. */
  trainedReadout(trainer: ReadoutTrainerHandle): Promise<ReadoutHandle>
  saveReadoutTraining(
    trainer: ReadoutTrainerHandle,
    path: string,
    metadata: Readonly<Record<string, string>>,
  ): Promise<void>
  /** Gives the file's metadata. */
  restoreReadoutTraining(trainer: ReadoutTrainerHandle, path: string): Promise<Record<string, string>>
  disposeReadoutTrainer(trainer: ReadoutTrainerHandle): void

  joinProcesses(options: {
    rank: number
    size: number
    address: string
    port: number
    /** Whether something else than rank 0 listens there. */
    isHosted: boolean
    meeting: string
    /** Empty: the one that the machine's name stands for. */
    networkInterface: string
    /** Milliseconds. */
    timeout: number
  }): Promise<ProcessGroupHandle>
  mergeStatisticsOfProcesses(
    group: ProcessGroupHandle,
    statistics: StatisticsHandle,
  ): Promise<StatisticsHandle>
  /** Waits until all processes are here. */
  meetProcesses(group: ProcessGroupHandle): Promise<void>
  leaveProcesses(group: ProcessGroupHandle): void

  /** The capacity and the gradient of its sum with respect to α, in double precision. */
  information(
    alpha: Float64Array,
    activation: Float64Array,
    shape: readonly [number, number, number],
    sigma: number,
  ): { capacity: Float64Array; gradient: Float64Array }

  /** The relevance of each input of an operation for that of its output. */
  propagateRelevance(
    operation: RuledOperation,
    rule: RelevanceRule,
    inputs: readonly DoubleTensor[],
    relevance: DoubleTensor,
  ): Float64Array[]
  /** The pattern of each neuron of an operation, of its weights' shape. */
  fitPattern(operation: RuledOperation, inputs: DoubleTensor): Float64Array

  /** Standard normal numbers that depend on the name and the seed alone. */
  seededNormal(name: string, seed: number, shape: readonly number[]): Float32Array

  createTrainer(architecture: string, classes: number, width: number, seed: number): TrainerHandle
  /** Pictures are (N, height, width, 3) bytes; they are resized to squares of `size` pixels. */
  trainStep(
    trainer: TrainerHandle,
    pictures: Uint8Array,
    shape: readonly number[],
    labels: readonly number[],
    size: number,
    learningRate: number,
  ): Promise<{ loss: number; correct: number }>
  evaluateBatch(
    trainer: TrainerHandle,
    pictures: Uint8Array,
    shape: readonly number[],
    labels: readonly number[],
    size: number,
  ): Promise<{ loss: number; correct: number }>
  saveTrained(trainer: TrainerHandle, path: string): Promise<void>
}

let loaded: Addon | undefined

/** The native add-on, loaded when it is first needed.
 * @throws NativeError if LibTorch or the add-on is missing, broken, or made for another version */
export function addon(): Addon {
  if (!loaded) {
    const native = loadAddon().addon as Addon
    // A thread of ours that still ran while the process ends would meet LibTorch's destructors.
    process.on('exit', () => native.shutDown(isMainThread))
    loaded = native
  }
  return loaded
}
