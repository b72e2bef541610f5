import test from 'ava'
import {
  createAttributer,
  describeMethods,
  InvalidArgumentError,
  loadModel,
  type Model,
  ModelError,
  methods,
  type Target,
  targetText,
} from '../../lib/index.js'
import { familyReference, familyTransformer, relativeError } from '../support/family.js'
import { Attributers, ofAttention, type Trial, transformerTrial, trial } from '../support/methods.js'
import { noiseImage, noiseImages, smallModel } from '../support/small-model.js'

// Expected numbers are those of plain PyTorch; see test/support/make-family-fixtures.py.

const image = noiseImage()
const embedding = familyReference.targets.embedding!.target as { embedding: number[] }

let model: Model
let tried: Trial
let transformer: Trial
const attributers = new Attributers()
test.before(async () => {
  model = await smallModel()
  tried = await trial('resnet18', 64, 64)
  transformer = await transformerTrial()
})
test.after.always(async () => {
  await attributers.dispose()
  model?.dispose()
  tried?.model.dispose()
  transformer?.model.dispose()
})

for (const [name, { target, score, gradient }] of Object.entries(familyReference.targets)) {
  test(`the gradient of the target '${name}' is that of PyTorch`, async t => {
    await using attributer = methods.gradient(model, { keepRaw: true })
    const [found] = await attributer.attribute([image], { targets: target })
    t.true(Math.abs(found!.score - score) < 1e-4 * Math.max(1, Math.abs(score)))
    const { data } = found!.tensors.raw!
    const mean = gradient.map((_, i) => (data[i]! + data[i + 4096]! + data[i + 8192]!) / 3)
    t.true(relativeError(mean, gradient) < 1e-4)
  })
}

const kinds: readonly Target[] = [
  3,
  { contrast: [3, 7] },
  { contrast: [3] },
  { labels: [1, 4] },
  { output: 2 },
  { output: 2, towards: 'down' },
  { output: 2, towards: 0.5 },
  embedding,
  { weights: embedding.embedding },
  { output: 2, towards: 'away' },
]

for (const method of describeMethods()) {
  test(`${method.name} explains every kind of target, and a batch of all of them`, async t => {
    const network = ofAttention.includes(method.name) ? transformer : tried
    await using attributer = await attributers.make(network, method)
    const images = noiseImages(kinds.length)
    const found = await attributer.attribute(images, { targets: kinds })
    for (const [i, { target, score, map }] of found.entries()) {
      t.deepEqual(target, method.name === 'grad-cam' && i === 0 ? target : kinds[i]!)
      t.true(Number.isFinite(score))
      t.true(map.data.every(Number.isFinite))
    }
    const [alone] = await attributer.attribute([images[7]!], { targets: embedding, seed: 0 })
    t.true(relativeError(found[7]!.map.data, alone!.map.data) < 1e-3 || alone!.map.data.every(v => v === 0))
  })
}

test('integrated gradients of any score add up to its difference from the baseline', async t => {
  await using attributer = methods['integrated-gradients'](model, { steps: 64, quadrature: 'gauss-legendre' })
  for (const targets of kinds) {
    const [found] = await attributer.attribute([image], { targets })
    t.true(
      Math.abs(found!.checks.completenessGap!) < 0.02 * Math.max(1, Math.abs(found!.score)),
      targetText(targets),
    )
  }
})

test('integrated gradients at a layer, towards an embedding, are NIB', async t => {
  await using attributer = methods['integrated-gradients'](model, {
    layer: 'layer2',
    baseline: 'zero',
    steps: 10,
    keepRaw: true,
  })
  const [found] = await attributer.attribute([image], { targets: embedding })
  t.true(relativeError(found!.tensors.raw!.data, familyReference.nib) < 1e-4)
  t.deepEqual(found!.tensors.raw!.shape, [16, 8, 8])
})

test('a network of labels gives each its own probability', async t => {
  await using labels = await smallModel({ outputKind: 'labels' })
  const [logits] = await labels.logits([image])
  const best = logits!.indexOf(Math.max(...logits!))
  await using attributer = methods.gradient(labels)
  const [found] = await attributer.attribute([image])
  t.is(found!.target, best)
  t.true(Math.abs(found!.probability - 1 / (1 + Math.exp(-logits![best]!))) < 1e-6)
  const [predicted] = await labels.predict([image])
  t.is(predicted!.target, best)
  t.true(Math.abs(predicted!.probability - found!.probability) < 1e-6)
})

