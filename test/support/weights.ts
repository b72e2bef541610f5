import { writeSafetensors } from '../../scripts/testing/module.js'

/** Writes weights of a narrow vgg11 that are all the same number. */
export function writeEqualWeights(path: string, value: number): void {
  const widths = [3, 8, 16, 32, 32, 64, 64, 64, 64]
  const places = [0, 3, 6, 8, 11, 13, 16, 18]
  const tensors = places.flatMap((place, i) => [
    tensor(`features.${place}.weight`, [widths[i + 1]!, widths[i]!, 3, 3], value),
    tensor(`features.${place}.bias`, [widths[i + 1]!], value),
  ])
  for (const [place, outputs, inputs] of [
    [0, 512, 64 * 49],
    [3, 512, 512],
    [6, 10, 512],
  ] as const) {
    tensors.push(tensor(`classifier.${place}.weight`, [outputs, inputs], value))
    tensors.push(tensor(`classifier.${place}.bias`, [outputs], value))
  }
  writeSafetensors(path, tensors, {})
}

function tensor(name: string, shape: readonly number[], value: number) {
  return { name, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value) }
}
