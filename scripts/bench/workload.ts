import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  estimate,
  loadModel,
  type Model,
  type Precision,
  type PreparedImage,
  type Preset,
  type Statistics,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { root } from '../setup/paths.mjs'
import { seededNormal } from '../testing/module.js'

/** The two networks of the paper. */
export const paperModels = ['resnet50', 'vgg16'] as const
export type PaperModel = (typeof paperModels)[number]

/** The image that the reference maps were made for, and the class that they explain. */
export async function referenceImage(model: PaperModel): Promise<{ image: PreparedImage; target: number }> {
  const path = join(root, 'test', 'fixtures', 'parity', model)
  const { target } = JSON.parse(await readFile(`${path}.json`, 'utf8')) as { target: number }
  const { tensors } = await addon().readWeightFile({ path: `${path}.safetensors` })
  const { data } = tensors.find(({ name }) => name === 'image')!
  return { image: { data, shape: [3, 224, 224] }, target }
}

/** Images of noise: what a network makes of them takes as long as any other. */
export function noiseImages(count: number, name = 'estimation', side = 224): PreparedImage[] {
  const shape = [3, side, side] as const
  const pixels = 3 * side * side
  const data = seededNormal(name, 0, [count, ...shape])
  return Array.from({ length: count }, (_, i) => ({ data: data.slice(i * pixels, (i + 1) * pixels), shape }))
}

/** A network whose weights need no download. */
export function seededModel(name: string, precision: Precision = 'float32'): Promise<Model> {
  return loadModel(name, { weights: 'seeded:0', device: 'cpu', precision })
}

/** Statistics of 16 images of noise, which the reference maps were made with too. */
export function noiseStatistics(model: Model, preset: Preset = 'iba'): Promise<Statistics> {
  return estimate(model, { images: noiseImages(16), preset, onWarning: () => {} })
}
