import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { type Model, methods, type PreparedImage } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { seededNormal } from '../../scripts/testing/module.js'
import { loadFile } from '../support/imported-models.js'
import { onnxFile } from '../support/onnx.js'
import { noiseImage, smallModel } from '../support/small-model.js'

// Methods that change the image and look at the prediction alone.

const fixtures = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url))
const image = noiseImage()
let model: Model
test.before(async () => {
  model = await smallModel({ memoryFormat: 'contiguous' })
})
test.after.always(() => model?.dispose())

async function readExpected(name: string): Promise<Map<string, Float32Array>> {
  const { tensors } = await addon().readWeightFile({ path: join(fixtures, name, 'expected.safetensors') })
  return new Map(tensors.map(({ name, data }) => [name, data]))
}

const narrow: PreparedImage = { data: image.data.filter((_, i) => i % 64 < 48), shape: [3, 64, 48] }

for (const [name, options, input] of [
  ['many', { masks: 60, cells: 8, kept: 0.5 }, image],
  ['few', { masks: 40, cells: 5, kept: 0.1 }, narrow],
] as const) {
  test(`RISE of ${name} masks is what the formula gives with the same draws`, async t => {
    const expected = (await readExpected('rise')).get(name)!
    await using attributer = methods.rise(model, { ...options, rows: 7 })
    const [result] = await attributer.attribute(input, { targets: 3, seed: 5 })
    const error = relativeError(result!.map.data, expected)
    t.log(`relative L2 ${error}`)
    t.true(error < 1e-4, `${error}`)
  })
}

test('RISE with every cell kept is the probability, everywhere', async t => {
  await using attributer = methods.rise(model, { masks: 3, kept: 1 })
  const [{ map, probability } = { map: undefined, probability: 0 }] = await attributer.attribute(image)
  t.true(map!.data.every(value => Math.abs(value - probability) < 1e-5))
})

test('RISE finds the part of the image that a prediction reads', async t => {
  // Where all but one corner is empty, the network sees what it saw as long as the corner is kept.
  const corner = image.data.map((value, i) => (i % 64 < 24 && Math.floor((i % 4096) / 64) < 24 ? value : 0))
  await using attributer = methods.rise(model, { masks: 400, cells: 4 })
  const [{ map } = { map: undefined }] = await attributer.attribute({ data: corner, shape: image.shape })
  const mean = (inside: boolean) => {
    const values = map!.data.filter((_, i) => (i % 64 < 16 && i < 16 * 64) === inside)
    return values.reduce((sum, value) => sum + value, 0) / values.length
  }
  t.true(mean(true) > mean(false))
})

/** A network (3, 8, 8) whose logits are sums of weighted pixels. */
async function linearModel(t: ExecutionContext): Promise<Model> {
  const folder = await mkdtemp(join(tmpdir(), 'iba-linear-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'linear.onnx')
  await writeFile(
    path,
    onnxFile({
      opset: 17,
      input: { name: 'images', shape: ['n', 3, 8, 8] },
      output: 'logits',
      nodes: [
        { operation: 'Conv', inputs: ['images', 'same'], outputs: ['places'] },
        { operation: 'Flatten', inputs: ['places'], outputs: ['flat'] },
        { operation: 'MatMul', inputs: ['flat', 'weights'], outputs: ['logits'] },
      ],
      tensors: {
        same: { dims: [3, 3, 1, 1], data: [1, 0, 0, 0, 1, 0, 0, 0, 1] },
        weights: { dims: [192, 3], data: [...linearWeights] },
      },
    }),
  )
  return await loadFile(path, 8)
}

const linearWeights = seededNormal('linear', 0, [192, 3])
const small = noiseImage({ height: 8 })

/** What each pixel of the small image brings the logit of class 1. */
const brings = Float32Array.from({ length: 64 }, (_, i) =>
  [0, 64, 128].reduce((sum, c) => sum + small.data[c + i]! * linearWeights[3 * (c + i) + 1]!, 0),
)

/** The sums over the parts of a map that have one value. */
function sumsOfParts(map: Float32Array): Float32Array {
  const sums = new Map<number, number>()
  for (const [i, value] of map.entries()) sums.set(value, (sums.get(value) ?? 0) + brings[i]!)
  return map.map(value => sums.get(value)!)
}

test('of a linear network LIME and KernelSHAP give what each superpixel brings', async t => {
  await using linear = await linearModel(t)
  const options = { segments: 9, compactness: 10, samples: 60, baseline: 'zero' } as const
  for (const attributer of [
    methods.lime(linear, { ...options, ridge: 0 }),
    methods['kernel-shap'](linear, options),
  ]) {
    const [{ map } = { map: undefined }] = await attributer.attribute(small, { targets: 1, seed: 3 })
    const parts = new Set(map!.data).size
    t.true(parts > 5 && parts < 20, `${parts}`)
    const error = relativeError(map!.data, sumsOfParts(map!.data))
    t.true(error < 1e-4, `${error}`)
    attributer.dispose()
  }
})

test('KernelSHAP of few superpixels gives their Shapley values', async t => {
  await using attributer = methods['kernel-shap'](model, { segments: 4, compactness: 10, baseline: 'zero' })
  const [{ map } = { map: undefined }] = await attributer.attribute(image, { targets: 3 })
  const values = [...new Set(map!.data)]
  const count = values.length
  t.true(count >= 3 && count <= 8, `${count}`)
  const logit = async (coalition: number) => {
    const stays = (pixel: number) => (coalition >> values.indexOf(map!.data[pixel]!)) & 1
    const data = image.data.map((value, i) => (stays(i % 4096) ? value : 0))
    return (await model.logits({ data, shape: image.shape }))[0]![3]!
  }
  const logits: number[] = []
  for (let coalition = 0; coalition < 1 << count; coalition++) logits.push(await logit(coalition))
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))
  const shapley = values.map((_, k) => {
    let sum = 0
    for (let coalition = 0; coalition < 1 << count; coalition++) {
      if ((coalition >> k) & 1) continue
      const size = coalition.toString(2).replaceAll('0', '').length
      const share = (factorial(size) * factorial(count - size - 1)) / factorial(count)
      sum += share * (logits[coalition | (1 << k)]! - logits[coalition]!)
    }
    return sum
  })
  t.true(relativeError(values, shapley) < 1e-3, `${values} ${shapley}`)
})

test('LIME of the probability, and superpixels of an image in two colours', async t => {
  const halves: PreparedImage = {
    data: Float32Array.from({ length: image.data.length }, (_, i) => (i % 64 < 30 ? -1 : 1)),
    shape: image.shape,
  }
  await using attributer = methods.lime(model, {
    segments: 16,
    samples: 40,
    score: 'probability',
    baseline: 'zero',
  })
  const [{ map } = { map: undefined }] = await attributer.attribute(halves)
  // No superpixel reaches across the edge of the colours, where the values of both sides differ.
  const left = new Set(map!.data.filter((_, i) => i % 64 < 30))
  const right = new Set(map!.data.filter((_, i) => i % 64 >= 30))
  t.true([...left].every(value => value === 0 || !right.has(value)))
  t.true(map!.data.every(value => Math.abs(value) < 1))
})
