import type { StatisticsHandle } from './statistics-calls.js'
import type { CancellationHandle, Handle } from './values.js'

export type ProcessGroupHandle = Handle<'process group'>

export interface ProcessCalls {
  joinProcesses(call: {
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
    /** What this process computes on. */
    device: string
    /** Ends the waiting. */
    cancellation: CancellationHandle
  }): Promise<ProcessGroupHandle>
  /** Whether tensors of GPUs go through NCCL; if one of the processes has a GPU and they don't, why. */
  describeExchange(call: { group: ProcessGroupHandle }): { usesNccl: boolean; whyNotNccl: string }
  mergeStatisticsOfProcesses(call: {
    group: ProcessGroupHandle
    statistics: StatisticsHandle
  }): Promise<StatisticsHandle>
  /** Shows a text to all processes. */
  publishToProcesses(call: { group: ProcessGroupHandle; key: string; text: string }): Promise<void>
  /** A text that one of the processes publishes; waits for it. */
  readFromProcesses(call: { group: ProcessGroupHandle; key: string }): Promise<string>
  /** Waits until all processes are here. */
  barrier(call: { group: ProcessGroupHandle }): Promise<void>
}
