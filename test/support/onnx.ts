/** A tensor of an ONNX file: 64-bit integers where `data` holds bigints, else float32 or the given type. */
export interface OnnxTensor {
  dims: readonly number[]
  data: readonly number[] | readonly bigint[]
  type?: 'float' | 'int8' | 'uint8' | 'float16bits' | 'double'
}

export type OnnxAttribute = number | bigint | string | OnnxTensor | readonly number[] | readonly bigint[]

export interface OnnxNode {
  operation: string
  inputs: readonly string[]
  outputs: readonly string[]
  /** Numbers are real, bigints whole. */
  attributes?: Readonly<Record<string, OnnxAttribute>>
  domain?: string
  name?: string
}

export interface OnnxInput {
  name: string
  shape: readonly (number | string)[]
}

export interface OnnxModel {
  nodes: readonly OnnxNode[]
  tensors?: Readonly<Record<string, OnnxTensor>>
  /** One, or several. */
  input: OnnxInput | readonly OnnxInput[]
  /** One, or several. */
  output: string | readonly string[]
  opset: number
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  do {
    const low = Number(rest & 127n)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 128 : low)
  } while (rest > 0n)
  return Buffer.from(bytes)
}

function key(field: number, wire: number): Buffer {
  return varint(BigInt(field * 8 + wire))
}

function whole(field: number, value: number | bigint): Buffer {
  return Buffer.concat([key(field, 0), varint(BigInt(value))])
}

function bytes(field: number, content: Buffer | string): Buffer {
  const body = Buffer.from(content)
  return Buffer.concat([key(field, 2), varint(BigInt(body.length)), body])
}

function real(field: number, value: number): Buffer {
  const body = Buffer.alloc(4)
  body.writeFloatLE(value)
  return Buffer.concat([key(field, 5), body])
}

const tensorTypes = { float: 1, uint8: 2, int8: 3, int64: 7, float16bits: 10, double: 11 } as const

function rawData(tensor: OnnxTensor): { type: number; data: Buffer } {
  if (typeof tensor.data[0] === 'bigint') {
    return { type: tensorTypes.int64, data: Buffer.from(BigInt64Array.from(tensor.data as bigint[]).buffer) }
  }
  const numbers = tensor.data as number[]
  const type = tensor.type ?? 'float'
  const arrays = {
    float: Float32Array,
    double: Float64Array,
    int8: Int8Array,
    uint8: Uint8Array,
    float16bits: Uint16Array,
  } as const
  return { type: tensorTypes[type], data: Buffer.from(arrays[type].from(numbers).buffer) }
}

function tensorProto(tensor: OnnxTensor, name = ''): Buffer {
  const { type, data } = rawData(tensor)
  return Buffer.concat([
    ...tensor.dims.map(dim => whole(1, dim)),
    whole(2, type),
    bytes(8, name),
    bytes(9, data),
  ])
}

function attributeValue(value: OnnxAttribute): Buffer[] {
  if (typeof value === 'number') return [real(2, value), whole(20, 1)]
  if (typeof value === 'bigint') return [whole(3, value), whole(20, 2)]
  if (typeof value === 'string') return [bytes(4, value), whole(20, 3)]
  if ('dims' in value) return [bytes(5, tensorProto(value)), whole(20, 4)]
  if (typeof value[0] === 'bigint') return [...(value as bigint[]).map(one => whole(8, one)), whole(20, 7)]
  return [...(value as number[]).map(one => real(7, one)), whole(20, 6)]
}

function nodeProto(node: OnnxNode): Buffer {
  return Buffer.concat([
    ...node.inputs.map(name => bytes(1, name)),
    ...node.outputs.map(name => bytes(2, name)),
    bytes(3, node.name ?? ''),
    bytes(4, node.operation),
    ...Object.entries(node.attributes ?? {}).map(([name, value]) =>
      bytes(5, Buffer.concat([bytes(1, name), ...attributeValue(value)])),
    ),
    bytes(7, node.domain ?? ''),
  ])
}

function valueInfo(name: string, shape?: readonly (number | string)[]): Buffer {
  const sides = shape?.map(side => bytes(1, typeof side === 'number' ? whole(1, side) : bytes(2, side)))
  const tensor = Buffer.concat([whole(1, 1), ...(sides ? [bytes(2, Buffer.concat(sides))] : [])])
  return Buffer.concat([bytes(1, name), bytes(2, bytes(1, tensor))])
}

/** The bytes of an ONNX file, by the field numbers of its protobuf schema. */
export function onnxFile(model: OnnxModel): Buffer {
  const graph = Buffer.concat([
    ...model.nodes.map(node => bytes(1, nodeProto(node))),
    bytes(2, 'graph'),
    ...Object.entries(model.tensors ?? {}).map(([name, tensor]) => bytes(5, tensorProto(tensor, name))),
    ...[model.input].flat().map(({ name, shape }) => bytes(11, valueInfo(name, shape))),
    ...[model.output].flat().map(name => bytes(12, valueInfo(name))),
  ])
  const opset = (domain: string, version: number) =>
    bytes(8, Buffer.concat([bytes(1, domain), whole(2, version)]))
  return Buffer.concat([whole(1, 8), bytes(7, graph), opset('', model.opset), opset('com.microsoft', 1)])
}
