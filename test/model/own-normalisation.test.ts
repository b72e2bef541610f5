import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { seededNormal } from '../../scripts/testing/module.js'
import { loadFile } from '../support/imported-models.js'
import { type OnnxNode, type OnnxTensor, onnxFile } from '../support/onnx.js'

const size = 12
const folder = mkdtempSync(join(tmpdir(), 'iba-normalising-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

/** Steps on the images, each with constants of these shapes and values. */
interface Beginning {
  steps: readonly (readonly [operation: string, ...constants: OnnxTensor[]])[]
  white: 1 | 255 | null
  channelsLast?: boolean
}

const byChannel = (...data: number[]): OnnxTensor => ({ dims: [1, 3, 1, 1], data })
const inChannels = (...data: number[]): OnnxTensor => ({ dims: [data.length], data })
const number = (value: number): OnnxTensor => ({ dims: [], data: [value] })
const mean = [0.485, 0.456, 0.406]
const deviation = [0.229, 0.224, 0.225]
const inBytes = (values: readonly number[]) => values.map(value => 255 * value)
const backwards: OnnxTensor = { dims: [3], data: [2n, 1n, 0n] }

const beginnings: Record<string, Beginning> = {
  "ImageNet's mean and deviation": {
    steps: [
      ['Sub', byChannel(...mean)],
      ['Div', byChannel(...deviation)],
    ],
    white: 1,
  },
  'the same of bytes, channels last': {
    steps: [
      ['Sub', inChannels(...inBytes(mean))],
      ['Div', inChannels(...inBytes(deviation))],
    ],
    white: 255,
    channelsLast: true,
  },
  'bytes from -1 to 1': {
    steps: [
      ['Mul', number(1 / 127.5)],
      ['Sub', number(1)],
    ],
    white: 255,
  },
  'bytes from 0 to 1': { steps: [['Div', number(255)]], white: 255 },
  'a mean of bytes, blue first': {
    steps: [
      ['Gather', backwards],
      ['Sub', byChannel(104, 117, 124)],
    ],
    white: 255,
  },
  'a batch norm': {
    steps: [
      [
        'BatchNormalization',
        inChannels(1, 1, 1),
        inChannels(0, 0, 0),
        inChannels(...inBytes(mean)),
        inChannels(...inBytes(deviation).map(value => value ** 2)),
      ],
    ],
    white: 255,
  },
  nothing: { steps: [], white: null },
  'what turns one normalisation into another': {
    steps: [
      ['Mul', number(0.458)],
      ['Add', number(-0.03)],
    ],
    white: null,
  },
  'a rectifier': { steps: [['Relu'], ['Div', number(255)]], white: null },
}

/** A classifier that begins so. */
async function write(name: string, { steps, channelsLast = false }: Beginning): Promise<string> {
  const tensors: Record<string, OnnxTensor> = {
    weights: { dims: [4, 3, 3, 3], data: [...seededNormal('weights', 0, [4, 3, 3, 3])] },
  }
  const nodes: OnnxNode[] = []
  let last = 'images'
  const add = (operation: string, inputs: readonly string[], attributes: OnnxNode['attributes'] = {}) => {
    const output = `${operation} ${nodes.length}`
    nodes.push({ operation, inputs: [last, ...inputs], outputs: [output], attributes, name: output })
    last = output
  }
  steps.forEach(([operation, ...constants], i) => {
    constants.forEach((constant, k) => {
      tensors[`${i}.${k}`] = constant
    })
    const inputs = constants.map((_, k) => `${i}.${k}`)
    add(operation, inputs, operation === 'Gather' ? { axis: 1n } : {})
  })
  if (channelsLast) add('Transpose', [], { perm: [0n, 3n, 1n, 2n] })
  add('Conv', ['weights'])
  add('GlobalAveragePool', [])
  add('Flatten', [])
  const shape = channelsLast ? ['batch', size, size, 3] : ['batch', 3, size, size]
  const path = join(folder, `${name.replace(/\W+/g, '-')}.onnx`)
  const input = { name: 'images', shape }
  await writeFile(path, onnxFile({ nodes, tensors, input, output: last, opset: 14 }))
  return path
}

for (const [name, beginning] of Object.entries(beginnings)) {
  test(`whether a model normalises its images itself: ${name}`, async t => {
    const path = await write(name, beginning)
    await using model = await loadFile(path, size)
    const { white } = beginning
    t.deepEqual(model.preprocessing.mean, white === null ? mean : [0, 0, 0])
    t.deepEqual(model.preprocessing.std, white === null ? deviation : Array(3).fill(1 / white))
    const assumed = model.notes.join()
    if (white === null) t.regex(assumed, /mean 0\.485/)
    else t.regex(assumed, new RegExp(`It normalises them itself, and is given them from 0 to ${white}:`))
  })
}

test('what was stated comes before what a model seems to do itself', async t => {
  const path = await write('stated', beginnings['bytes from 0 to 1']!)
  const stated = { mean: [0.1, 0.2, 0.3], std: [1, 1, 1] }
  await using model = await loadFile(path, size, { preprocessing: { ...stated, resize: size, crop: size } })
  t.deepEqual([model.preprocessing.mean, model.preprocessing.std], [stated.mean, stated.std])
  t.deepEqual(model.notes, [])
})
