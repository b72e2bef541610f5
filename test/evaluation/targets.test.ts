import test from 'ava'
import {
  confidenceChange,
  degradation,
  type EvaluationOptions,
  type HeatMap,
  InvalidArgumentError,
  infidelity,
  insertionDeletion,
  irof,
  type Model,
  maxSensitivity,
  methods,
  regionPerturbation,
  road,
  selectivity,
  sensitivityN,
  type Target,
} from '../../lib/index.js'
import { familyReference } from '../support/family.js'
import { noiseImage, smallModel } from '../support/small-model.js'

const image = noiseImage()
const { target: embedding } = familyReference.targets.embedding!

let model: Model
let map: HeatMap
test.before(async () => {
  model = await smallModel()
  await using attributer = methods.saliency(model)
  map = (await attributer.attribute([image], { targets: 3 }))[0]!.map
})
test.after.always(() => model?.dispose())

/** Each evaluation with little work, as the numbers that it gives. */
const evaluations: Record<string, (options: EvaluationOptions) => Promise<number[]>> = {
  async degradation(options) {
    const { images, score } = await degradation(model, { ...options, tile: 16 })
    return [score, ...Array.from(images[0]!.ofTarget.mostRelevantFirst)]
  },
  async insertionDeletion(options) {
    const { images } = await insertionDeletion(model, { ...options, step: 1024 })
    return [...Array.from(images[0]!.insertion), ...Array.from(images[0]!.deletion)]
  },
  async road(options) {
    const { images, combined } = await road(model, { ...options, shares: [0.3] })
    return [combined, images[0]!.clean, ...Array.from(images[0]!.probability.mostRelevantFirst)]
  },
  async regionPerturbation(options) {
    const { images } = await regionPerturbation(model, { ...options, tile: 16, regions: 3 })
    return Array.from(images[0]!.probability.mostRelevantFirst)
  },
  async selectivity(options) {
    const { images } = await selectivity(model, { ...options, tile: 32 })
    return Array.from(images[0]!.probability)
  },
  async irof(options) {
    return [(await irof(model, { ...options, segments: 6 })).images[0]!.area]
  },
  async confidence(options) {
    const { images } = await confidenceChange(model, options)
    return [images[0]!.before, images[0]!.after]
  },
  async sensitivity(options) {
    const { images } = await sensitivityN(model, { ...options, tile: 16, ns: [3], masks: 4 })
    return Array.from(images[0]![0]!.drop)
  },
  async infidelity(options) {
    return [(await infidelity(model, { ...options, samples: 4 })).images[0]!.value]
  },
}

for (const [name, evaluate] of Object.entries(evaluations)) {
  test(`${name} watches every kind of target`, async t => {
    const run = (targets?: Target) =>
      evaluate({ images: [image], maps: [map], ...(targets !== undefined && { targets }) })
    const ofClass = await run(3)
    for (const target of [embedding, { contrast: [3, 7] }, { output: 2 }, { labels: [1] }]) {
      const found = await run(target)
      t.true(found.length > 0 && found.every(Number.isFinite), JSON.stringify(target))
      t.notDeepEqual(found, ofClass)
    }
    await t.throwsAsync(run({ contrast: [3, 12] }), {
      instanceOf: InvalidArgumentError,
      message: /contrast\[1\]/,
    })
    if (['sensitivity', 'infidelity'].includes(name)) return
    const againstAll = await run({ contrast: [3] })
    againstAll.forEach((value, i) => {
      t.true(Math.abs(value - ofClass[i]!) < 1e-9, 'a class against all others has its own probability')
    })
  })
}

test('maximum sensitivity is of any target', async t => {
  await using method = methods.gradient(model)
  const found = await maxSensitivity(method, image, { target: embedding, samples: 2 })
  t.true(found > 0 && Number.isFinite(found))
})