test('a network of values is explained by its first one, and has no classes to predict', async t => {
  await using values = await smallModel({ outputKind: 'values' })
  await using attributer = methods.gradient(values)
  const [found] = await attributer.attribute([image])
  t.deepEqual(found!.target, { output: 0 })
  const [logits] = await values.logits([image])
  t.true(Math.abs(found!.score - logits![0]!) < 1e-5)
  t.true(Number.isNaN(found!.probability))
  const [second] = await attributer.attribute([image], { targets: 2 })
  t.deepEqual(second!.target, { output: 2 })
  t.is((await values.predict([image]))[0]!.target, -1)
})

test('a single output that is a value stays one', async t => {
  await using value = await smallModel({ outputKind: 'values', classes: 1 })
  t.is(value.classes, 1)
  await using attributer = methods.gradient(value)
  t.true((await attributer.attribute([image]))[0]!.map.data.every(Number.isFinite))
})

test('an embedding has to be told what to explain', async t => {
  const norm = { mean: [0, 0, 0], std: [1, 1, 1], resize: 64, crop: 64 }
  await using tower = await loadModel(familyTransformer, { outputKind: 'embedding', preprocessing: norm })
  await using attributer = methods.gradient(tower)
  await t.throwsAsync(attributer.attribute([image]), {
    instanceOf: InvalidArgumentError,
    message: /gives an embedding.*Say what to explain/,
  })
  const [found] = await attributer.attribute([image], { targets: embedding })
  t.true(Math.abs(found!.score) <= 1)
})

test('classes are chosen by name, in every form', async t => {
  const classes = Array.from({ length: 10 }, (_, i) => `thing ${i}`)
  await using named = await smallModel({ classes })
  await using attributer = methods.gradient(named)
  const explain = async (targets: Target) => (await attributer.attribute([image], { targets }))[0]!
  t.is((await explain('thing 3')).target, 3)
  t.is((await explain('thing 3')).className, 'thing 3')
  t.is((await explain({ contrast: ['thing 3', 7] })).score, (await explain({ contrast: [3, 7] })).score)
  t.is(targetText({ contrast: [3, 'thing 7'] }, classes), 'thing 3 against thing 7')
  await t.throwsAsync(explain('thing 11'), { instanceOf: ModelError, message: /no class 'thing 11'/ })
})

const wrong: readonly (readonly [unknown, RegExp])[] = [
  [10, /from 0 to 9 for target but received 10/],
  [-1, /from 0 to 9/],
  [{}, /Expected a class, \{ contrast/],
  [{ contrast: [] }, /at least one output/],
  [{ contrast: [3, 3] }, /contrasts output 3 with itself/],
  [{ contrast: [3, 12] }, /target\.contrast\[1\]/],
  [{ contrast: [3], labels: [1] }, /Expected a class/],
  [{ labels: 'all' }, /at least one output/],
  [{ output: 2, towards: 'left' }, /'prediction', 'up', 'down', 'away' or a number/],
  [{ output: 2, to: 1 }, /Unknown option 'to'/],
  [{ embedding: [1, 2] }, /10 numbers, one for each output/],
  [{ embedding: new Float32Array(10) }, /all 0/],
  [{ weights: Array(10).fill(Number.NaN) }, /target\.weights\[0\]/],
  [{ weights: 'all' }, /a list of numbers/],
  [true, /a class, \{ contrast/],
]

test('a target that means nothing is refused with what was expected', async t => {
  await using attributer = methods.gradient(model)
  for (const [target, message] of wrong) {
    await t.throwsAsync(
      attributer.attribute([{ image, target: target as Target }]),
      { instanceOf: InvalidArgumentError, message },
      JSON.stringify(target),
    )
  }
})

test('a list of targets has one for each image', async t => {
  await using attributer = createAttributer(model, 'gradient')
  await t.throwsAsync(attributer.attribute([image, image], { targets: [3] }), {
    message: /one target or null for each/,
  })
  const [first, second] = await attributer.attribute(noiseImages(2), {
    targets: [{ contrast: [1, 2] }, null],
  })
  t.deepEqual(first!.target, { contrast: [1, 2] })
  t.is(typeof second!.target, 'number')
})
