import { requireKnownKeys, requireObject } from '../foundation/validate.js'
import { addon, type GpuArithmetic } from '../native/addon.js'
import { callNativeSync } from '../native/call.js'

/** Options of {@link configureRuntime}. */
export interface RuntimeOptions {
  /** NVIDIA's GPUs multiply float32 numbers of which TF32 keeps 10 bits behind the first. Default false. */
  tf32?: boolean
  /** cuDNN tries its algorithms for every new shape of a convolution, and takes the fastest. Default false. */
  cudnnBenchmark?: boolean
}

/** Chooses how NVIDIA's GPUs compute, for all models of the process from now on; what isn't given stays. Nothing changes
 * on a processor.
 * @throws InvalidArgumentError */
export function configureRuntime(options: RuntimeOptions): void {
  requireKnownKeys('options', requireObject('options', options), ['tf32', 'cudnnBenchmark'])
  const arithmetic = { ...gpuArithmetic(), ...options }
  callNativeSync(() => addon().setGpuArithmetic(arithmetic))
}

/** What was chosen. */
export function gpuArithmetic(): GpuArithmetic {
  return addon().describeRuntime().arithmetic
}

/** Whether a model's results are TF32's. */
export function computesInTf32(device: string): boolean {
  return device.startsWith('cuda') && gpuArithmetic().tf32
}
