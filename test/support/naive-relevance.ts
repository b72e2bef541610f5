import { addon, type DoubleTensor, type RelevanceRule, type RuledOperation } from '../../lib/native/addon.js'

export type WeightedOperation = Extract<RuledOperation, { weight: DoubleTensor }>

/** An operation as a matrix: each output is a sum over all inputs, and a bias. */
export interface Dense {
  /** outputs × inputs */
  weights: number[][]
  bias: number[]
  outputShape: number[]
}

/** Normal numbers in double precision. */
export function normal(name: string, shape: number[]): { shape: number[]; data: Float64Array } {
  return { shape, data: Float64Array.from(addon().seededNormal(name, 0, shape)) }
}

/** One patch of a convolution: for each of the weights of a neuron the input that it meets, or none beyond the border. */
type Patch = (number | undefined)[]

/** The patches that a convolution sees for each of its output channels, row by row. */
function patchesOf(
  operation: Extract<WeightedOperation, { kind: 'convolution' }>,
  [, , height, width]: number[],
  channel: number,
): { patches: Patch[]; rows: number; columns: number } {
  const [outputs, inputs, kernelHeight, kernelWidth] = operation.weight.shape as number[]
  const { stride, padding, groups } = operation
  const rows = Math.floor((height! + 2 * padding[0] - kernelHeight!) / stride[0]) + 1
  const columns = Math.floor((width! + 2 * padding[1] - kernelWidth!) / stride[1]) + 1
  const first = Math.floor(channel / (outputs! / groups)) * inputs!
  const patches: Patch[] = []
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const patch: Patch = []
      for (let c = 0; c < inputs!; c++) {
        for (let y = 0; y < kernelHeight!; y++) {
          for (let x = 0; x < kernelWidth!; x++) {
            const [v, u] = [row * stride[0] + y - padding[0], column * stride[1] + x - padding[1]]
            const inside = v >= 0 && v < height! && u >= 0 && u < width!
            patch.push(inside ? ((first + c) * height! + v) * width! + u : undefined)
          }
        }
      }
      patches.push(patch)
    }
  }
  return { patches, rows, columns }
}

export function denseForm(operation: WeightedOperation, shape: number[]): Dense {
  const outputs = operation.weight.shape[0]!
  const size = operation.weight.data.length / outputs
  const weightsOf = (neuron: number) => [...operation.weight.data.slice(neuron * size, (neuron + 1) * size)]
  const neurons = Array.from({ length: outputs }, (_, neuron) => neuron)
  if (operation.kind === 'linear') {
    return { weights: neurons.map(weightsOf), bias: [...operation.bias.data], outputShape: [1, outputs] }
  }
  const inputs = shape.reduce((product, extent) => product * extent, 1)
  const dense: Dense = { weights: [], bias: [], outputShape: [] }
  for (const neuron of neurons) {
    const { patches, rows, columns } = patchesOf(operation, shape, neuron)
    dense.outputShape = [1, outputs, rows, columns]
    for (const patch of patches) {
      const row = new Array<number>(inputs).fill(0)
      weightsOf(neuron).forEach((weight, i) => {
        if (patch[i] !== undefined) row[patch[i]] = weight
      })
      dense.weights.push(row)
      dense.bias.push(operation.bias.data[neuron]!)
    }
  }
  return dense
}

const positive = (value: number) => Math.max(value, 0)
const negative = (value: number) => Math.min(value, 0)

function stabilised(z: number, epsilon: number): number {
  const divisor = z === 0 ? 1 : z
  return divisor + epsilon * Math.sign(divisor)
}

/** R_i = Σ_j z_ij / D(Σ_i z_ij + z_0j) · R_j, written out for each rule. */
export function naiveRelevance(
  { weights, bias }: Dense,
  x: Float64Array,
  relevance: Float64Array,
  rule: RelevanceRule,
  shape: number[],
): number[] {
  const found = new Array<number>(x.length).fill(0)
  const share = (contributions: number[], constant: number, relevant: number) => {
    const z = contributions.reduce((sum, value) => sum + value, constant)
    contributions.forEach((value, i) => {
      found[i]! += (value / stabilised(z, rule.epsilon)) * relevant
    })
  }
  weights.forEach((row, j) => {
    const withBias = 'biases' in rule && rule.biases ? bias[j]! : 0
    const each = (contribution: (x: number, w: number, i: number) => number) =>
      row.map((w, i) => contribution(x[i]!, w, i))
    if (rule.name === 'epsilon') {
      share(
        each((value, w) => value * w),
        withBias,
        relevance[j]!,
      )
    } else if (rule.name === 'gamma') {
      const output = row.reduce((sum, w, i) => sum + x[i]! * w, bias[j]!)
      const [favoured, other] = output > 0 ? [positive, negative] : [negative, positive]
      if (output === 0) return
      const raised = (value: number, part: (value: number) => number) => value + rule.gamma * part(value)
      share(
        each((value, w) => positive(value) * raised(w, favoured) + negative(value) * raised(w, other)),
        raised(withBias, favoured),
        relevance[j]!,
      )
    } else if (rule.name === 'alpha-beta') {
      share(
        each((value, w) => positive(value) * positive(w) + negative(value) * negative(w)),
        positive(withBias),
        (1 + rule.beta) * relevance[j]!,
      )
      share(
        each((value, w) => positive(value) * negative(w) + negative(value) * positive(w)),
        negative(withBias),
        -rule.beta * relevance[j]!,
      )
    } else if (rule.name === 'box') {
      const pixels = shape[2]! * shape[3]!
      const bound = (bounds: readonly number[], i: number) => bounds[Math.floor(i / pixels)]!
      share(
        each(
          (value, w, i) => value * w - bound(rule.low, i) * positive(w) - bound(rule.high, i) * negative(w),
        ),
        0,
        relevance[j]!,
      )
    }
  })
  return found
}

/** a = (E₊[xy] − E₊[x]·E[y]) / wᵀ(…), patch by patch. */
export function naivePattern(operation: WeightedOperation, { shape, data }: DoubleTensor): number[] {
  const outputs = operation.weight.shape[0]!
  const size = operation.weight.data.length / outputs
  const perImage = data.length / shape[0]!
  const pattern: number[] = []
  for (let neuron = 0; neuron < outputs; neuron++) {
    const w = operation.weight.data.slice(neuron * size, (neuron + 1) * size)
    const products = new Array<number>(size).fill(0)
    const inputs = new Array<number>(size).fill(0)
    let [active, patches, outputSum] = [0, 0, 0]
    const places: Patch[] =
      operation.kind === 'linear'
        ? [Array.from({ length: size }, (_, i) => i)]
        : patchesOf(operation, [1, ...shape.slice(1)], neuron).patches
    for (let image = 0; image < shape[0]!; image++) {
      for (const place of places) {
        const x = place.map(i => (i === undefined ? 0 : data[image * perImage + i]!))
        const y = x.reduce((sum, value, i) => sum + value * w[i]!, operation.bias.data[neuron]!)
        patches++
        outputSum += y
        if (y <= 0) continue
        active++
        x.forEach((value, i) => {
          products[i]! += value * y
          inputs[i]! += value
        })
      }
    }
    const covariance = products.map(
      (value, i) => value / active - ((inputs[i]! / active) * outputSum) / patches,
    )
    const along = covariance.reduce((sum, value, i) => sum + value * w[i]!, 0)
    pattern.push(...covariance.map(value => value / along))
  }
  return pattern
}
