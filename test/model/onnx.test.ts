import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ModelError } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { seededNormal } from '../../scripts/testing/module.js'
import { loadFile } from '../support/imported-models.js'
import { type OnnxModel, type OnnxNode, type OnnxTensor, onnxFile } from '../support/onnx.js'
import { type OnnxCase, type OnnxStep, onnxCases } from '../support/onnx-cases.js'
import { judge } from '../support/onnx-runtime.js'

const size = 12
const folder = mkdtempSync(join(tmpdir(), 'iba-onnx-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const firstWeights: OnnxTensor = { dims: [4, 3, 3, 3], data: [...seededNormal('first', 0, [4, 3, 3, 3])] }

/** A classifier: a convolution, the case, and all that it makes as logits. */
function classifier({ opset, steps, fixed = false }: OnnxCase): OnnxModel {
  const tensors: Record<string, OnnxTensor> = {
    first: firstWeights,
    scale: { dims: [], data: [1.7] },
    offset: { dims: [], data: [0.3] },
  }
  const nodes: OnnxNode[] = [
    {
      operation: 'Conv',
      inputs: ['images', 'first'],
      outputs: ['x'],
      attributes: { pads: [1n, 1n, 1n, 1n] },
      name: 'first',
    },
  ]
  let last = 'x'
  steps.forEach((step, i) => {
    const more = step.more.map((input, j) => {
      if (typeof input === 'string') return input
      tensors[`c${i}.${j}`] = input
      return `c${i}.${j}`
    })
    const inputs = step.anew ? more : [last, ...more]
    const outputs = Array.from({ length: step.outputs }, (_, o) => (o === 0 ? `v${i}` : `v${i}.${o}`))
    nodes.push({ ...step, inputs, outputs, name: `step ${i}` })
    last = `v${i}`
  })
  nodes.push(
    { operation: 'Flatten', inputs: [last], outputs: ['flat'] },
    { operation: 'Mul', inputs: ['flat', 'scale'], outputs: ['scaled'] },
    { operation: 'Sub', inputs: ['scaled', 'offset'], outputs: ['logits'] },
  )
  const input = { name: 'images', shape: [fixed ? 1 : 'batch', 3, size, size] }
  return { nodes, tensors, input, output: 'logits', opset }
}

async function write(name: string, model: OnnxModel): Promise<string> {
  const path = join(folder, `${name.replace(/\W+/g, '-')}.onnx`)
  await writeFile(path, onnxFile(model))
  return path
}

const images = { data: seededNormal('images', 0, [3, 3, size, size]), shape: [3, 3, size, size] }

for (const [name, onnx] of Object.entries(onnxCases)) {
  test(`as ONNX Runtime: ${name}`, async t => {
    const path = await write(name, classifier(onnx))
    await using model = await loadFile(path, size, { memoryFormat: 'contiguous' })
    const found = await addon().logits({ model: model.handle, images })
    const wanted = await judge(path, images, onnx.fixed ? 1 : 3)
    t.is(found.data.length, wanted.length)
    const error = relativeError(found.data, wanted)
    t.true(error <= (onnx.tolerance ?? 1e-5), String(error))
  })
}

test('a product and its bias are one linear layer, and transpositions that undo each other none', async t => {
  const channelsLast = classifier(onnxCases['MatMul and a bias']!)
  const nodes: OnnxNode[] = [
    {
      operation: 'Transpose',
      inputs: ['photos'],
      outputs: ['images'],
      attributes: { perm: [0n, 3n, 1n, 2n] },
    },
    ...channelsLast.nodes,
  ]
  const input = { name: 'photos', shape: ['batch', size, size, 3] }
  const path = await write('channels last', { ...channelsLast, nodes, input })
  await using model = await loadFile(path, size)
  const kinds = model.layers().then(layers => layers.map(layer => layer.kind))
  t.deepEqual((await kinds).slice(0, 2), ['convolution', 'linear'])
  t.is(model.inputChannels, 3)
})

test("layers have the names of modules where the exporter left them, and the node's inside", async t => {
  const { nodes, ...rest } = classifier({
    opset: 13,
    steps: [onnxCases.Relu!.steps[0]!, onnxCases.Tanh!.steps[0]!],
  })
  const names = ['/layer1/layer1.0/conv1/Conv', '/layer1/layer1.0/relu/Relu', 'act']
  const named = nodes.map((node, i) => ({ ...node, name: names[i] ?? '' }))
  await using model = await loadFile(await write('names', { ...rest, nodes: named }), size)
  t.deepEqual(model.layerNames.slice(0, 3), ['layer1.0.conv1', 'layer1.0.relu', 'layer1.0.act'])
  t.true(['layer1.0', 'layer1'].every(name => model.layerNames.includes(name)))
})

test("without modules, a layer has its node's name", async t => {
  const { nodes, ...rest } = classifier(onnxCases.Relu!)
  const named = nodes.map((node, i) => ({ ...node, name: `node_${i}` }))
  await using model = await loadFile(await write('nodes', { ...rest, nodes: named }), size)
  t.deepEqual(model.layerNames.slice(0, 2), ['node_0', 'node_1'])
})

/** The classifier with its logits, twice them, and the convolution's places as outputs. */
function withOutputs(more: readonly OnnxNode[], output: readonly string[]): OnnxModel {
  const model = classifier(onnxCases.Relu!)
  return { ...model, nodes: [...model.nodes, ...more], output }
}

const twice: OnnxNode = { operation: 'Add', inputs: ['logits', 'logits'], outputs: ['twice'] }

test('of several outputs, one is asked for by its name: as an option or in the card', async t => {
  const path = await write('several outputs', withOutputs([twice], ['x', 'twice', 'logits']))
  const message =
    /'twice' of the shape \(3, 576\), 'logits' of the shape \(3, 576\)\. Name the one to explain/
  await t.throwsAsync(loadFile(path, size), { instanceOf: ModelError, message })
  const wrong = { instanceOf: ModelError, message: /no output 'logit'\. The nearest names are: logits/ }
  await t.throwsAsync(loadFile(path, size, { output: 'logit' }), wrong)
  const places = { instanceOf: ModelError, message: /shape \(3, 4, 12, 12\), expected \(images, outputs\)/ }
  await t.throwsAsync(loadFile(path, size, { output: 'x' }), places)

  await using single = await loadFile(path, size, { output: 'logits' })
  await writeFile(path.replace(/onnx$/, 'json'), '{"output": "twice"}')
  await using double = await loadFile(path, size)
  t.is(double.output, 'twice')
  const found = await addon().logits({ model: single.handle, images })
  const doubled = await addon().logits({ model: double.handle, images })
  t.deepEqual(
    doubled.data,
    found.data.map(value => 2 * value),
  )
})

test('the only output with a row of numbers for each image is explained, and the others are told', async t => {
  const path = await write('places beside', withOutputs([], ['x', 'logits']))
  await using model = await loadFile(path, size)
  t.regex(model.notes.join(), /output 'logits', the only one.*Beside it there is 'x' of the shape/)
})

test('a softmax at the end, and a sigmoid after a single logit, are left out', async t => {
  const plain = classifier(onnxCases.Relu!)
  await using logits = await loadFile(await write('plain', plain), size)
  const softmax: OnnxNode = { operation: 'Softmax', inputs: ['logits'], outputs: ['probabilities'] }
  const path = await write('softmax', withOutputs([softmax], ['probabilities']))
  await using model = await loadFile(path, size)
  t.regex(model.notes.join(), /ends with a softmax/)
  const found = await addon().logits({ model: model.handle, images })
  t.deepEqual(found.data, (await addon().logits({ model: logits.handle, images })).data)

  const one: OnnxNode[] = [
    { operation: 'ReduceMean', inputs: ['logits', 'axis'], outputs: ['one'] },
    { operation: 'Sigmoid', inputs: ['one'], outputs: ['probability'] },
  ]
  const tensors = { ...plain.tensors, axis: { dims: [1], data: [1n] } }
  const single = await write('one logit', { ...withOutputs(one, ['probability']), tensors })
  await using binary = await loadFile(single, size)
  t.is(binary.classes, 2)
  t.regex(binary.notes.join(), /ends with a sigmoid/)
  const [yes] = await judge(single, images, 3)
  const [predicted] = await addon().predict({ model: binary.handle, images })
  t.is(predicted!.target, yes! > 0.5 ? 1 : 0)
  t.true(Math.abs(predicted!.probability - Math.max(yes!, 1 - yes!)) < 1e-6)
})

test('several sigmoids at the end are labels, which the size of a batch has nothing to do with', async t => {
  const sigmoid: OnnxNode = { operation: 'Sigmoid', inputs: ['logits'], outputs: ['labels'] }
  const model = withOutputs([sigmoid], ['labels'])
  const input = { name: 'images', shape: [1, 3, size, size] }
  for (const [name, given] of Object.entries({ labels: model, 'labels of one': { ...model, input } })) {
    await using loaded = await loadFile(await write(name, given), size)
    t.is(loaded.outputKind, 'labels', name)
    t.regex(loaded.notes.join(), /they are taken for labels/)
  }
})

const refused: Record<
  string,
  Partial<Pick<OnnxStep, 'more' | 'attributes' | 'domain'>> & { operation: string; message: RegExp }
> = {
  'a loop': { operation: 'Loop', message: /'step 0' is 'Loop'.*onnxsim/ },
  'a recogniser of text': { operation: 'LSTM', message: /'step 0' is 'LSTM'.*recognisers of text/ },
  'a choice of steps': { operation: 'If', message: /'step 0' is 'If'.*onnxsim/ },
  'integers alone': { operation: 'QLinearConv', message: /QDQ/ },
  'a detector': { operation: 'NonMaxSuppression', message: /'step 0' is 'NonMaxSuppression'.*detectors/ },
  'an operator of others': { operation: 'Foo', domain: 'my.own', message: /'my\.own\.Foo'.*isn't among/ },
  'a form of an operator': {
    operation: 'Resize',
    more: ['', { dims: [4], data: [1, 1, 2, 2] }],
    attributes: { coordinate_transformation_mode: 'tf_crop_and_resize', mode: 'linear' },
    message: /tf_crop_and_resize/,
  },
  'a step that leads out of memory': {
    operation: 'ConvTranspose',
    more: [{ dims: [4, 1, 3, 3], data: Array(36).fill(0.1) }],
    attributes: { strides: [2n, 65536n] },
    message: /'strides'.*from 0 to 4096/,
  },
  'a step over too many numbers': {
    operation: 'ConvTranspose',
    more: [{ dims: [4, 1, 3, 3], data: Array(36).fill(0.1) }],
    attributes: { strides: [1n, 1024n] },
    message: /moves by 1024 over 1 channels/,
  },
  'an image without an end': {
    operation: 'Resize',
    more: ['', '', { dims: [4], data: [1n, 4n, 2n ** 62n, 12n] }],
    message: /a side of other than 1 to 65536/,
  },
  'an axis that there isn’t': { operation: 'Softmax', attributes: { axis: 9n }, message: /axis 9/ },
  'an attribute of another kind': {
    operation: 'LeakyRelu',
    attributes: { alpha: 'much' },
    message: /'alpha'/,
  },
}

for (const [name, { operation, more = [], attributes = {}, domain = '', message }] of Object.entries(
  refused,
)) {
  test(`refused, saying what and why: ${name}`, async t => {
    const step = { operation, more, attributes, domain, outputs: 1, anew: false }
    const path = await write(name, classifier({ opset: 13, steps: [step] }))
    await t.throwsAsync(loadFile(path, size), { instanceOf: ModelError, message })
  })
}

test('a part of a shape that is read backwards is refused', async t => {
  const { steps, ...rest } = onnxCases['a shape that is turned around']!
  const backwards = steps[1]!
  for (const [start, end, step] of [
    [2n, 0n, -1n],
    [-1n, -99n, -2n],
    [0n, 4n, 0n],
  ] as const) {
    const more = [start, end, 0n, step].map(value => ({ dims: [1], data: [value] }))
    const changed = { ...rest, steps: steps.with(1, { ...backwards, more }) }
    const path = await write(`backwards by ${step}`, classifier(changed))
    await t.throwsAsync(loadFile(path, size), { instanceOf: ModelError, message: /'Slice'.*backwards/ })
  }
})

test('what a file names and nobody reads is left out: the masks of dropouts, and further inputs', async t => {
  const { nodes, ...rest } = classifier(onnxCases['a dropout with its mask']!)
  const images = { name: 'images', shape: ['batch', 3, size, size] }
  const mean = { name: 'mean', shape: [1, 3, 1, 1] }
  const path = await write('an input that nobody reads', { ...rest, nodes, input: [images, mean] })
  await using model = await loadFile(path, size)
  t.is(model.inputChannels, 3)
  const read: OnnxNode = { operation: 'Add', inputs: ['images', 'mean'], outputs: ['moved'] }
  const needed = await write('an input that is read', {
    ...rest,
    nodes: [
      read,
      ...nodes.map(node => ({ ...node, inputs: node.inputs.map(i => (i === 'images' ? 'moved' : i)) })),
    ],
    input: [images, mean],
  })
  await t.throwsAsync(loadFile(needed, size), {
    instanceOf: ModelError,
    message: /takes 2 inputs, 'images'.*, 'mean' of the shape \(1, 3, 1, 1\)/,
  })
})

test('a node that only asks for a shape is no layer', async t => {
  const { nodes, ...rest } = classifier(onnxCases['a shape whose batch is read']!)
  const named = nodes.map((node, i) => ({ ...node, name: `${node.operation} ${i}` }))
  await using model = await loadFile(await write('shapes', { ...rest, nodes: named }), size)
  t.deepEqual(model.layerNames, ['Conv 0', 'Reshape 4', 'Flatten 5', 'Mul 6', 'Sub 7'])
})

test('classes at a single place, (images, classes, 1, 1), are taken as a row', async t => {
  const { nodes, ...rest } = classifier(onnxCases['global pools']!)
  const pooled = nodes.filter(node => node.operation !== 'Flatten')
  const last = pooled.at(-3)!.outputs[0]!
  const named = pooled.map(node => ({ ...node, inputs: node.inputs.map(i => (i === 'flat' ? last : i)) }))
  const path = await write('one place', { ...rest, nodes: named })
  await using model = await loadFile(path, size)
  t.is(model.classes, 4)
  const found = await addon().logits({ model: model.handle, images })
  t.true(relativeError(found.data, await judge(path, images, 3)) <= 1e-5)
})

test('inputs other than images are refused by name and shape', async t => {
  const model = classifier(onnxCases.Relu!)
  const path = await write('words', { ...model, input: { name: 'words', shape: ['batch', 'length'] } })
  await t.throwsAsync(loadFile(path, size), { instanceOf: ModelError, message: /\(batch, length\)/ })
})
