import { availableParallelism, cpus, totalmem } from 'node:os'
import { addon } from '../../lib/native/addon.js'

/** What the numbers depend on. */
export interface Machine {
  processor: string
  cores: number
  memoryGB: number
  threads: number
  instructions: string
  libtorch: string
  node: string
}

export function describeMachine(): Machine {
  const { libtorch, cpuCapability, threads } = addon().describeRuntime()
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 1e9),
    threads,
    instructions: cpuCapability,
    libtorch,
    node: process.versions.node,
  }
}
