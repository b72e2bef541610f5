import { DeviceError } from '../foundation/errors.js'
import { requireString } from '../foundation/validate.js'
import { addon } from '../native/addon.js'
import { loadAddon } from '../native/load.js'

/** Where a model runs: 'cpu', 'cuda', 'cuda:N', or 'auto' for CUDA where it can run, else the CPU. */
export type Device = 'auto' | 'cpu' | 'cuda' | `cuda:${number}`

/** Why CUDA can't be used in this process, or null. */
export function whyNoCuda(): string | null {
  const { cudaReason } = loadAddon()
  if (cudaReason) return cudaReason
  return addon().describeRuntime().cudaDevices > 0 ? null : 'LibTorch sees no usable NVIDIA GPU'
}

/** The device to run on. @throws DeviceError with the reason, where the wanted one can't run */
export function chooseDevice(device: Device): string {
  requireString('device', device)
  if (device === 'auto') return whyNoCuda() === null ? 'cuda' : 'cpu'
  const reason = device.startsWith('cuda') ? whyNoCuda() : null
  if (reason)
    throw new DeviceError(
      `The device '${device}' can't run: ${reason}. Use device 'cpu', or see \`iba doctor\`.`,
    )
  return device
}
