import test, { type ExecutionContext } from 'ava'
import {
  type Attribution,
  confidenceChange,
  createAttributer,
  estimate,
  InvalidArgumentError,
  loadModel,
  type Model,
  methods,
  type Statistics,
} from '../../lib/index.js'
import { type FamilyRun, relativeError } from '../support/family.js'
import { tokenReference as reference, towerPreprocessing, towers } from '../support/tokens.js'

// Expected numbers are those of plain PyTorch with the same noise; see test/support/make-token-fixtures.py.

const { steps, copies, seed } = reference.settings
const settings = { steps, copies, keepCapacity: true } as const
const texts = reference.texts.map(tokens => ({ tokens }))
const target = { embedding: reference.imageFeatures }

let model: Model
let statistics: Statistics
test.before(async () => {
  model = await loadModel(towers.text, { outputKind: 'embedding' })
  statistics = await estimate(model, { images: texts, onWarning: () => {} })
})
test.after.always(() => {
  for (const owned of [statistics, model]) owned?.dispose()
})

async function explain(name: string, options: object, input: object = texts[0]!): Promise<Attribution> {
  await using attributer = createAttributer(model, name, options)
  const [found] = await attributer.attribute([input as { tokens: number[] }], { targets: target, seed })
  return found!
}

/** The bits of each token, from nats (tokens × channels). */
function bitsOf({ result }: FamilyRun): number[] {
  const channels = result.length / 10
  return Array.from({ length: 10 }, (_, i) => {
    const own = result.slice(i * channels, (i + 1) * channels)
    return own.reduce((sum, nats) => sum + nats, 0) / Math.LN2
  })
}

function agree(
  t: ExecutionContext,
  { series, tensors, tokens, map }: Attribution,
  expected: FamilyRun,
): void {
  t.true(relativeError(series.crossEntropy!, expected.crossEntropy) < 1e-4, 'the fit')
  t.true(relativeError(series.information!, expected.information) < 1e-4, 'the information')
  t.true(relativeError(tensors.capacity!.data, expected.result) < 1e-4, 'the capacity')
  t.true(relativeError(tokens!, bitsOf(expected)) < 1e-4, 'the bits of each token')
  t.deepEqual([map.width, map.height, map.unit], [10, 1, 'bits/token'])
  t.deepEqual(map.data, tokens!)
}

test('M2IB of a text is that of PyTorch for the features of an image', async t => {
  const tokenTexts = [...'abcdefghij']
  const found = await explain('m2ib', settings, { ...texts[0]!, tokenTexts })
  agree(t, found, reference.m2ib)
  t.true(Math.abs(found.score - reference.score) < 1e-5)
  t.deepEqual(found.tokenTexts, tokenTexts)
  t.is(found.name, 'text 0')
})

test('the image tower gives the features that the text is compared with', async t => {
  await using vision = await loadModel(towers.vision, {
    outputKind: 'embedding',
    preprocessing: towerPreprocessing,
  })
  await using m2ib = methods.m2ib(vision, { steps, copies })
  const image = { data: new Float32Array(3 * 32 * 32).fill(0.5), shape: [3, 32, 32] as const }
  const [found] = await m2ib.attribute(image, { targets: { embedding: reference.features[0]! } })
  t.is(found!.tokens, undefined)
  t.is(found!.map.unit, 'bits/pixel')
})

test('the per-sample bottleneck takes statistics of texts, as PyTorch does', async t => {
  agree(t, await explain('per-sample', { statistics, ...settings, beta: 1, sigma: 0 }), reference.perSample)
})

test('CoIBA and bottlenecks in several layers take token ids', async t => {
  const layers = model.layerNames.filter(name => /layers\.[12]$/.test(name))
  await using ofBoth = await estimate(model, { images: texts, layers, onWarning: () => {} })
  const options = { statistics: ofBoth, steps, copies, layers: layers.join() }
  for (const name of ['coiba', 'multi-layer']) {
    const { tokens } = await explain(name, options)
    t.true(tokens!.every(Number.isFinite) && tokens!.some(bits => bits > 0), name)
  }
})

test('gradients are taken where the ids are looked up, as PyTorch does', async t => {
  const saliency = await explain('saliency', {})
  t.true(relativeError(saliency.tokens!, reference.gradients.saliency) < 1e-4)
  const timesInput = await explain('gradient-x-input', {})
  t.true(relativeError(timesInput.tokens!, reference.gradients.timesInput) < 1e-4)
  const gradient = await explain('gradient', { keepRaw: true })
  t.deepEqual(gradient.tensors.raw!.shape, [24, 1, 10])
})

