import test from 'ava'
import { createAttributer, loadModel, type Model, ModelError } from '../../lib/index.js'
import { bert, bertReference as reference } from '../support/bert.js'
import { relativeError } from '../support/family.js'
import { smallModel } from '../support/small-model.js'

// Expected numbers are those of plain PyTorch with the same noise; see test/support/make-bert-fixtures.py.

const { steps, copies, seed } = reference.settings
const block = 'bert.encoder.layer.8'
const texts = reference.texts.map(tokens => ({ tokens }))
/** The authors' constants, but for the steps and copies. */
const settings = { noise: 'block-input', layer: block, beta: 1e-5, steps, copies, keepCapacity: true }

let model: Model
test.before(async () => {
  model = await loadModel(bert)
})
test.after.always(() => model?.dispose())

async function explain(options: object, count = 1) {
  await using attributer = createAttributer(model, 'm2ib', { ...settings, ...options })
  return await attributer.attribute(texts.slice(0, count), { targets: reference.target, seed })
}

test('a classifier of texts is read with its blocks', async t => {
  t.is(model.inputKind, 'tokens')
  t.is(model.vocabulary, 64)
  t.regex(model.bottleneckLayer, /layer\.9$/)
  for (const [i, logits] of (await model.logits(texts)).entries())
    t.true(relativeError(logits, reference.logits[i]!) < 1e-4)
})

test('the bottleneck of BERT is that of PyTorch behind the ninth of twelve blocks', async t => {
  const [found] = await explain({})
  const { series, tensors, tokens, map } = found!
  const { crossEntropy, information, result } = reference.run
  t.true(relativeError(series.crossEntropy!, crossEntropy) < 1e-4)
  t.true(relativeError(series.information!, information) < 1e-4)
  t.true(relativeError(tensors.capacity!.data, result) < 1e-4)
  const channels = result.length / tokens!.length
  const bits = Array.from(tokens!, (_, i) =>
    result.slice(i * channels, (i + 1) * channels).reduce((sum, nats) => sum + nats / Math.LN2, 0),
  )
  t.true(relativeError(tokens!, bits) < 1e-4)
  t.is(map.unit, 'bits/token')
})

test('where nothing passes the block is skipped, and each text by what it reads itself', async t => {
  const shut = { initialAlpha: -50, steps: 1, copies: 50 }
  const [first, second] = await explain({ ...shut, batch: 2 }, 2)
  const [alone] = await explain({ ...shut, batch: 1 })
  t.is(first!.series.information![0], 0)
  t.true(Math.abs(first!.series.crossEntropy![0]! - reference.skipped) < 0.01 * reference.skipped)
  t.true(relativeError(first!.series.crossEntropy!, alone!.series.crossEntropy!) < 1e-5)
  t.not(first!.series.crossEntropy![0], second!.series.crossEntropy![0])
})

test('a text has the same map in a batch as alone', async t => {
  const together = await explain({ batch: 3 }, 3)
  const [alone] = await explain({ batch: 1 })
  t.true(relativeError(together[0]!.tokens!, alone!.tokens!) < 1e-4)
})

test('a block that changes the shape is refused, as it can not be skipped', async t => {
  await using network = await smallModel()
  const image = { data: new Float32Array(3 * 64 * 64).fill(0.5), shape: [3, 64, 64] as const }
  await using attributer = createAttributer(network, 'm2ib', { noise: 'block-input', layer: 'layer2' })
  await t.throwsAsync(attributer.attribute([image]), {
    instanceOf: ModelError,
    message: /'layer2' reads .* and gives .* Choose a block/,
  })
})
