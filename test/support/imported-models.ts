import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ImageSize, type LoadOptions, loadModel, type Model } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { pythonTorch, type Requirement, testNeeding } from './requirements.js'

const python = pythonTorch()

/** A test that needs models which PyTorch saved. */
export const testWithModels = testNeeding(python)

/** Models that a script of this folder makes, in a folder that goes away with the process. It is empty where Python lacks
 * what the script needs. */
export function makeModels(
  script: string,
  names: readonly string[] = [],
  { isMet }: Requirement = python,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'iba-models-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  if (!isMet) return folder
  const path = fileURLToPath(new URL(`../../../test/support/${script}.py`, import.meta.url))
  const { status, stderr } = spawnSync('python3', [path, folder, ...names], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${script}.py failed: ${stderr}`)
  return folder
}

/** Loads a model for images of a size. */
export function loadFile(path: string, size: ImageSize, options: LoadOptions = {}): Promise<Model> {
  return loadModel(path, { device: 'cpu', preprocessing: { resize: size, crop: size }, ...options })
}

/** What PyTorch computed for a model. */
export interface Reference {
  images: Tensor
  logits: Tensor
  gradient?: Tensor
  cam?: Tensor
  guided?: Tensor
  deconvnet?: Tensor
}

export interface Tensor {
  data: Float32Array
  shape: number[]
}

/** By the names of what was kept; those of `Reference`, or others. */
export async function readReference(folder: string, name: string): Promise<Reference>
export async function readReference<Name extends string>(
  folder: string,
  name: string,
): Promise<Record<Name, Tensor>>
export async function readReference(folder: string, name: string): Promise<object> {
  const { tensors } = await addon().readWeightFile({ path: join(folder, `${name}.reference.pth`) })
  return Object.fromEntries(tensors.map(tensor => [tensor.name, tensor]))
}
