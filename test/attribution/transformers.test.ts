import { join } from 'node:path'
import test from 'ava'
import { type Attribution, ModelError, methods } from '../../lib/index.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { loadFile, makeModels, readReference, testWithModels } from '../support/imported-models.js'
import { transformers } from '../support/methods.js'
import { noiseImage, noiseImages, smallModel } from '../support/small-model.js'

/** What other programs computed of these networks (test/support/make-transformer-fixtures.py), and the size of their images. */
const references = [
  ['class-token', 64],
  ['pooled', 32],
] as const

const noise = (height: number) => noiseImages(2, { name: 'two images', height })
const folder = makeModels('make-models', ['vit_b_16', 'swin_t'])

for (const [name, size] of references) {
  const load = () => loadFile(join(transformers, `${name}.pt`), size)

  for (const [expected, method, options] of [
    ['rollout', 'attention-rollout', {}],
    ['rollout of maxima', 'attention-rollout', { fusion: 'max', discard: 0.3 }],
    ['generic', 'generic-attention', {}],
    ['generic', 'generic-attention', { blocks: 3 }],
    ['generic of the last', 'generic-attention', { blocks: 1 }],
  ] as const) {
    test(`${name}: ${expected} is what matrices of all tokens give, with ${JSON.stringify(options)}`, async t => {
      const reference = await readReference<typeof expected>(transformers, name)
      await using model = await load()
      await using attributer = methods[method](model, { ...options, keepRaw: true, rows: 1 })
      const results = await attributer.attribute(noise(size), { targets: 3 })
      const raw = Float32Array.from(results.flatMap(({ tensors }) => [...tensors.raw!.data]))
      const error = relativeError(raw, reference[expected]!.data)
      t.log(error)
      t.true(error <= 1e-5, `${error}`)
      t.deepEqual(results[0]!.tensors.raw!.shape, [1, 4, 4])
    })
  }
}

test('attention rollout is the same for each class, generic attention is not', async t => {
  await using model = await loadFile(join(transformers, 'class-token.pt'), 64)
  const [image] = noise(64)
  for (const [method, isTheSame] of [
    ['attention-rollout', true],
    ['generic-attention', false],
  ] as const) {
    const [three] = await methods[method](model).attribute(image!, { targets: 3 })
    const [four] = await methods[method](model).attribute(image!, { targets: 4 })
    t.is(relativeError(three!.map.data, four!.map.data) === 0, isTheSame)
  }
})

test('all of the rollout is in the map where every token is a place', async t => {
  await using model = await loadFile(join(transformers, 'pooled.pt'), 32)
  for (const fusion of ['mean', 'min', 'max'] as const) {
    const options = { keepRaw: true, fusion, discard: 0.9 }
    const [result] = await methods['attention-rollout'](model, options).attribute(noise(32)[0]!)
    const total = result!.tensors.raw!.data.reduce((sum, value) => sum + value, 0)
    t.true(Math.abs(total - 1) < 1e-5, `${fusion}: ${total}`)
  }
})

test('a network without attention is refused, naming what it has', async t => {
  await using model = await smallModel()
  for (const method of ['attention-rollout', 'generic-attention'] as const) {
    await t.throwsAsync(async () => methods[method](model).attribute(noiseImage()), {
      instanceOf: ModelError,
      message: /this resnet18 has none: it has add, average-pool, batch-norm, convolution.* Choose grad-cam/,
    })
  }
})

testWithModels('attention within windows is refused', async t => {
  await using model = await loadFile(join(folder, 'swin_t.scripted.pt'), 64)
  for (const method of ['attention-rollout', 'generic-attention'] as const) {
    const error = await t.throwsAsync(async () => methods[method](model).attribute(noiseImage()), {
      instanceOf: ModelError,
      message: /windows/,
    })
    t.log(error!.message)
  }
})

testWithModels("torchvision's transformer gives the same as a script and as an exported program", async t => {
  const image = noiseImage()
  await using scripted = await loadFile(join(folder, 'vit_b_16.scripted.pt'), 64)
  await using exported = await loadFile(join(folder, 'vit_b_16.pt2'), 64)
  for (const method of ['attention-rollout', 'generic-attention'] as const) {
    const [a] = await methods[method](scripted).attribute(image, { targets: 3 })
    const [b] = await methods[method](exported).attribute(image, { targets: 3 })
    t.true(a!.map.data.some(value => value !== a!.map.data[0]))
    t.true(relativeError(a!.map.data, b!.map.data) < 1e-5, method)
  }
})

for (const [name, size] of references) {
  for (const composite of ['attn-lrp', 'cp-lrp'] as const) {
    test(`${name}: ${composite} is what lxt and zennit give`, async t => {
      const reference = await readReference<typeof composite>(transformers, name)
      await using model = await loadFile(join(transformers, `${name}.pt`), size)
      await using attributer = methods.lrp(model, { composite })
      const results = await attributer.attribute(noise(size), { targets: 3 })
      const found = Float32Array.from(results.flatMap(({ map }) => [...map.data]))
      const error = relativeError(found, reference[composite]!.data)
      t.log(error)
      t.true(error <= 1e-4, `${error}`)
    })
  }
}

testWithModels(
  "relevance goes through torchvision's transformer, and other rules name those that do",
  async t => {
    const image = noiseImage()
    for (const file of ['vit_b_16.scripted.pt', 'vit_b_16.pt2']) {
      await using model = await loadFile(join(folder, file), 64)
      for (const composite of ['attn-lrp', 'cp-lrp'] as const) {
        const [{ map }] = (await methods.lrp(model, { composite }).attribute(image)) as [Attribution]
        t.true(map.data.every(Number.isFinite) && map.data.some(value => value !== map.data[0]))
      }
      await t.throwsAsync(async () => methods.lrp(model).attribute(image), { message: /attn-lrp/ })
    }
  },
)

testWithModels("DeepLIFT through torchvision's transformer leaves little of the difference", async t => {
  await using model = await loadFile(join(folder, 'vit_b_16.scripted.pt'), 64)
  const [result] = await methods['deep-lift'](model, { baseline: 'uniform' }).attribute(noiseImage(), {
    targets: 3,
  })
  const total = result!.map.data.reduce((sum, value) => sum + value, 0)
  const share = Math.abs(result!.checks.completenessGap! / total)
  t.log(share)
  t.true(share < 0.02, `${share}`)
})
