import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { PreparedImage } from '../../lib/images/source.js'
import { addon } from '../../lib/native/addon.js'

/** Reference numbers of one network with seeded weights, made with PyTorch, the paper's code and the IBA package. */
export interface Reference {
  model: string
  target: number
  layer: string
  activeShare: number
  top1: number
  /** Pearson's correlation for each n of sensitivity-n. */
  sensitivity: Record<string, number>
  packageSteps: { loss: number[]; crossEntropy: number[]; information: number[] }
  readouts: Record<
    'A' | 'B',
    { loss: number; crossEntropy: number; information: number; gradientNorms: number[] }
  >
  image: PreparedImage
  array: (name: string) => Float32Array
}

export async function readReference(model: string): Promise<Reference> {
  const path = (ending: string) =>
    fileURLToPath(new URL(`../../../test/fixtures/parity/${model}.${ending}`, import.meta.url))
  const scalars = JSON.parse(await readFile(path('json'), 'utf8'))
  const { tensors } = await addon().readWeightFile({ path: path('safetensors') })
  const arrays = new Map(tensors.map(({ name, data }) => [name, data]))
  const array = (name: string) => {
    const data = arrays.get(name)
    if (!data) throw new Error(`The reference of ${model} has no '${name}'.`)
    return data
  }
  return {
    model,
    target: scalars.target,
    layer: scalars.layer,
    top1: scalars.top1,
    sensitivity: scalars['sensitivity.pearson'],
    activeShare: scalars['package.active_neurons'],
    packageSteps: {
      loss: scalars['per_sample.package.loss'],
      crossEntropy: scalars['per_sample.package.model_loss'],
      information: scalars['per_sample.package.information'],
    },
    readouts: { A: readoutOf(scalars['readout.A']), B: readoutOf(scalars['readout.B']) },
    image: { data: array('image'), shape: [3, 224, 224] },
    array,
  }
}

function readoutOf(entry: { loss: number; ce: number; info: number; grad_norms: number[] }) {
  return {
    loss: entry.loss,
    crossEntropy: entry.ce,
    information: entry.info,
    gradientNorms: entry.grad_norms,
  }
}
