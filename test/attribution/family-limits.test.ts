import test, { type ExecutionContext } from 'ava'
import {
  type Attribution,
  createAttributer,
  describeMethod,
  type Model,
  type Statistics,
} from '../../lib/index.js'
import { familyReference } from '../support/family.js'
import { noiseImage, smallModel, smallStatistics } from '../support/small-model.js'

// What must hold of every bottleneck where information costs nothing or everything, and the constants of the papers.

let model: Model
let statistics: Statistics
test.before(async () => {
  model = await smallModel()
  statistics = await smallStatistics(model, model.blockLayers)
})
test.after.always(() => {
  for (const owned of [statistics, model]) owned?.dispose()
})

const image = noiseImage()
const seed = 7
const { target: embedding } = familyReference.targets.embedding!

/** Each bottleneck with what makes it that, in the same few passes. */
const bottlenecks = {
  'per-sample': { method: 'per-sample', options: {} },
  'shared channels': { method: 'per-sample', options: { share: 'channels', sigma: 0 } },
  proximal: { method: 'per-sample', options: { solver: 'proximal' } },
  'multi-layer': { method: 'multi-layer', options: { layers: 'layer2,layer3' } },
  coiba: { method: 'coiba', options: { layers: 'layer2,layer3' } },
  'input-iba': { method: 'input-iba', options: { prior: 'none', map: 'bits' } },
  m2ib: { method: 'm2ib', options: {}, target: embedding },
} as const
const dear = 1e9
/** As many steps as bring α from 5 to where nothing passes. */
const steps = 40

async function explain(name: keyof typeof bottlenecks, more: object): Promise<Attribution> {
  const { method, options, ...rest } = bottlenecks[name]
  const needs = describeMethod(method).needs.includes('statistics') ? { statistics } : {}
  await using attributer = createAttributer(model, method, {
    ...needs,
    copies: 2,
    steps,
    ...options,
    ...more,
  })
  const [found] = await attributer.attribute([image], {
    targets: 'target' in rest ? rest.target : 3,
    seed,
  })
  return found!
}

/** What the fit is where the network sees the image as it is. */
const cleanFit = ({ probability, score }: Attribution) =>
  Number.isNaN(probability) ? -score : -Math.log(probability)

function near(t: ExecutionContext, found: number, expected: number, tolerance: number): void {
  t.true(
    Math.abs(found - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `${found}, not ${expected}`,
  )
}

const names = Object.keys(bottlenecks) as (keyof typeof bottlenecks)[]
for (const name of names) {
  test(`${name}: where information is dear none passes, and the network sees noise`, async t => {
    const found = await explain(name, { beta: dear })
    t.true(Math.abs(found.series.information!.at(-1)!) < 1e-6)
    t.true(found.map.data.every(bits => Math.abs(bits) < 1e-3))
    if (name === 'proximal') return
    // With a mask that is shut from the beginning, the last step draws the same noise.
    const shut = await explain(name, { initialAlpha: -50 })
    near(t, found.series.crossEntropy!.at(-1)!, shut.series.crossEntropy!.at(-1)!, 1e-3)
  })

  test(`${name}: where information is free the network sees nearly the image`, async t => {
    const found = await explain(name, { beta: 0, ...(name !== 'proximal' && { initialAlpha: 12 }) })
    // The proximal solver begins with half of everything, and then finds what fits better than the image itself.
    if (name === 'proximal') {
      t.true(found.series.crossEntropy!.at(-1)! < cleanFit(found))
      return
    }
    near(t, found.series.crossEntropy![0]!, cleanFit(found), 1e-2)
    const { series } = await explain(name, { beta: dear })
    t.true(found.series.crossEntropy!.at(-1)! <= series.crossEntropy!.at(-1)!)
    t.true(found.series.information!.at(-1)! > 0.1)
  })
}

test('the inverse bottleneck removes nothing where that is dear, and all that it can where it is free', async t => {
  const inverse = { inverse: true, steps }
  const kept = await explain('per-sample', { ...inverse, beta: dear })
  t.true(kept.series.information!.at(-1)! < 1e-6)
  near(t, kept.series.crossEntropy!.at(-1)!, cleanFit(kept), 1e-3)
  const removed = await explain('per-sample', { ...inverse, beta: 0 })
  const noise = await explain('per-sample', { initialAlpha: -50, steps: 1, copies: 20 })
  t.true(removed.series.crossEntropy!.at(-1)! >= noise.series.crossEntropy![0]!)
  t.true(removed.series.loss!.at(-1)! === -removed.series.crossEntropy!.at(-1)!)
})

test('the intersection of layers is empty where nothing passes, and the sum finite', async t => {
  for (const combine of ['intersection', 'weighted-sum']) {
    const { map } = await explain('multi-layer', { combine, beta: dear, initialAlpha: -50 })
    t.true(map.data.every(Number.isFinite), combine)
  }
})

/** The defaults of an option, from the methods that are named. */
const constants: Record<string, Record<string, number>> = {
  // IBA's own code; Adam's rate, the steps and the copies are the same in all of the family but InputIBA.
  'per-sample': {
    beta: 10,
    steps: 10,
    copies: 10,
    learningRate: 1,
    initialAlpha: 5,
    sigma: 1,
    minimumStd: 0.01,
  },
  // CheXplain-IBA: as the former, in each layer.
  'multi-layer': {
    beta: 10,
    steps: 10,
    copies: 10,
    learningRate: 1,
    initialAlpha: 5,
    sigma: 1,
    minimumStd: 0.01,
  },
  // CoIBA's run.sh.
  coiba: { beta: 1, steps: 10, copies: 10, learningRate: 1, initialAlpha: 5, sigma: 0, minimumStd: 0.01 },
  // InputIBA's vgg_imagenet.py, and its vision_gan.py.
  'input-iba': {
    ...{ beta: 20, steps: 60, copies: 10, learningRate: 1, initialAlpha: 5, sigma: 1 },
    ...{ featureBeta: 20, featureSteps: 10, priorEpochs: 20, priorSamples: 200, priorBatch: 32 },
    ...{ priorRate: 0.003, criticSteps: 5, criticRate: 5e-5, criticLimit: 0.01 },
  },
  m2ib: { beta: 0.1, steps: 10, copies: 10, learningRate: 1, initialAlpha: 5, sigma: 0 },
  // PAIR's saliency.
  'guided-ig': { steps: 200, fraction: 0.25, maximumDistance: 0.02 },
  'blur-ig': { steps: 100, maximumSigma: 50 },
  xrai: { steps: 100 },
  // TorchRay.
  'extremal-perturbation': {
    steps: 800,
    spacing: 7,
    sigma: 21,
    areaWeight: 300,
    levels: 8,
    maximumSigma: 20,
  },
  'finer-cam': { alpha: 1, similar: 3 },
  rise: { masks: 4000, cells: 8, kept: 0.5 },
}

for (const [name, expected] of Object.entries(constants)) {
  test(`${name} has the constants of its authors`, t => {
    const { options } = describeMethod(name)
    for (const [option, value] of Object.entries(expected))
      t.is(options.find(found => found.name === option)?.defaults.iba, value, option)
  })
}
