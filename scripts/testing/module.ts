// What only tests and scripts call of the native core: a module that the build makes beside the add-on, and that npm
// doesn't ship.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { loadAddon } from '../../lib/native/load.js'
import type { Handle } from '../../lib/native/values.js'
import { buildFolder } from '../setup/paths.mjs'

export type TrainerHandle = Handle<'classifier trainer'>

/** A tensor of a weight file. */
export interface NamedTensor {
  name: string
  shape: readonly number[]
  data: Float32Array
}

/** Pictures (N, height, width, 3) of bytes with a label each; they are resized to squares of `size` pixels. */
export interface LabelledBatch {
  pictures: { data: Uint8Array; shape: readonly number[] }
  labels: readonly number[]
  size: number
}

/** The mean loss of a batch, and how many of its images were classified as labelled. */
export interface BatchOutcome {
  loss: number
  correct: number
}

interface TestingModule {
  seededNormal(call: { name: string; seed: number; shape: readonly number[] }): { data: Float32Array }
  writeSafetensors(call: {
    path: string
    tensors: readonly NamedTensor[]
    metadata: Readonly<Record<string, string>>
  }): void
  createTrainer(call: { architecture: string; classes: number; width: number; seed: number }): TrainerHandle
  trainStep(call: LabelledBatch & { trainer: TrainerHandle; learningRate: number }): BatchOutcome
  evaluateBatch(call: LabelledBatch & { trainer: TrainerHandle }): BatchOutcome
  saveTrained(call: { trainer: TrainerHandle; path: string }): void
}

let loaded: TestingModule | undefined

/** The module. Every call returns when its work is done.
 * @throws NativeError if there is no LibTorch or no build */
export function testing(): TestingModule {
  if (!loaded) {
    const { path, libtorch } = loadAddon()
    const loader = createRequire(import.meta.url)(join(dirname(path), 'attribution_bottleneck.node'))
    const file = `attribution_bottleneck_testing.torch-${libtorch.minor}.so`
    loaded = loader.loadBinding(join(buildFolder, 'testing', file)) as TestingModule
  }
  return loaded
}

/** Standard normal numbers that depend on the name and the seed alone. */
export function seededNormal(name: string, seed: number, shape: readonly number[]): Float32Array {
  return testing().seededNormal({ name, seed, shape }).data
}

/** Writes a safetensors file of float32 tensors.
 * @throws an error whose `code` is WEIGHTS */
export function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): void {
  testing().writeSafetensors({ path, tensors, metadata })
}