test('integrated gradients at a layer are NIB, and at the embedding those of PyTorch', async t => {
  const options = { steps: 10, baseline: 'zero' }
  const nib = await explain('integrated-gradients', { ...options, layer: model.bottleneckLayer })
  t.true(relativeError(nib.tokens!, reference.nib) < 1e-4)
  const embedded = await explain('integrated-gradients', options)
  t.true(relativeError(embedded.tokens!, reference.integrated) < 1e-4)
  t.is(embedded.map.unit, 'logits')
  await t.throwsAsync(explain('integrated-gradients', { steps: 10 }), {
    instanceOf: InvalidArgumentError,
    message: /no text that is the 'mean' of another. Give the baseline zero/,
  })
})

test('a text has the same map in a batch as alone, with rows of its own bit by bit', async t => {
  for (const [options, limit] of [
    [{}, 1e-4],
    [{ rows: copies }, 0],
  ] as const) {
    await using batched = methods.m2ib(model, { steps, copies, batch: 4, ...options })
    const together = await batched.attribute(texts.slice(0, 4), { targets: target, seed })
    await using single = methods.m2ib(model, { steps, copies, batch: 1, ...options })
    const [alone] = await single.attribute([texts[2]!], { targets: target, seed })
    t.true(relativeError(together[2]!.tokens!, alone!.tokens!) <= limit)
  }
})

test('the padding behind the end of a text carries no bits', async t => {
  const { tokens } = await explain('m2ib', { steps: 10, copies }, texts[1]!)
  const end = reference.texts[1]!.indexOf(63)
  t.true(tokens!.slice(end + 1).every(bits => bits < tokens![end]!))
})

test('drop and increase in confidence hide the tokens of the lower half', async t => {
  const [first, second] = [texts[0]!, texts[2]!]
  const [m2ib, other] = [await explain('m2ib', settings, first), await explain('m2ib', settings, second)]
  const { images, drop, increase } = await confidenceChange(model, {
    images: [first, second],
    maps: [m2ib.map, other.map],
    targets: target,
    hidden: 1,
  })
  const cosine = (features: ArrayLike<number>) => {
    const lengths = Math.hypot(...Array.from(features)) * Math.hypot(...target.embedding)
    return target.embedding.reduce((sum, value, i) => sum + value * features[i]!, 0) / lengths
  }
  for (const [i, { tokens }] of [first, second].entries()) {
    const values = [m2ib, other][i]!.tokens!
    const lowest = [1, 2, 3, 4, 5, 6, 7, 8].sort((a, b) => values[a]! - values[b]!).slice(0, 4)
    const hidden = tokens.map((id, place) => (lowest.includes(place) ? 1 : id))
    const [features, ofHidden] = await model.logits([{ tokens }, { tokens: hidden }])
    t.true(Math.abs(images[i]!.before - cosine(features!)) < 1e-5)
    t.true(Math.abs(images[i]!.after - cosine(ofHidden!)) < 1e-5)
  }
  const changes = images.map(({ before, after }) => before - after)
  t.true(Math.abs(drop - (Math.max(0, changes[0]!) + Math.max(0, changes[1]!)) / 2) < 1e-6)
  t.is(increase, changes.filter(change => change < 0).length / 2)
  await t.throwsAsync(
    confidenceChange(model, { images: first, maps: m2ib.map, targets: target, hidden: 64 }),
    { instanceOf: InvalidArgumentError, message: /hidden/ },
  )
})

test('methods of pixels say that they are', async t => {
  for (const name of ['smoothgrad', 'lime', 'occlusion', 'grad-cam', 'xrai', 'random']) {
    await t.throwsAsync(explain(name, {}), {
      instanceOf: InvalidArgumentError,
      message: new RegExp(`'${name}' works on the pixels of images.*per-sample, coiba`),
    })
  }
})

test('texts of several lengths are explained in one call', async t => {
  await using any = await loadModel(towers.argmax, { outputKind: 'embedding' })
  await using m2ib = methods.m2ib(any, { steps: 3, copies: 2, batch: 4 })
  const cut = [texts[0]!, { tokens: texts[0]!.tokens.slice(0, 4) }, texts[2]!]
  const found = await m2ib.attribute(cut, { targets: target })
  t.deepEqual(
    found.map(({ tokens }) => tokens!.length),
    [10, 4, 10],
  )
})
