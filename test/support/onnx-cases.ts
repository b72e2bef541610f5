import { seededNormal } from '../../scripts/testing/module.js'
import type { OnnxAttribute, OnnxTensor } from './onnx.js'

/** One operator on the value before it; further inputs are tensors, or names of values: `x` is the first one, and
 * `v0`, `v1` … what the steps make. */
export interface OnnxStep {
  operation: string
  more: readonly (OnnxTensor | string)[]
  attributes: Readonly<Record<string, OnnxAttribute>>
  domain: string
  outputs: number
  /** Whether the first input is the first of `more`. */
  anew: boolean
}

export interface OnnxCase {
  opset: number
  steps: readonly OnnxStep[]
  /** A batch of one that is written into the file. */
  fixed?: boolean
  /** Greatest relative error, where activations are rounded in the file. */
  tolerance?: number
}

function step(
  operation: string,
  more: readonly (OnnxTensor | string)[] = [],
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
  { domain = '', outputs = 1, anew = false } = {},
): OnnxStep {
  return { operation, more, attributes, domain, outputs, anew }
}

const microsoft = { domain: 'com.microsoft' }

function random(name: string, ...dims: number[]): OnnxTensor {
  return { dims, data: [...seededNormal(name, 0, dims)] }
}

function positive(name: string, ...dims: number[]): OnnxTensor {
  const { data } = random(name, ...dims)
  return { dims, data: (data as number[]).map(value => Math.abs(value) + 0.5) }
}

const number = (value: number): OnnxTensor => ({ dims: [], data: [value] })
const numbers = (...data: number[]): OnnxTensor => ({ dims: [data.length], data })
const index = (value: number): OnnxTensor => ({ dims: [], data: [BigInt(value)] })
const integers = (...data: number[]): OnnxTensor => ({ dims: [data.length], data: data.map(BigInt) })
const list = (...data: number[]): readonly bigint[] => data.map(BigInt)

function one(opset: number, ...steps: OnnxStep[]): OnnxCase {
  return { opset, steps }
}

/** Activation functions by their names alone. */
const plain = Object.fromEntries(
  [
    ...[
      'Relu',
      'LeakyRelu',
      'Elu',
      'Celu',
      'Selu',
      'Sigmoid',
      'HardSigmoid',
      'HardSwish',
      'Mish',
      'Softplus',
    ],
    ...['Softsign', 'Tanh', 'ThresholdedRelu', 'Erf', 'Softmax', 'LogSoftmax', 'Abs', 'Neg', 'Exp', 'Sin'],
  ].map(operation => [operation, one(18, step(operation))]),
)

const weights = random('weights', 6, 4, 3, 3)
const kernel = { kernel_shape: list(3, 3) }

