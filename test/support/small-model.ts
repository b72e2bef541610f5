import type { PreparedImage } from '../../lib/images/source.js'
import {
  estimate,
  type LoadOptions,
  loadModel,
  type Model,
  type Preset,
  type Statistics,
} from '../../lib/index.js'
import { seededNormal } from '../../scripts/testing/module.js'

// So small a network is fastest on one thread, and several would wait for cores that other programs use.
process.env.IBA_THREADS ??= '1'

/** A ResNet-18 of an eighth of the width: a map takes milliseconds. */
export function smallModel(options: LoadOptions = {}): Promise<Model> {
  return loadModel('resnet18', { weights: 'seeded:0', width: 8, classes: 10, device: 'cpu', ...options })
}

export interface NoiseOptions {
  name?: string
  channels?: number
  height?: number
  width?: number
}

/** Images of noise; the same ones for the same name and shape. */
export function noiseImages(
  count: number,
  { name = 'noise', channels = 3, height = 64, width = height }: NoiseOptions = {},
): PreparedImage[] {
  const size = channels * height * width
  const data = seededNormal(name, 0, [count, channels, height, width])
  return Array.from({ length: count }, (_, i) => ({
    data: data.slice(i * size, (i + 1) * size),
    shape: [channels, height, width] as const,
  }))
}

export function noiseImage(options: NoiseOptions = {}): PreparedImage {
  return noiseImages(1, options)[0]!
}

/** Statistics of some layers from 24 images of noise. */
export function smallStatistics(
  model: Model,
  layers: readonly string[] = [model.bottleneckLayer],
  { preset = 'iba', ...noise }: NoiseOptions & { preset?: Preset } = {},
): Promise<Statistics> {
  const images = noiseImages(24, { name: 'estimation', channels: model.inputChannels, ...noise })
  return estimate(model, { layers, images, preset, onWarning: () => {} })
}
