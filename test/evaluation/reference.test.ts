import { readFile } from 'node:fs/promises'
import test from 'ava'
import { histogramEntropy } from '../../lib/evaluation/protocols/complexity.js'
import {
  complexity,
  confidenceChange,
  effectiveHeatRatio,
  faithfulnessCorrelation,
  focus,
  insertionDeletion,
  irof,
  type Model,
  type ObjectMask,
  type PixelPreset,
  regionPerturbation,
  relevanceAccuracy,
  road,
  selectivity,
  sparseness,
} from '../../lib/index.js'
import { images, maps, size } from '../support/evaluation.js'
import { smallModel } from '../support/small-model.js'

/** What Quantus, pytorch-grad-cam, SciPy and torchvision find: `test/support/make-evaluation-fixtures.py`. */
interface Reference {
  target: number
  step: number
  effectiveHeatRatio: Record<'heat' | 'pixels', { score: number; ratios: number[] }>
  insertionDeletion: Record<PixelPreset, { insertion: number[]; deletion: number[] }>
  confidence: { drop: number; increase: number }
  road: Record<'mostRelevantFirst' | 'leastRelevantFirst', number[]>
  quantus: Record<string, number[]> & { faithfulnessSubsets: number[][] }
}

const map = maps[1]!
const positive = { ...map, data: map.data.map(Math.abs) }
const box: ObjectMask = {
  data: Uint8Array.from({ length: size * size }, (_, i) => {
    const [x, y] = [i % size, Math.floor(i / size)]
    return Number(x >= 20 && x < 50 && y >= 10 && y < 40)
  }),
  width: size,
  height: size,
}

let model: Model
let reference: Reference
let subject: { images: (typeof images)[0]; maps: typeof map; targets: number }

test.before(async () => {
  model = await smallModel()
  const path = new URL('../../../test/fixtures/evaluation/reference.json', import.meta.url)
  reference = JSON.parse(await readFile(path, 'utf8'))
  subject = { images: images[1]!, maps: map, targets: reference.target }
})
test.after.always(() => model?.dispose())

function farthest(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.POSITIVE_INFINITY
  return Math.max(...Array.from(expected, (value, i) => Math.abs(value - found[i]!)))
}

function trapezoid(values: readonly number[]): number {
  return values.slice(1).reduce((sum, value, i) => sum + (value + values[i]!) / 2, 0)
}

test('the effective heat ratio is what its definition gives in NumPy, weighted and counted', t => {
  for (const counting of ['heat', 'pixels'] as const) {
    const found = effectiveHeatRatio(positive, box, { counting })
    const expected = reference.effectiveHeatRatio[counting]
    t.true(farthest(found.ratios, expected.ratios) < 1e-12)
    t.true(Math.abs(found.score - expected.score) < 1e-12)
  }
})

test("insertion and deletion are those of each paper's blur and fill", async t => {
  for (const preset of ['rise', 'input-iba', 'coiba'] as const) {
    const options = { ...subject, preset, step: reference.step, minimumProbability: 0 }
    const { images: found, settings } = await insertionDeletion(model, options)
    const expected = reference.insertionDeletion[preset]
    const differences = [
      farthest(found[0]!.insertion, expected.insertion),
      farthest(found[0]!.deletion, expected.deletion),
    ]
    t.log(`${preset}: ${differences.map(value => value.toExponential(1)).join(', ')}`)
    t.true(Math.max(...differences) < 1e-5, preset)
    t.is(settings.step, reference.step)
  }
})

test('drop and increase in confidence are those of pytorch-grad-cam', async t => {
  const { drop, increase, averageDrop, images: found } = await confidenceChange(model, subject)
  t.true(Math.abs(drop - reference.confidence.drop) < 1e-6)
  t.is(increase, reference.confidence.increase)
  t.true(Math.abs(averageDrop - drop / found[0]!.before) < 1e-12)
})

test("ROAD's imputation changes the prediction as pytorch-grad-cam's does", async t => {
  const { images: found, combined } = await road(model, { ...subject, noise: 0 })
  const { probability } = found[0]!
  for (const order of ['mostRelevantFirst', 'leastRelevantFirst'] as const) {
    const difference = farthest(probability[order], reference.road[order])
    t.log(`${order}: ${difference.toExponential(1)}`)
    t.true(difference < 1e-5, order)
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const { mostRelevantFirst, leastRelevantFirst } = reference.road
  t.true(Math.abs(combined - (mean(leastRelevantFirst) - mean(mostRelevantFirst)) / 2) < 1e-5)
})

test('region perturbation, selectivity and IROF are those of Quantus', async t => {
  const { quantus } = reference
  const perturbed = await regionPerturbation(model, { ...subject, tile: 8, regions: 20, baseline: 'zero' })
  for (const [order, key] of [
    ['mostRelevantFirst', 'regionPerturbation.morf'],
    ['leastRelevantFirst', 'regionPerturbation.lerf'],
  ] as const) {
    const curve = Array.from(perturbed.images[0]!.probability[order])
    t.true(
      farthest(
        curve.slice(1).map(value => curve[0]! - value),
        quantus[key]!,
      ) < 1e-5,
      order,
    )
  }
  const selected = await selectivity(model, { ...subject, tile: 16 })
  t.true(farthest(Array.from(selected.images[0]!.probability).slice(1), quantus.selectivity!) < 1e-5)

  const data = Float32Array.from({ length: size * size }, (_, i) =>
    Math.floor(((i % size) + 2 * Math.floor(i / size)) / 16),
  )
  const segments = { data, width: size, height: size }
  const removed = await irof(model, { ...subject, segments, baseline: 'zero' })
  // Theirs leaves out the image as it is, and counts segments in place of their share.
  const ratios = Array.from(removed.images[0]!.ratios).slice(1)
  t.true(Math.abs(ratios.length - trapezoid(ratios) - quantus.irof![0]!) < 1e-4)
})

test('faithfulness correlation is that of Quantus for the same subsets', async t => {
  const subsets = reference.quantus.faithfulnessSubsets
  const data = new Uint8Array(subsets.length * size * size)
  for (const [run, pixels] of subsets.entries())
    for (const pixel of pixels) data[run * size * size + pixel] = 1
  const runs = { n: subsets[0]!.length, count: subsets.length, data }
  const { correlation } = await faithfulnessCorrelation(model, { ...subject, runs })
  t.true(Math.abs(correlation - reference.quantus.faithfulnessCorrelation![0]!) < 1e-4)
})

test('complexity, sparseness, focus and relevance accuracy are those of Quantus', t => {
  const { quantus } = reference
  t.true(Math.abs(complexity(map) - quantus.complexity![0]!) < 1e-4)
  for (const [i, bins] of [10, 100].entries())
    t.true(Math.abs(histogramEntropy(map, bins) - quantus.histogramEntropy![i]!) < 1e-6)
  t.true(Math.abs(sparseness(map) - quantus.sparseness![0]!) < 1e-5)
  t.true(Math.abs(focus(map, [true, false, false, true]) - quantus.focus![0]!) < 1e-6)
  t.true(Math.abs(relevanceAccuracy(positive, box).mass - quantus.mass![0]!) < 1e-6)
  t.is(relevanceAccuracy(map, box).rank, quantus.rank![0]!)
})
