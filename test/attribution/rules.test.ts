import test from 'ava'
import { loadModel, methods } from '../../lib/index.js'
import { addon, type DoubleTensor, type RelevanceRule, type RuledOperation } from '../../lib/native/addon.js'
import {
  denseForm,
  naivePattern,
  naiveRelevance,
  normal,
  type WeightedOperation,
} from '../support/naive-relevance.js'

const near = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) => {
  let [difference, norm] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2
    norm += expected[i]! ** 2
  }
  return actual.length === expected.length && Math.sqrt(difference) <= tolerance * Math.sqrt(norm)
}
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0)

const linear: WeightedOperation = {
  kind: 'linear',
  weight: normal('weight', [5, 7]),
  bias: normal('bias', [5]),
}
const convolutions: Record<string, WeightedOperation> = {
  'a convolution': convolution([4, 3, 3, 3], [1, 1], [1, 1], 1),
  'a convolution with strides, no padding': convolution([2, 3, 2, 3], [2, 1], [0, 0], 1),
  'a convolution in groups': convolution([4, 2, 3, 3], [2, 2], [1, 1], 2),
}

function convolution(
  shape: [number, number, number, number],
  stride: [number, number],
  padding: [number, number],
  groups: number,
): WeightedOperation {
  return {
    kind: 'convolution',
    weight: normal(`weight ${shape}`, shape),
    bias: normal(`bias ${shape}`, [shape[0]]),
    stride,
    padding,
    groups,
  }
}

const cases: [string, WeightedOperation, number[]][] = [
  ['a linear layer', linear, [1, 7]],
  ...Object.entries(convolutions).map(([name, operation]): [string, WeightedOperation, number[]] => [
    name,
    operation,
    [1, operation.kind === 'convolution' && operation.groups === 2 ? 4 : 3, 5, 6],
  ]),
]

const rules: [string, RelevanceRule][] = [
  ...[true, false].flatMap((biases): [string, RelevanceRule][] => [
    [`ε, biases ${biases}`, { name: 'epsilon', epsilon: 0.1, biases }],
    [`γ, biases ${biases}`, { name: 'gamma', gamma: 0.3, epsilon: 1e-3, biases }],
    [`z⁺, biases ${biases}`, { name: 'alpha-beta', beta: 0, epsilon: 1e-3, biases }],
    [`α2β1, biases ${biases}`, { name: 'alpha-beta', beta: 1, epsilon: 1e-3, biases }],
    [`the paper's b = -1, biases ${biases}`, { name: 'alpha-beta', beta: -1, epsilon: 5, biases }],
  ]),
  ['box', { name: 'box', epsilon: 1e-6, low: [-2, -1.5, -3, -2], high: [2.5, 3, 2, 2] }],
]

for (const [operationName, operation, shape] of cases) {
  for (const [ruleName, rule] of rules) {
    if (rule.name === 'box' && operation.kind === 'linear') continue
    test(`${ruleName} on ${operationName} equals the naive form`, t => {
      const channels = shape[1]!
      const fitting =
        rule.name === 'box'
          ? { ...rule, low: rule.low.slice(0, channels), high: rule.high.slice(0, channels) }
          : rule
      // Inputs of both signs, and those that come out of a ReLU.
      for (const rectified of [false, true]) {
        const drawn = normal(`input ${rectified}`, shape)
        const input = { shape, data: drawn.data.map(value => (rectified ? Math.max(value, 0) : value)) }
        const dense = denseForm(operation, shape)
        const relevance = normal('relevance', dense.outputShape)
        const [found] = addon().propagateRelevance(operation, fitting, [input], relevance)
        const expected = naiveRelevance(dense, input.data, relevance.data, fitting, shape)
        t.true(near(found!, expected, 1e-10), `rectified ${rectified}`)
      }
    })
  }
}

test('without biases and with a small ε relevance is kept by every rule that shares all of it', t => {
  for (const [, operation, shape] of cases) {
    const input = normal('input', shape)
    const relevance = normal('relevance', denseForm(operation, shape).outputShape)
    const conserving: RelevanceRule[] = [
      { name: 'epsilon', epsilon: 1e-12, biases: false },
      { name: 'gamma', gamma: 0.25, epsilon: 1e-12, biases: false },
      { name: 'alpha-beta', beta: 0, epsilon: 1e-12, biases: false },
      { name: 'alpha-beta', beta: 1, epsilon: 1e-12, biases: false },
    ]
    for (const rule of conserving) {
      // γ is defined by the output's sign, which decides with the bias: with biases of 0 the two agree.
      const without = { ...operation, bias: { ...operation.bias, data: operation.bias.data.map(() => 0) } }
      const [found] = addon().propagateRelevance(without, rule, [input], relevance)
      t.true(Math.abs(sum(found!) / sum(relevance.data) - 1) < 1e-8, rule.name)
    }
  }
})

