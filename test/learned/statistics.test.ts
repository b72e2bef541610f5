import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { PreparedImage } from '../../lib/images/source.js'
import {
  AttributionError,
  estimate,
  loadStatistics,
  type Model,
  perSample,
  type Statistics,
  StatisticsError,
} from '../../lib/index.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { writeSafetensors } from '../../scripts/testing/module.js'
import { noiseImage, noiseImages, smallModel, smallStatistics } from '../support/small-model.js'

let folder: string
let model: Model
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'statistics-'))
  model = await smallModel()
})
test.after.always(async () => {
  model?.dispose()
  await rm(folder, { recursive: true, force: true })
})

const quiet = { onWarning: () => {} }

/** One image's activation: the mean over that image taken twice. */
async function activation(layer: string, image: PreparedImage): Promise<Float32Array> {
  await using statistics = await estimate(model, { layer, images: [image, image], batch: 1, ...quiet })
  return statistics.layer(layer, { preset: 'iba' }).mean
}

function activations(layer: string, images: readonly PreparedImage[]): Promise<Float32Array[]> {
  return Promise.all(images.map(image => activation(layer, image)))
}

/** Sums over the samples of one neuron, in double precision. */
function naiveSums(samples: readonly Float32Array[], neuron: number) {
  const values = samples.map(sample => sample[neuron]!)
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length
  return {
    mean,
    deviations: values.reduce((sum, x) => sum + (x - mean) ** 2, 0),
    squares: values.reduce((sum, x) => sum + x ** 2, 0),
    nonzero: values.filter(x => x !== 0).length,
    n: values.length,
  }
}

type Sums = ReturnType<typeof naiveSums>

function perNeuron(samples: readonly Float32Array[], formula: (sums: Sums) => number): Float64Array {
  return Float64Array.from(samples[0]!, (_, neuron) => formula(naiveSums(samples, neuron)))
}

test('mean and deviation of the last layer are those of the logits', async t => {
  const images = noiseImages(21)
  const logits = await model.logits(images)
  await using statistics = await estimate(model, { layer: 'fc', images, batch: 4, ...quiet })
  const { mean, std, active, shape } = statistics.layer('fc')
  t.deepEqual(shape, [10])
  t.true(
    relativeError(
      mean,
      perNeuron(logits, sums => sums.mean),
    ) < 1e-5,
  )
  t.true(
    relativeError(
      std,
      perNeuron(logits, ({ deviations, n }) => Math.sqrt(deviations / (n - 1))),
    ) < 1e-5,
  )
  t.true(active.every(flag => flag === 1))
})

for (const layer of ['layer2', 'layer1.1.bn2', 'conv1']) {
  test(`${layer}: both presets follow their formulas`, async t => {
    const images = noiseImages(9)
    const samples = await activations(layer, images)
    await using statistics = await estimate(model, { layer, images, batch: 1, ...quiet })
    const iba = statistics.layer(layer, { preset: 'iba', minimumStd: 0.05 })
    t.true(
      relativeError(
        iba.mean,
        perNeuron(samples, sums => sums.mean),
      ) < 1e-5,
    )
    const floored = perNeuron(samples, ({ deviations, n }) => Math.max(Math.sqrt(deviations / (n - 1)), 0.05))
    t.true(relativeError(iba.std, floored) < 1e-5)
    t.deepEqual([...iba.active], [...perNeuron(samples, ({ nonzero }) => (nonzero > 0 ? 1 : 0))])

    const paper = statistics.layer(layer, { preset: 'paper' })
    t.true(paper.active.every(flag => flag === 1))
    if (layer === 'layer2') {
      t.true(paper.mean.every(value => value === 0))
      const relu = perNeuron(samples, ({ squares, nonzero }) =>
        Math.sqrt(Math.max(squares, 1e-5) / Math.max(nonzero, 1)),
      )
      t.true(relativeError(paper.std, relu) < 1e-5)
    } else {
      t.deepEqual(paper.mean, iba.mean)
      const plain = perNeuron(samples, ({ deviations, n }) => Math.sqrt(Math.max(deviations, 1e-5) / n))
      t.true(relativeError(paper.std, plain) < 1e-5)
    }
  })
}

test('a neuron is active if it was non-zero in more than 1 % of the samples', async t => {
  const [common, rare] = noiseImages(2)
  const zeroIn = await activation('layer3', common!)
  const other = await activation('layer3', rare!)
  const expected = (rareCount: number, count: number) =>
    zeroIn.map((value, i) => {
      const nonzero = (value !== 0 ? count - rareCount : 0) + (other[i] !== 0 ? rareCount : 0)
      return nonzero > 0.01 * count ? 1 : 0
    })
  for (const rareCount of [1, 2]) {
    const images = Array.from({ length: 120 }, (_, i) => (i < rareCount ? rare! : common!))
    await using statistics = await estimate(model, { layer: 'layer3', images, batch: 1, ...quiet })
    t.deepEqual([...statistics.layer('layer3').active], [...expected(rareCount, 120)])
  }
  t.notDeepEqual(expected(1, 120), expected(2, 120))
})

test('a value far from zero loses no precision', async t => {
  const images = noiseImages(12).map(({ data, shape }) => ({ data: data.map(x => 1e-3 * x + 1000), shape }))
  const logits = await model.logits(images)
  await using statistics = await estimate(model, { layer: 'fc', images, batch: 5, preset: 'paper', ...quiet })
  const expected = perNeuron(logits, ({ deviations, n }) => Math.sqrt(Math.max(deviations, 1e-5) / n))
  t.true(relativeError(statistics.layer('fc').std, expected) < 0.02)
})

