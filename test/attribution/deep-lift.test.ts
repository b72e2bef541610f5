import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import {
  type Attributer,
  type Attribution,
  type Model,
  methods,
  type PreparedImage,
} from '../../lib/index.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { loadFile, readReference } from '../support/imported-models.js'
import { noiseImage, noiseImages, smallModel } from '../support/small-model.js'

/** Made by test/support/make-deep-lift-fixtures.py. */
const folder = fileURLToPath(new URL('../../../test/fixtures/deep-lift', import.meta.url))
const target = 3
const images = noiseImages(2, { name: 'two images', height: 16 })
const baselines = noiseImages(5, { name: 'baselines', height: 16 })

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0)
const rawOf = (results: readonly Attribution[]) =>
  Float32Array.from(results.flatMap(({ tensors }) => [...tensors.raw!.data]))

async function logit(model: Model, image: PreparedImage): Promise<number> {
  const [logits] = await model.logits(image)
  return logits![target]!
}

const black = ({ data, shape }: PreparedImage): PreparedImage => ({
  data: new Float32Array(data.length),
  shape,
})

for (const rows of [1, 16]) {
  test(`DeepLIFT and DeepSHAP are what captum gives, with ${rows} rows`, async t => {
    const reference = await readReference<'averages' | 'maxima' | 'shap' | 'shapOfSet'>(folder, 'captum')
    const compare = async (attributer: Attributer, expected: { data: Float32Array }) => {
      const found = rawOf(await attributer.attribute(images, { targets: target, seed: 5 }))
      const error = relativeError(found, expected.data)
      t.log(error)
      t.true(error <= 1e-4, `${error}`)
    }
    const kept = { keepRaw: true, rows }
    await using averages = await loadFile(join(folder, 'averages.pt'), 16)
    await using maxima = await loadFile(join(folder, 'maxima.pt'), 16)
    await compare(methods['deep-lift'](averages, { baseline: 'zero', ...kept }), reference.averages)
    await compare(methods['deep-lift'](maxima, { baseline: 'zero', ...kept }), reference.maxima)
    await compare(methods['deep-shap'](averages, { samples: 3, ...kept }), reference.shap)
    await compare(methods['deep-shap'](averages, { baselines, ...kept }), reference.shapOfSet)
  })
}

test('one ReLU that runs twice, functions, exp and products: the map is the whole difference of logits', async t => {
  await using model = await loadFile(join(folder, 'reused.pt'), 16)
  await using attributer = methods['deep-lift'](model, { baseline: 'zero', keepRaw: true })
  for (const image of images) {
    const [result] = await attributer.attribute(image, { targets: target })
    const difference = (await logit(model, image)) - (await logit(model, black(image)))
    const found = sum(result!.tensors.raw!.data)
    t.log(found, difference)
    t.true(Math.abs(found - difference) < 1e-4 * Math.abs(difference), `${found} of ${difference}`)
    t.true(Math.abs(result!.checks.completenessGap!) < 1e-4 * Math.abs(difference))
    t.is(result!.map.unit, 'logits')
  }
})

test('nothing of the difference is lost in a ResNet and behind max pools, whatever the baseline', async t => {
  await using resnet = await smallModel()
  await using maxima = await loadFile(join(folder, 'maxima.pt'), 16)
  for (const [model, image] of [
    [resnet, noiseImage()],
    [maxima, images[0]!],
  ] as const) {
    for (const method of ['deep-lift', 'deep-shap'] as const) {
      const results = await methods[method](model).attribute(image, { targets: target })
      const [{ checks, map }] = results as [Attribution]
      const share = Math.abs(checks.completenessGap!) / Math.abs(sum(map.data))
      t.log(method, share)
      t.true(share < 1e-4, `${method}: ${share}`)
    }
  }
})

test('an image that is its own baseline has a map of zeros', async t => {
  await using model = await loadFile(join(folder, 'reused.pt'), 16)
  const [result] = await methods['deep-lift'](model, { baseline: 'zero' }).attribute(black(images[0]!))
  t.true(result!.map.data.every(value => value === 0))
  t.is(result!.checks.completenessGap, 0)
})

test('DeepSHAP of one baseline is DeepLIFT from it, and of two another map', async t => {
  await using model = await loadFile(join(folder, 'maxima.pt'), 16)
  const explain = async (attributer: Attributer) => {
    await using used = attributer
    return rawOf(await used.attribute(images[0]!, { targets: target, seed: 9 }))
  }
  const shared = { baseline: 'uniform', keepRaw: true } as const
  const one = await explain(methods['deep-shap'](model, { ...shared, samples: 1 }))
  t.deepEqual(one, await explain(methods['deep-lift'](model, shared)))
  const two = await explain(methods['deep-shap'](model, { ...shared, samples: 2 }))
  t.true(relativeError(two, one) > 1e-2)
})

test('of a set larger than its samples DeepSHAP takes some, others for each image, and the same in any batch', async t => {
  await using model = await loadFile(join(folder, 'averages.pt'), 16)
  const explain = async (options: object, seed: number, given = images) => {
    await using attributer = methods['deep-shap'](model, { keepRaw: true, ...options })
    return await attributer.attribute(given, { targets: target, seed })
  }
  const ofEach = await Promise.all(
    baselines.map(async baseline => rawOf(await explain({ baselines: [baseline] }, 0, [images[0]!]))),
  )
  const meanOf = (chosen: readonly number[]) =>
    Float32Array.from(ofEach[0]!, (_, i) => sum(chosen.map(k => ofEach[k]![i]!)) / chosen.length)
  t.true(relativeError(rawOf(await explain({ baselines }, 0)).slice(0, 768), meanOf([0, 1, 2, 3, 4])) < 1e-5)
  const pairs = baselines.flatMap((_, i) => baselines.slice(0, i).map((_, j) => [i, j]))
  const drawn = new Set<number>()
  for (const seed of [1, 2, 3, 4]) {
    const [alone] = await explain({ baselines, samples: 2 }, seed, [images[0]!])
    const errors = pairs.map(pair => relativeError(rawOf([alone!]), meanOf(pair)))
    t.true(Math.min(...errors) < 1e-5, 'two of the set')
    drawn.add(errors.indexOf(Math.min(...errors)))
    const [together] = await explain({ baselines, samples: 2 }, seed)
    t.true(relativeError(rawOf([together!]), rawOf([alone!])) < 1e-5)
  }
  t.true(drawn.size > 1, 'the seed decides which')
})