test('a sum shares relevance by contribution', t => {
  const shape = [1, 2, 3, 3]
  const [a, b, relevance] = [normal('a', shape), normal('b', shape), normal('relevance', shape)]
  const parts = addon().propagateRelevance({ kind: 'add' }, { name: 'sum', epsilon: 0 }, [a, b], relevance)
  for (const [i, value] of relevance.data.entries()) {
    const total = a.data[i]! + b.data[i]!
    t.true(Math.abs(parts[0]![i]! - (a.data[i]! / total) * value) < 1e-9 * Math.abs(value / total))
    t.true(Math.abs(parts[0]![i]! + parts[1]![i]! - value) < 1e-9 * (1 + Math.abs(value / total)))
  }
})

test('an average pool shares relevance by contribution, and changes nothing where it changes no size', t => {
  const shape = [1, 2, 4, 4]
  const input = normal('input', shape)
  const rule: RelevanceRule = { name: 'average-pool', epsilon: 0 }
  const relevance = normal('relevance', [1, 2, 1, 1])
  const [found] = addon().propagateRelevance({ kind: 'average-pool', size: [1, 1] }, rule, [input], relevance)
  const expected = input.data.map((value, i) => {
    const channel = Math.floor(i / 16)
    return (value / sum(input.data.slice(channel * 16, channel * 16 + 16))) * relevance.data[channel]!
  })
  t.true(near(found!, expected, 1e-10))
  const same = normal('same', shape)
  const [unchanged] = addon().propagateRelevance({ kind: 'average-pool', size: [4, 4] }, rule, [input], same)
  t.deepEqual(unchanged, same.data)
})

for (const [name, operation, [, ...shape]] of cases) {
  test(`the patterns of ${name} equal the naive form, and weights times patterns are 1`, t => {
    const inputs = normal('data', [6, ...shape])
    const found = addon().fitPattern(operation, inputs)
    const { weight } = operation
    const size = weight.data.length / weight.shape[0]!
    for (let neuron = 0; neuron < weight.shape[0]!; neuron++) {
      const products = weight.data
        .slice(neuron * size, (neuron + 1) * size)
        .map((value, i) => value * found[neuron * size + i]!)
      t.true(Math.abs(sum(products) - 1) < 1e-9)
    }
    t.true(near(found, naivePattern(operation, inputs), 1e-9))
  })
}

test('the direction of a signal is found among distractors to 1 %', t => {
  // x = a·s + distractor, and the weights filter the distractor out (Kindermans et al. 2018, section 2).
  const [samples, dimensions] = [200_000, 4]
  const direction = [1, -0.5, 2, 0.25]
  const distractor = [0.5, 1, 0.5, -2]
  const weights = [0.6, 0, 0.2, 0.2]
  const across = sum(weights.map((value, i) => value * distractor[i]!))
  // Made orthogonal to the distractor, and of length 1 along the signal.
  const norm = sum(distractor.map(value => value * value))
  const filtered = weights.map((value, i) => value - (across / norm) * distractor[i]!)
  const along = sum(filtered.map((value, i) => value * direction[i]!))
  const weight: DoubleTensor = {
    shape: [1, dimensions],
    data: Float64Array.from(filtered, value => value / along),
  }
  const signal = normal('signal', [samples]).data
  const noise = normal('noise', [samples]).data
  const data = new Float64Array(samples * dimensions)
  for (let i = 0; i < samples; i++) {
    for (let d = 0; d < dimensions; d++) {
      data[i * dimensions + d] = direction[d]! * signal[i]! + distractor[d]! * noise[i]!
    }
  }
  const operation: RuledOperation = {
    kind: 'linear',
    weight,
    bias: { shape: [1], data: new Float64Array(1) },
  }
  const found = addon().fitPattern(operation, { shape: [samples, dimensions], data })
  t.true(near(found, direction, 0.01), `${[...found]}`)
  t.false(near(weight.data, direction, 0.3), 'the weights themselves point elsewhere')
})

for (const [name, width] of [
  ['vgg16', 16],
  ['resnet50', 16],
] as const) {
  test.serial(`${name}: relevance is conserved by the composites without biases`, async t => {
    await using model = await loadModel(name, { weights: 'seeded:0', device: 'cpu', width, classes: 10 })
    const data = addon().seededNormal('image', 0, [1, 3, 64, 64])
    for (const composite of ['gamma', 'z-plus', 'alpha2-beta1', 'epsilon-gamma-box'] as const) {
      await using attributer = methods.lrp(model, { composite, biases: false, keepRaw: true })
      const [result] = await attributer.attribute({ data, shape: [3, 64, 64] }, { targets: 3 })
      const [logits] = await model.logits({ data, shape: [3, 64, 64] })
      const gap = result!.checks.conservationGap!
      const scale = Math.max(...logits!.map(Math.abs))
      t.true(Math.abs(gap) < 1e-3 * scale, `${composite}: ${gap} of ${logits![3]}`)
      t.true(Math.abs(sum(result!.raw!.data) + gap - logits![3]!) < 1e-4 * scale)
    }
  })
}
