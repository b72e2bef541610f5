import { runInNewContext } from 'node:vm'
import test from 'ava'
import {
  InvalidArgumentError,
  insertionDeletion,
  loadModel,
  type Model,
  ModelError,
} from '../../lib/index.js'
import { relativeError } from '../support/family.js'
import { tokenReference as reference, towerPreprocessing, towers } from '../support/tokens.js'

// Expected numbers are those of plain PyTorch; see test/support/make-token-fixtures.py.

const texts = reference.texts.map(tokens => ({ tokens }))

let text: Model
let vision: Model
test.before(async () => {
  text = await loadModel(towers.text, { outputKind: 'embedding' })
  vision = await loadModel(towers.vision, { outputKind: 'embedding', preprocessing: towerPreprocessing })
})
test.after.always(() => {
  for (const model of [text, vision]) model?.dispose()
})

const greyImage = { data: new Float32Array(3 * 32 * 32), shape: [3, 32, 32] } as const

test('a text tower is told by the type of its input', t => {
  t.is(text.inputKind, 'tokens')
  t.is(text.vocabulary, 64)
  t.is(text.inputChannels, 0)
  t.deepEqual(text.imageSize, [1, 10])
  t.deepEqual(
    text.notes.filter(note => /pixels|ImageNet/.test(note)),
    [],
  )
  t.is(vision.inputKind, 'images')
  t.is(vision.vocabulary, null)
})

test('the bottleneck goes behind five sixths of the blocks', async t => {
  t.regex(text.bottleneckLayer, /encoder\.layers\.2$/)
  const layers = await text.layers()
  t.deepEqual(layers.find(({ isDefault }) => isDefault)?.shape, [10, 24])
  t.deepEqual(
    [...text.blockLayers].map(name => name.replace(/.*encoder\./, '')),
    ['layers.2', 'layers.3'],
  )
})

test('features of texts are those of PyTorch, whatever holds the ids', async t => {
  const found = await text.logits(texts)
  found.forEach((features, i) => {
    t.true(relativeError(features, reference.features[i]!) < 1e-5)
  })
  const ids = reference.texts[0]!
  const elsewhere = runInNewContext('Int32Array.from(ids)', { ids }) as Int32Array
  for (const tokens of [Int32Array.from(ids), BigInt64Array.from(ids, BigInt), elsewhere]) {
    t.deepEqual(await text.logits({ tokens }), [found[0]!])
  }
})

test('the same tower in ONNX gives the same features', async t => {
  await using model = await loadModel(towers.onnx, { outputKind: 'embedding' })
  t.is(model.vocabulary, 64)
  t.regex(model.bottleneckLayer, /layers\.2$/)
  for (const [i, features] of (await model.logits(texts)).entries())
    t.true(relativeError(features, reference.features[i]!) < 1e-5)
})

for (const [name, tower, length] of [
  ['traced', towers.traced, null],
  ['in ONNX for a single text', towers.single, [1, 10]],
] as const) {
  test(`the same tower ${name} takes any number of texts, and has the same features and layers`, async t => {
    await using model = await loadModel(tower, { outputKind: 'embedding' })
    t.is(model.vocabulary, 64)
    t.deepEqual(model.imageSize, length)
    t.regex(model.bottleneckLayer, /layers\.2$/)
    for (const [i, features] of (await model.logits(texts)).entries())
      t.true(relativeError(features, reference.features[i]!) < 1e-5)
    if (length !== null) return
    // What stands behind the token that is read changes nothing.
    const [short] = await model.logits({ tokens: reference.texts[1]!.slice(0, 4) })
    t.true(relativeError(short!, reference.features[1]!) < 1e-5)
  })
}

for (const [name, tower, length] of [
  ['scripted', towers.scripted, null],
  ['in ONNX for a single text', towers.argmaxSingle, [1, 10]],
] as const) {
  test(`the tower that reads at the greatest id, ${name}, has the same features`, async t => {
    await using model = await loadModel(tower, { outputKind: 'embedding' })
    t.is(model.vocabulary, 64)
    t.deepEqual(model.imageSize, length)
    for (const [i, features] of (await model.logits(texts)).entries())
      t.true(relativeError(features, reference.argmaxFeatures[i]!) < 1e-5)
  })
}

test('a program that was exported for a single text says how to export it', async t => {
  await t.throwsAsync(loadModel(towers.singleExported, { outputKind: 'embedding' }), {
    instanceOf: ModelError,
    message: /exported for one number of texts only\. Export it with dynamic_shapes=.*"batch"/,
  })
})

test('a tower that reads at the greatest id takes texts of any length', async t => {
  await using model = await loadModel(towers.argmax, { outputKind: 'embedding' })
  t.is(model.imageSize, null)
  t.is(model.vocabulary, 64)
  for (const [i, features] of (await model.logits(texts)).entries())
    t.true(relativeError(features, reference.argmaxFeatures[i]!) < 1e-5)
  const [short] = await model.logits({ tokens: reference.texts[0]!.slice(0, 4) })
  t.true(relativeError(short!, reference.shortFeatures[0]!) < 1e-5)
})

test('images and token ids are never taken for each other', async t => {
  const refused = (work: Promise<unknown>, message: RegExp) =>
    t.throwsAsync(work, { instanceOf: InvalidArgumentError, message })
  await refused(text.logits(greyImage), /'image 0' is no token ids, but the network takes those of a text/)
  await refused(text.logits('cat.jpg'), /'cat.jpg' is no token ids/)
  await refused(text.logits('cats.npy'), /'cats.npy' is no token ids/)
  await refused(vision.logits(texts[0]!), /'text 0' is token ids, but the network takes images/)
  await refused(
    loadModel(towers.text, { preprocessing: { crop: 32 } }),
    /Expected nothing \(the model takes token ids\) for preprocessing/,
  )
  const map = { data: new Float32Array(10), width: 10, height: 1, unit: 'relative' } as const
  await refused(insertionDeletion(text, { images: texts[0]!, maps: map }), /Expected images for images/)
})

test('ids that the network cannot take are refused by what is wrong with them', async t => {
  const ids = reference.texts[0]!
  const refused = (input: object, message: RegExp) =>
    t.throwsAsync(text.logits(input as { tokens: number[] }), { instanceOf: InvalidArgumentError, message })
  await refused({ tokens: ids.slice(1) }, /'text 0' has 9 token ids, but the network takes 10/)
  await refused({ tokens: ids.with(3, 64) }, /token id 64 at position 3, expected 0 to 63/)
  await refused({ tokens: ids.with(3, -1) }, /token id -1 at position 3/)
  await refused({ tokens: ids.with(3, 1.5) }, /tokens\[3\]/)
  await refused({ tokens: [] }, /at least one token id/)
  await refused({ tokens: Float32Array.from(ids) }, /a list of token ids/)
  await refused({ tokens: ids, tokenTexts: ['a'] }, /10 texts, one for each token/)
  await refused({ tokens: ids, words: [] }, /Unknown option 'words'/)
})