function sameNumbers(a: Statistics, b: Statistics, layer: string, tolerance: number): boolean {
  return (['iba', 'paper'] as const).every(preset => {
    const [left, right] = [a.layer(layer, { preset }), b.layer(layer, { preset })]
    const sameMean = left.mean.every((x, i) => Math.abs(x - right.mean[i]!) < tolerance)
    return sameMean && relativeError(left.std, right.std) < tolerance && equal(left.active, right.active)
  })
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

test('two halves merge to the whole, and stay what they were', async t => {
  const images = noiseImages(20)
  const of = (part: PreparedImage[]) => estimate(model, { layer: 'layer2', images: part, batch: 1, ...quiet })
  await using whole = await of(images)
  await using first = await of(images.slice(0, 7))
  await using second = await of(images.slice(7))
  await using untouched = await of(images.slice(0, 7))
  await using merged = first.merge(second)
  t.is(merged.description.layers[0]!.samples, 20)
  t.true(sameNumbers(merged, whole, 'layer2', 1e-6))
  t.true(sameNumbers(first, untouched, 'layer2', 1e-12))
  t.is(first.description.layers[0]!.samples, 7)
})

test('statistics of different models, layers or presets do not merge', async t => {
  await using own = await smallStatistics(model, ['layer2'])
  await using otherLayer = await smallStatistics(model, ['layer1'])
  await using more = await smallStatistics(model, ['layer1', 'layer2'])
  await using otherPreset = await smallStatistics(model, ['layer2'], { preset: 'paper' })
  await using otherModel = await smallModel({ weights: 'seeded:1' })
  await using ofOther = await smallStatistics(otherModel, ['layer2'])
  await using otherSize = await smallStatistics(model, ['layer2'], { height: 96 })
  for (const other of [otherLayer, more, otherPreset, ofOther, otherSize]) {
    t.throws(() => own.merge(other), { instanceOf: StatisticsError })
  }
})

test('several layers in one pass give what each gives alone', async t => {
  const layers = ['layer1.0.relu#1', 'conv1', 'layer4', 'layer2.0.downsample', 'fc']
  const images = noiseImages(10)
  await using together = await estimate(model, { layers, images, ...quiet })
  t.deepEqual(
    together.description.layers.map(({ name }) => name),
    layers,
  )
  for (const layer of layers) {
    await using alone = await estimate(model, { layer, images, ...quiet })
    t.true(sameNumbers(together, alone, layer, 1e-6), layer)
  }
})

test('a file gives back what was saved', async t => {
  const layers = ['layer2', 'bn1']
  await using statistics = await smallStatistics(model, layers, { preset: 'paper' })
  const path = join(folder, 'round.safetensors')
  await statistics.save(path)
  await using read = await loadStatistics(path)
  t.deepEqual(read.description, statistics.description)
  for (const layer of layers) t.true(sameNumbers(read, statistics, layer, 1e-5))
  const maps = await Promise.all(
    [statistics, read].map(source =>
      perSample(model, { statistics: source, steps: 3 }).attribute(noiseImage()),
    ),
  )
  t.true(relativeError(maps[0]![0]!.map.data, maps[1]![0]!.map.data) < 1e-3)
})

test('broken files are refused with a typed error', async t => {
  const path = join(folder, 'whole.safetensors')
  await using statistics = await smallStatistics(model)
  await statistics.save(path)
  const bytes = await readFile(path)
  for (const length of [0, 4, 8, 100, Math.floor(bytes.length / 2), bytes.length - 1]) {
    await writeFile(join(folder, 'short.safetensors'), bytes.subarray(0, length))
    const error = await t.throwsAsync(loadStatistics(join(folder, 'short.safetensors')), {
      instanceOf: AttributionError,
    })
    t.true(['WEIGHTS', 'STATISTICS'].includes((error as AttributionError).code), String(error))
  }
  await t.throwsAsync(loadStatistics(join(folder, 'absent.safetensors')), { instanceOf: AttributionError })

  const plain = join(folder, 'plain.safetensors')
  writeSafetensors(plain, [{ name: 'x', shape: [2], data: new Float32Array(2) }], {})
  await t.throwsAsync(loadStatistics(plain), {
    instanceOf: StatisticsError,
    message: /holds no layer statistics/,
  })
  const claimed = { format: 'attribution-bottleneck.statistics.1', layers: 'layer2', 'layer2.samples': '-3' }
  writeSafetensors(plain, [], claimed)
  await t.throwsAsync(loadStatistics(plain), { instanceOf: StatisticsError })
})

test('statistics of another model or layer are refused before any work', async t => {
  await using other = await smallModel({ weights: 'seeded:1' })
  await using wide = await smallModel({ width: 16 })
  await using statistics = await smallStatistics(model, ['layer2'])
  for (const stranger of [other, wide]) {
    t.throws(() => perSample(stranger, { statistics }), { instanceOf: StatisticsError, message: /made with/ })
  }
  t.throws(() => perSample(model, { statistics, layer: 'layer3' }), {
    instanceOf: StatisticsError,
    message: /'layer3', only: layer2/,
  })
})