/** Small graphs on an activation (N, 4, 12, 12). */
export const onnxCases: Readonly<Record<string, OnnxCase>> = {
  ...plain,
  'Gelu by the error function': one(20, step('Gelu')),
  'Gelu by tanh': one(20, step('Gelu', [], { approximate: 'tanh' })),
  'Gelu taken apart': one(
    13,
    step('Div', [number(Math.SQRT2)]),
    step('Erf'),
    step('Add', [number(1)]),
    step('Mul', ['x']),
    step('Mul', [number(0.5)]),
  ),
  'SiLU taken apart': one(13, step('Sigmoid'), step('Mul', ['x'])),
  'PRelu of channels': one(16, step('PRelu', [random('slopes', 4, 1, 1)])),
  'Clip by attributes': one(9, step('Clip', [], { min: 0, max: 0.5 })),
  'Clip by inputs, of which one is left out': one(13, step('Clip', ['', number(0.5)])),
  'Softmax of opset 11 flattens': one(11, step('Softmax', [], { axis: 2n })),
  'Conv with padding on all sides': one(
    11,
    step('Conv', [weights, random('b', 6)], { pads: list(1, 0, 2, 3) }),
  ),
  'Conv SAME_UPPER with strides': one(
    11,
    step('Conv', [random('k', 6, 4, 4, 4)], { auto_pad: 'SAME_UPPER', strides: list(3, 2) }),
  ),
  'Conv SAME_LOWER': one(11, step('Conv', [random('k', 6, 4, 2, 2)], { auto_pad: 'SAME_LOWER' })),
  'Conv in groups with dilation': one(
    11,
    step('Conv', [random('k', 8, 2, 3, 3)], { group: 2n, dilations: list(2, 1), pads: list(2, 1, 2, 1) }),
  ),
  'Conv of one dimension': one(
    13,
    step('Reshape', [integers(0, 4, -1)]),
    step('Conv', [random('k', 5, 4, 3)], { pads: list(2, 0) }),
  ),
  'ConvTranspose with output_padding': one(
    11,
    step('ConvTranspose', [random('k', 4, 3, 3, 3), random('b', 3)], {
      strides: list(2, 2),
      pads: list(1, 1, 1, 1),
      output_padding: list(1, 1),
    }),
  ),
  'ConvTranspose with uneven padding': one(
    11,
    step('ConvTranspose', [random('k', 4, 3, 3, 3)], { strides: list(2, 2), pads: list(0, 1, 1, 0) }),
  ),
  'ConvTranspose to a shape': one(
    11,
    step('ConvTranspose', [random('k', 4, 3, 3, 3)], { strides: list(2, 2), output_shape: list(24, 24) }),
  ),
  'MaxPool with ceil_mode': one(12, step('MaxPool', [], { ...kernel, strides: list(2, 2), ceil_mode: 1n })),
  'MaxPool with uneven padding': one(
    12,
    step('MaxPool', [], { ...kernel, strides: list(2, 2), pads: list(0, 0, 1, 1) }),
  ),
  'AveragePool that counts padding': one(
    12,
    step('AveragePool', [], { ...kernel, pads: list(1, 1, 1, 1), count_include_pad: 1n }),
  ),
  'AveragePool with uneven padding': one(12, step('AveragePool', [], { ...kernel, pads: list(0, 1, 1, 1) })),
  'AveragePool SAME_UPPER': one(
    12,
    step('AveragePool', [], { ...kernel, strides: list(2, 2), auto_pad: 'SAME_UPPER' }),
  ),
  'global pools': one(13, step('GlobalAveragePool'), step('Add', ['x']), step('GlobalMaxPool')),
  BatchNormalization: one(
    15,
    step('BatchNormalization', [random('g', 4), random('b', 4), random('m', 4), positive('v', 4)], {
      epsilon: 1e-3,
    }),
  ),
  InstanceNormalization: one(13, step('InstanceNormalization', [random('g', 4), random('b', 4)])),
  'GroupNormalization of opset 18': one(
    18,
    step('GroupNormalization', [random('g', 2), random('b', 2)], { num_groups: 2n }),
  ),
  LayerNormalization: one(
    17,
    step('LayerNormalization', [random('g', 12, 12), random('b', 12, 12)], { axis: -2n }),
  ),
  LRN: one(13, step('LRN', [], { size: 3n, alpha: 0.5, beta: 0.6, bias: 1.5 })),
  LpNormalization: one(13, step('LpNormalization', [], { axis: 1n })),
  MeanVarianceNormalization: one(13, step('MeanVarianceNormalization', [], { axes: list(2, 3) })),
  'MatMul and a bias': one(13, step('MatMul', [random('m', 12, 5)]), step('Add', [random('b', 5)])),
  'MatMul of two activations': one(
    13,
    step('Transpose', [], { perm: list(0, 1, 3, 2) }),
    step('MatMul', ['x']),
  ),
  'Gemm with its factors': one(
    13,
    step('Flatten'),
    step('Gemm', [random('m', 7, 576), random('b', 1, 7)], { transB: 1n, alpha: 0.5, beta: 2 }),
  ),
  Einsum: one(13, step('Einsum', ['x'], { equation: 'bchw,bcwv->bchv' })),
  'arithmetic with constants': one(
    13,
    step('Mul', [random('c', 4, 1, 1)]),
    step('Sub', [number(0.25)]),
    step('Div', [number(3)]),
    step('Pow', [number(2)]),
    step('Max', [number(0.1)]),
    step('Sqrt'),
  ),
  'a choice between activations': one(16, step('Greater', [number(0)]), step('Where', ['x', number(0.5)])),
  'sums and means of several': one(13, step('Sum', ['x', 'x']), step('Mean', ['x', random('c', 4, 12, 12)])),
  'ReduceMean by an attribute': one(13, step('ReduceMean', [], { axes: list(2, 3), keepdims: 0n })),
  'ReduceMean by an input': one(18, step('ReduceMean', [integers(-1)])),
  'ReduceSum, ReduceMax, ReduceL2': one(
    13,
    step('ReduceSum', [integers(3)]),
    step('ReduceMax', [], { axes: list(2) }),
    step('ReduceL2', [], { axes: list(-1), keepdims: 0n }),
  ),
  ReduceLogSumExp: one(13, step('ReduceLogSumExp', [], { axes: list(1), keepdims: 0n })),
  'Concat and Split': one(
    13,
    step('Split', [integers(1, 3)], { axis: 1n }, { outputs: 2 }),
    step('Concat', ['x'], { axis: 1n }),
  ),
  'Split by a number of outputs': one(18, step('Split', [], { axis: 2n, num_outputs: 3n }, { outputs: 3 })),
  'Slice by attributes': one(
    9,
    step('Slice', [], { axes: list(2, 3), starts: list(1, -5), ends: list(9, 99) }),
  ),
  'Slice by inputs, with steps': one(
    13,
    step('Slice', [integers(0, -1), integers(11, -99), integers(2, 3), integers(2, -1)]),
  ),
  'Gather of one and of several': one(
    13,
    step('Gather', [integers(3, -2, 0)], { axis: 1n }),
    step('Gather', [index(-1)], { axis: 2n }),
  ),
  'Gather by a table of places': one(
    13,
    step('Gather', [{ dims: [2, 2], data: [0n, 3n, 1n, 2n] }], { axis: 1n }),
  ),
  'Pad by an attribute': one(9, step('Pad', [], { pads: list(0, 0, 1, 2, 0, 1, 0, 3), value: 0.5 })),
  'Pad by reflection': one(13, step('Pad', [integers(0, 0, 1, 2, 0, 0, 3, 1)], { mode: 'reflect' })),
  'Pad by the edge, of some axes': one(18, step('Pad', [integers(1, 2), '', integers(3)], { mode: 'edge' })),
  'Squeeze and Unsqueeze of opset 11': one(
    11,
    step('Unsqueeze', [], { axes: list(1, 4) }),
    step('Squeeze', [], { axes: list(1, -2) }),
  ),
  'Squeeze and Unsqueeze of opset 13': one(
    13,
    step('GlobalAveragePool'),
    step('Squeeze', [integers(2, 3)]),
    step('Unsqueeze', [integers(1)]),
  ),
  'Expand and Tile': one(
    13,
    step('ReduceMean', [], { axes: list(3) }),
    step('Expand', [integers(1, 4, 12, 3)]),
    step('Tile', [integers(1, 1, 2, 1)]),
  ),
  'DepthToSpace and SpaceToDepth': one(
    13,
    step('DepthToSpace', [], { blocksize: 2n }),
    step('SpaceToDepth', [], { blocksize: 3n }),
    step('Reshape', [integers(0, 9, -1)]),
  ),
  'DepthToSpace by columns': one(13, step('DepthToSpace', [], { blocksize: 2n, mode: 'CRD' })),
  'Upsample of opset 9': one(9, step('Upsample', [numbers(1, 1, 2, 3)])),
  'Resize to the nearest, asymmetric': one(
    11,
    step('Resize', [numbers(), numbers(1, 1, 2, 2)], {
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    }),
  ),
  'Resize to the nearest, exactly': one(
    13,
    step('Resize', ['', '', integers(3, 4, 7, 19)], { nearest_mode: 'round_prefer_ceil' }),
  ),
  'Resize linearly': one(13, step('Resize', ['', numbers(1, 1, 1.5, 0.75)], { mode: 'linear' })),
  'Resize linearly between corners': one(
    13,
    step('Resize', ['', '', integers(3, 4, 7, 19)], {
      mode: 'linear',
      coordinate_transformation_mode: 'align_corners',
    }),
  ),
  'Resize by a cubic': one(13, step('Resize', ['', numbers(1, 1, 2, 2)], { mode: 'cubic' })),
  'a shape that is computed': one(
    13,
    step('Shape'),
    step('Slice', [integers(0), integers(2), integers(0)]),
    step('Concat', [integers(-1)], { axis: 0n }),
    step('Reshape', ['x', 'v2'], {}, { anew: true }),
  ),
  'a shape that is turned around': one(
    13,
    step('Shape'),
    step('Slice', [integers(-1), integers(-99), integers(0), integers(-1)]),
    step('Slice', [integers(3), integers(4), integers(0)]),
    step('Concat', [integers(-1)], { axis: 0n }),
    step('Reshape', ['x', 'v3'], {}, { anew: true }),
  ),
  'a batch that is read off': one(
    13,
    step('Shape'),
    step('Gather', [index(0)], { axis: 0n }),
    step('Mul', [index(4)]),
    step('Unsqueeze', [integers(0)]),
    step('Concat', [integers(-1)], { axis: 0n }),
    step('Reshape', ['x', 'v4'], {}, { anew: true }),
    step('Reshape', [integers(-1, 4, 144)]),
  ),
  'a row for each image': one(
    13,
    step('Shape'),
    step('Gather', [integers(0)], { axis: 0n }),
    step('Concat', [integers(4, 12, 1)], { axis: 0n }),
    step('ConstantOfShape', [], { value: { dims: [1], data: [0.25] } }),
    step('Concat', ['x'], { axis: 3n }),
  ),
  'a file for one image: Reshape': {
    opset: 13,
    fixed: true,
    steps: [
      step('Reshape', [integers(1, 2, 2, 144)]),
      step('Transpose', [], { perm: list(0, 2, 1, 3) }),
      step('Reshape', [integers(1, -1)]),
    ],
  },
  'a file for one image: heads behind the tokens': {
    opset: 13,
    fixed: true,
    steps: [
      step('Reshape', [integers(1, 4, 144)]),
      step('Transpose', [], { perm: list(2, 0, 1) }),
      step('Reshape', [integers(144, 2, 2)]),
      step('Transpose', [], { perm: list(1, 0, 2) }),
      step('MatMul', [random('m', 2, 3)]),
      step('Transpose', [], { perm: list(1, 0, 2) }),
      step('Reshape', [integers(144, 1, 6)]),
      step('Transpose', [], { perm: list(1, 0, 2) }),
    ],
  },
  'a file for one image: a class token': {
    opset: 13,
    fixed: true,
    steps: [step('Reshape', [integers(1, 4, 144)]), step('Concat', [random('t', 1, 1, 144)], { axis: 1n })],
  },
  'a file for one image: tokens in one row': {
    opset: 13,
    fixed: true,
    steps: [
      step('Reshape', [integers(1, 4, 144)]),
      step('Transpose', [], { perm: list(2, 0, 1) }),
      step('Reshape', [integers(144, 4)]),
      step('Gemm', [random('m', 4, 3)]),
      step('Reshape', [integers(144, 1, 3)]),
      step('Transpose', [], { perm: list(1, 0, 2) }),
    ],
  },
  'a dropout with its mask': one(13, step('Dropout', [], {}, { outputs: 2 })),
  'a shape whose batch is read': one(
    13,
    step('Shape'),
    step('Slice', [integers(0), integers(1)]),
    step('Concat', [integers(-1)], { axis: 0n }),
    step('Reshape', ['x', 'v2'], {}, { anew: true }),
  ),
  'edges by a padding that is computed': one(
    13,
    step('Shape'),
    step('Slice', [integers(2), integers(4)]),
    step('Sub', [integers(10, 11)]),
    step('Concat', [integers(1, 2, 0, 0, 0, 0)], { axis: 0n }),
    step('Reshape', [integers(-1, 2)]),
    step('Slice', [integers(-1), integers(-99), integers(0), integers(-1)]),
    step('Transpose', [], { perm: list(1, 0) }),
    step('Reshape', [integers(-1)]),
    step('Pad', ['x', 'v7'], { mode: 'edge' }, { anew: true }),
  ),
  'elements by their places in memory': one(
    13,
    step('Shape'),
    step('ConstantOfShape', [], { value: { dims: [1], data: [1n] } }),
    step('Reshape', [integers(-1)]),
    step('CumSum', [index(0)]),
    step('Sub', [index(1)]),
    step('Reshape', [integers(-1, 4, 144)]),
    step('Reshape', ['x', integers(-1)], {}, { anew: true }),
    step('Gather', ['v5']),
  ),
  GatherND: one(
    13,
    step('Transpose', [], { perm: list(1, 0, 2, 3) }),
    step('GatherND', [{ dims: [2, 1], data: [2n, 0n] }]),
    step('Transpose', [], { perm: list(1, 0, 2, 3) }),
  ),
  ScatterND: one(
    13,
    step('Transpose', [], { perm: list(1, 0, 2, 3) }),
    step('Slice', [integers(0), integers(1), integers(0)]),
    step('ScatterND', ['v0', { dims: [1, 1], data: [2n] }, 'v1'], {}, { anew: true }),
    step('Transpose', [], { perm: list(1, 0, 2, 3) }),
  ),
  'a ReLU that quantisation left out': {
    opset: 13,
    tolerance: 0.02,
    steps: ['QuantizeLinear', 'DequantizeLinear'].map(operation =>
      step(operation, [number(0.1), { dims: [], data: [0], type: 'uint8' }]),
    ),
  },
  'quantised weights': one(
    13,
    step('QuantizeLinear', [number(1e-6), { dims: [], data: [0], type: 'int8' }]),
    step('DequantizeLinear', [number(1e-6), { dims: [], data: [0], type: 'int8' }]),
    step('Mul', [number(0)]),
    step('Add', ['x']),
  ),
  'com.microsoft.FusedConv': one(
    13,
    step('FusedConv', [weights, random('b', 6)], { activation: 'Relu', pads: list(1, 1, 1, 1) }, microsoft),
  ),
  'com.microsoft.BiasGelu': one(13, step('BiasGelu', [random('b', 12)], {}, microsoft)),
  'com.microsoft.FastGelu': one(13, step('FastGelu', [random('b', 12)], {}, microsoft)),
  'com.microsoft.QuickGelu': one(13, step('QuickGelu', [], { alpha: 1.702 }, microsoft)),
  'com.microsoft.FusedMatMul': one(13, step('FusedMatMul', ['x'], { transB: 1n, alpha: 0.5 }, microsoft)),
  'com.microsoft.SkipLayerNormalization': one(
    13,
    step('Reshape', [integers(0, -1, 4)]),
    step('SkipLayerNormalization', ['v0', random('g', 4), random('b', 4)], { epsilon: 1e-5 }, microsoft),
  ),
  'com.microsoft.Attention': one(
    13,
    step('Reshape', [integers(0, -1, 4)]),
    step('Attention', [random('w', 4, 12), random('b', 12)], { num_heads: 2n }, microsoft),
  ),
  'com.microsoft.MultiHeadAttention': one(
    13,
    step('Reshape', [integers(0, -1, 4)]),
    step('MultiHeadAttention', ['v0', 'v0'], { num_heads: 2n }, microsoft),
  ),
}
