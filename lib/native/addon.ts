import { isMainThread } from 'node:worker_threads'
import type { AttributionCalls } from './attribution-calls.js'
import type { EvaluationCalls } from './evaluation-calls.js'
import type { ImageCalls } from './images-calls.js'
import { loadAddon, loadAddonElsewhere } from './load.js'
import type { MapCalls } from './maps-calls.js'
import type { ModelCalls } from './model-calls.js'
import type { PatternsCalls } from './patterns-calls.js'
import type { ProcessCalls } from './processes-calls.js'
import type { RandomisationCalls } from './randomisation-calls.js'
import type { ReadoutCalls } from './readout-calls.js'
import type { ReadoutTrainingCalls } from './readout-training-calls.js'
import type { StatisticsCalls } from './statistics-calls.js'
import type { CancellationHandle, Handle } from './values.js'
import type { WeightCalls } from './weights-calls.js'

/** How NVIDIA's libraries compute, for all of the process. */
export interface GpuArithmetic {
  tf32: boolean
  cudnnBenchmark: boolean
}

export interface RuntimeCalls {
  describeRuntime(): {
    libtorch: string
    cpuCapability: string
    threads: number
    cudaDevices: number
    arithmetic: GpuArithmetic
  }
  setGpuArithmetic(call: GpuArithmetic): void
  /** Seconds of the same convolution on the processor in both types, measured for about 0.3 seconds. */
  probePrecisions(): Promise<{ float32: number; bfloat16: number }>
  /** The codes of the errors that native calls throw. */
  errorCodes(): string[]
  /** Lets go of what a handle owns; work that still runs keeps its own share. Safe to call twice. */
  dispose(handle: Handle<string>): void
  createCancellation(): CancellationHandle
  cancel(call: { cancellation: CancellationHandle }): void
  /** Cancels and awaits the work of this thread of JavaScript's; all work where the process ends. */
  shutDown(call: { processEnds: boolean }): void
}

/** What the native binding exports. Shapes are NCHW; a class of -1 means the predicted one. Functions that
 * return a promise do their work on a thread of the add-on. */
export interface Addon
  extends RuntimeCalls,
    ImageCalls,
    WeightCalls,
    ModelCalls,
    StatisticsCalls,
    PatternsCalls,
    AttributionCalls,
    EvaluationCalls,
    MapCalls,
    RandomisationCalls,
    ReadoutCalls,
    ReadoutTrainingCalls,
    ProcessCalls {}

let loaded: Addon | undefined

/** The native add-on, loaded when it is first needed.
 * @throws NativeError if LibTorch or the add-on is missing, broken, or made for another version */
export function addon(): Addon {
  if (!loaded) {
    const native = loadAddon().addon as Addon
    // A thread of ours that still ran while the process ends would meet LibTorch's destructors.
    process.on('exit', () => native.shutDown({ processEnds: isMainThread }))
    loaded = native
  }
  return loaded
}

/** Loads the native add-on without holding up the event loop, so that calls of `addon` find it there.
 * @throws NativeError as `addon` */
export async function addonElsewhere(): Promise<Addon> {
  await loadAddonElsewhere()
  return addon()
}
