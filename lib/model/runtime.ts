import { requireKnownKeys, requireObject } from '../foundation/validate.js'
import { addon, addonElsewhere, type GpuArithmetic } from '../native/addon.js'
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

/** Finds LibTorch and opens it, as everything else that needs it does first: python3 is asked and libraries are opened on other
 * threads, while the event loop goes on. `loadModel` and what loads other files do the same. A service calls it as it starts, and
 * whoever calls functions that return at once, such as `architectures` or `describeMethod`, calls it before them.
 * @throws NativeError if LibTorch or the add-on is missing, broken, or made for another version */
export async function warmUp(): Promise<void> {
  await addonElsewhere()
}

/** What was chosen. */
export function gpuArithmetic(): GpuArithmetic {
  return addon().describeRuntime().arithmetic
}

/** Whether a model's results are TF32's. */
export function computesInTf32(device: string): boolean {
  return device.startsWith('cuda') && gpuArithmetic().tf32
}
