import type { NamedTensor } from '../../scripts/testing/module.js'
import type { OnnxModel, OnnxNode, OnnxTensor } from './onnx.js'

/** Another last layer, from that of the network: rows of `width` weights, and a bias for each. */
export type Head = (last: { weight: number[]; bias: number[]; width: number }) => {
  weight: number[]
  bias: number[]
}

/** A ResNet of basic blocks, by torchvision's names, as PyTorch's exporter writes it: batch norms are part of the convolutions, and
 * nodes have their module's path. */
export function resNetGraph(tensors: readonly NamedTensor[], head: Head = last => last): OnnxModel {
  return new ResNetGraph(tensors).model(head)
}

class ResNetGraph {
  readonly #given: ReadonlyMap<string, NamedTensor>
  readonly #nodes: OnnxNode[] = []
  readonly #tensors: Record<string, OnnxTensor> = {}

  constructor(tensors: readonly NamedTensor[]) {
    this.#given = new Map(tensors.map(tensor => [tensor.name, tensor]))
  }

  model(head: Head): OnnxModel {
    const channels = this.#tensor('conv1.weight').shape[1]!
    let x = this.#convolution('images', '/conv1', ['conv1', 'bn1'], { stride: 2n, side: 7n })
    x = this.#node('Relu', [x], '/relu/Relu')
    x = this.#node('MaxPool', [x], '/maxpool/MaxPool', windows(3n, 2n))
    for (let stage = 1; stage <= 4; stage++)
      for (let block = 0; this.#given.has(`layer${stage}.${block}.conv1.weight`); block++)
        x = this.#block(x, `layer${stage}`, block, stage > 1 && block === 0 ? 2n : 1n)
    x = this.#node('GlobalAveragePool', [x], '/avgpool/GlobalAveragePool')
    x = this.#node('Flatten', [x], '/Flatten', { axis: 1n })
    this.#linear(x, head)
    return {
      nodes: this.#nodes,
      tensors: this.#tensors,
      input: { name: 'images', shape: ['batch', channels, 224, 224] },
      output: 'logits',
      opset: 17,
    }
  }

  #tensor(name: string): NamedTensor {
    return this.#given.get(name)!
  }

  #node(operation: string, inputs: string[], name: string, attributes: OnnxNode['attributes'] = {}): string {
    const output = `${name}_output_0`
    this.#nodes.push({ operation, inputs, outputs: [output], name, attributes })
    return output
  }

  #block(x: string, stage: string, index: number, stride: bigint): string {
    const [path, own] = [`/${stage}/${stage}.${index}`, `${stage}.${index}`]
    const unit = (input: string, k: 1 | 2, step: bigint) =>
      this.#convolution(input, `${path}/conv${k}`, [`${own}.conv${k}`, `${own}.bn${k}`], {
        stride: step,
        side: 3n,
      })
    const first = this.#node('Relu', [unit(x, 1, stride)], `${path}/relu/Relu`)
    const second = unit(first, 2, 1n)
    const shortcut = this.#given.has(`${own}.downsample.0.weight`)
      ? this.#convolution(
          x,
          `${path}/downsample/downsample.0`,
          [`${own}.downsample.0`, `${own}.downsample.1`],
          { stride, side: 1n },
        )
      : x
    return this.#node('Relu', [this.#node('Add', [second, shortcut], `${path}/Add`)], `${path}/relu_1/Relu`)
  }

  /** A convolution and its batch norm in one. */
  #convolution(
    input: string,
    path: string,
    [convolution, norm]: readonly [string, string],
    { stride, side }: { stride: bigint; side: bigint },
  ): string {
    const { shape, data } = this.#tensor(`${convolution}.weight`)
    const part = (name: string) => this.#tensor(`${norm}.${name}`).data
    const scale = part('weight').map((weight, k) => weight / Math.sqrt(part('running_var')[k]! + 1e-5))
    const size = data.length / shape[0]!
    this.#tensors[`${convolution}.weight`] = {
      dims: shape,
      data: Array.from(data, (value, i) => value * scale[Math.floor(i / size)]!),
    }
    this.#tensors[`${convolution}.bias`] = {
      dims: [shape[0]!],
      data: Array.from(part('bias'), (bias, k) => bias - part('running_mean')[k]! * scale[k]!),
    }
    const inputs = [input, `${convolution}.weight`, `${convolution}.bias`]
    return this.#node('Conv', inputs, `${path}/Conv`, windows(side, stride))
  }

  #linear(input: string, head: Head): void {
    const { shape, data } = this.#tensor('fc.weight')
    const width = shape[1]!
    const { weight, bias } = head({ weight: [...data], bias: [...this.#tensor('fc.bias').data], width })
    this.#tensors['fc.weight'] = { dims: [bias.length, width], data: weight }
    this.#tensors['fc.bias'] = { dims: [bias.length], data: bias }
    const inputs = [input, 'fc.weight', 'fc.bias']
    const attributes = { transB: 1n }
    this.#nodes.push({ operation: 'Gemm', inputs, outputs: ['logits'], name: '/fc/Gemm', attributes })
  }
}

/** Windows with half of their side as padding. */
function windows(side: bigint, stride: bigint) {
  const padding = side / 2n
  return {
    kernel_shape: [side, side],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  }
}
