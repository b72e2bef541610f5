import { join } from 'node:path'
import type { Model, Preset, Statistics } from '../../lib/index.js'
import { loadReadout, type TrainedReadout } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { type NamedTensor, seededNormal, writeSafetensors } from '../../scripts/testing/module.js'

/** Writes a readout with the weights of the reference numbers, without smoothing, and loads it. */
export async function referenceReadout(
  model: Model,
  statistics: Statistics,
  variant: 'A' | 'B',
  folder: string,
  preset: Preset = 'paper',
): Promise<TrainedReadout> {
  const { layer, reads } = addon().readoutPlace({ model: model.handle })
  const layers = reads.map(name => statistics.layer(name, { preset }))
  const inputs = layers.reduce((sum, { shape }) => sum + shape[0]!, 0)
  const outputs = layers[0]!.shape[0]!
  const widths = [inputs, Math.floor(inputs / 2), variant === 'A' ? outputs / 4 : 2 * outputs, outputs]
  const tensors: NamedTensor[] = [0, 1, 2].flatMap(i =>
    convolution(`readout.${variant}`, i, widths[i]!, widths[i + 1]!),
  )
  for (const [i, { mean, std, shape }] of layers.entries()) {
    tensors.push({ name: `mean_${i}`, shape, data: mean }, { name: `std_${i}`, shape, data: std })
  }
  const { mean, std, active, shape } = layers[0]!
  tensors.push({ name: 'bottleneck.mean', shape, data: mean }, { name: 'bottleneck.std', shape, data: std })
  tensors.push({ name: 'bottleneck.active', shape, data: Float32Array.from(active) })
  const path = join(folder, `${model.architecture}-${variant}.safetensors`)
  writeSafetensors(path, tensors, {
    format: 'attribution-bottleneck.readout.1',
    model: model.architecture,
    weights: model.weightHash,
    preset,
    layer,
    reads: reads.join(','),
    sigma: '0',
    kernel_size: '1',
  })
  return await loadReadout(model, path)
}

function convolution(name: string, i: number, inputs: number, outputs: number) {
  const conv = `conv${i + 1}`
  const scale = 0.5 * Math.sqrt(2 / inputs)
  const shift = i === 2 ? 2 : 0
  const normal = (part: string, shape: number[]) => seededNormal(`${name}.${conv}.${part}`, 0, shape)
  const weight = normal('weight', [outputs, inputs, 1, 1]).map(value => value * scale)
  const bias = normal('bias', [outputs]).map(value => value * 0.05 + shift)
  return [
    { name: `${conv}.weight`, shape: [outputs, inputs, 1, 1], data: weight },
    { name: `${conv}.bias`, shape: [outputs], data: bias },
  ]
}
