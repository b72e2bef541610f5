import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import {
  createAttributer,
  describeMethods,
  estimate,
  fitPatterns,
  InvalidArgumentError,
  loadModel,
  loadPatterns,
  loadReadout,
  loadStatistics,
  type Model,
  NotFiniteError,
  type PreparedImage,
  perSample,
  type Statistics,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { makeFolder } from '../support/command.js'
import { setNumber } from '../support/damage.js'
import { Attributers, ofAttention, trial } from '../support/methods.js'
import { referenceReadout } from '../support/readout.js'
import { noiseImage, noiseImages, smallStatistics } from '../support/small-model.js'
import { writeEqualWeights } from '../support/weights.js'

const architecture = 'vgg11'
const small = { device: 'cpu', width: 8, classes: 10 } as const

let folder: string
let remove: () => Promise<void>
let model: Model
let statistics: Statistics
const at = (name: string) => join(folder, name)

test.before(async () => {
  ;({ folder, remove } = await makeFolder())
  model = await loadModel('resnet18', { ...small, weights: 'seeded:0' })
  statistics = await smallStatistics(model)
})
test.after.always(async () => {
  statistics?.dispose()
  model?.dispose()
  await remove?.()
})

/** A copy of a file with one number replaced. */
async function damaged(file: string, entry: string, value: number): Promise<string> {
  const copy = at('damaged.safetensors')
  await copyFile(file, copy)
  await setNumber(copy, entry, value)
  return copy
}

/** An image whose values are finite, and whose activations are not. */
function enormous(): PreparedImage {
  return { ...noiseImage(), data: noiseImage().data.map(value => Math.sign(value) * 3e38) }
}

test.serial(
  'NaN and infinity in statistics, readouts and patterns are refused, by file and entry',
  async t => {
    const files = { statistics: at('s.safetensors'), readout: '', patterns: at('p.safetensors') }
    await statistics.save(files.statistics)
    await using patterns = await fitPatterns(model, { images: noiseImages(2) })
    await patterns.save(files.patterns)
    const { reads } = addon().readoutPlace({ model: model.handle })
    await using readStatistics = await smallStatistics(model, reads)
    ;(await referenceReadout(model, readStatistics, 'B', folder, 'iba')).dispose()
    files.readout = at('resnet18-B.safetensors')

    const layer = model.bottleneckLayer
    const loads: [string, string[], (path: string) => Promise<unknown>][] = [
      [files.statistics, [`${layer}.mean`, `${layer}.squared_deviations`], path => loadStatistics(path)],
      [files.patterns, ['conv1.active_products', 'conv1.outputs'], path => loadPatterns(path)],
      [
        files.readout,
        ['conv1.weight', 'conv3.bias', 'mean_0', 'std_1', 'bottleneck.std'],
        path => loadReadout(model, path),
      ],
    ]
    for (const [file, entries, load] of loads) {
      for (const entry of entries) {
        for (const value of [Number.NaN, Infinity, -Infinity]) {
          const error = await t.throwsAsync(load(await damaged(file, entry, value)), undefined, entry)
          t.regex(error.message, /'.*damaged\.safetensors' holds NaN or infinity in/)
          t.true(error.message.includes(`'${entry}'`), error.message)
        }
      }
    }
    const negative = [
      [files.statistics, `${layer}.squared_deviations`, (path: string) => loadStatistics(path)],
      [files.readout, 'std_0', (path: string) => loadReadout(model, path)],
    ] as const
    for (const [file, entry, load] of negative)
      await t.throwsAsync(load(await damaged(file, entry, -1)), { message: /below 0|above 0/ }, entry)
  },
)

test.serial('NaN and infinity in weights are refused, by parameter', async t => {
  const weights = at('weights.safetensors')
  writeEqualWeights(weights, 1)
  await using sound = await loadModel(architecture, { device: 'cpu', weights })
  t.is(sound.classes, 10)
  for (const [entry, value] of [
    ['features.0.weight', Number.NaN],
    ['classifier.6.bias', -Infinity],
  ] as const) {
    const loading = loadModel(architecture, { device: 'cpu', weights: await damaged(weights, entry, value) })
    const error = await t.throwsAsync(loading, { code: 'WEIGHTS', message: /expected finite numbers/ })
    t.true(error.message.includes(`'${entry}' of ${architecture}`), error.message)
  }
})

test.serial(
  'a network whose numbers grow beyond a float gives no map, by any method, and no class',
  async t => {
    const attributers = new Attributers()
    t.teardown(() => attributers.dispose())
    const tried = await trial('resnet18', 64, 64)
    t.teardown(() => tried.model.dispose())
    for (const method of describeMethods().filter(({ name }) => !ofAttention.includes(name))) {
      await using attributer = await attributers.make(tried, method)
      const error = await t.throwsAsync(attributer.attribute(enormous()), { code: 'NOT_FINITE' }, method.name)
      t.regex(
        error.message,
        /^'image 0': The logits .*: expected finite numbers, found NaN or infinity/,
        method.name,
      )
    }
    await t.throwsAsync(model.predict(enormous()), { instanceOf: NotFiniteError })
  },
)

test.serial('an image whose numbers are not finite costs others of its batch nothing', async t => {
  await using gradient = createAttributer(model, 'gradient')
  const [alone] = await gradient.attribute(noiseImage())
  const failed: string[] = []
  const onError = (error: Error, { index }: { index: number }) => void failed.push(`${error.name} ${index}`)
  const results = await gradient.attribute([noiseImage(), enormous(), noiseImage()], { onError })
  t.deepEqual(
    results.map(({ index }) => index),
    [0, 2],
  )
  t.deepEqual(failed, ['NotFiniteError 1'])
  t.deepEqual(results[0]!.map.data, alone!.map.data)
  const [bad, good] = await Promise.allSettled([
    gradient.attribute(enormous()),
    gradient.attribute(noiseImage()),
  ])
  t.deepEqual([bad!.status, good!.status], ['rejected', 'fulfilled'])
})

test.serial('a map that is not finite is an error that names the stage', async t => {
  // A step so long that nothing passes any more: the capacity is the logarithm of 0.
  const extreme = { learningRate: 1e9, beta: 0, sigma: 0 }
  await using iba = perSample(model, { statistics, steps: 3, copies: 1, ...extreme })
  await t.throwsAsync(iba.attribute(noiseImage()), {
    code: 'NOT_FINITE',
    message: /^'image 0': The .*: expected finite numbers.*smaller learning rate/,
  })
})

test.serial('options that no float can hold are out of range, by name', t => {
  const wrong: [string, Record<string, number | number[]>][] = [
    ['per-sample', { beta: 1e308 }],
    ['per-sample', { learningRate: 1e39 }],
    ['per-sample', { minimumStd: 1e-300 }],
    ['per-sample', { minimumStd: 1e300 }],
    ['smoothgrad', { noise: 1e308 }],
    ['lrp', { epsilon: 1e100 }],
    ['lrp', { gamma: 1e308 }],
    ['lrp', { low: [1e308, 0, 0] }],
  ]
  for (const [method, options] of wrong) {
    const [name] = Object.keys(options)
    const given = method === 'per-sample' ? { statistics, ...options } : options
    t.throws(() => createAttributer(model, method, given), {
      instanceOf: InvalidArgumentError,
      message: new RegExp(`from .* to .* for ${name}\\b`),
    })
  }
  const preprocessing = { mean: [1e308, 0, 0], std: [1, 1, 1] }
  return t.throwsAsync(loadModel('resnet18', { ...small, weights: 'seeded:0', preprocessing }), {
    message: /preprocessing\.mean/,
  })
})

test.serial('statistics and patterns name the image and the layer whose numbers are not finite', async t => {
  const images = [noiseImage(), noiseImage(), enormous()]
  const expected = { code: 'NOT_FINITE', message: /^The (activation|output) of '.+' for 'image 2'/ }
  const layers = ['layer1', 'layer2']
  await t.throwsAsync(estimate(model, { images, layers, onWarning: () => {} }), expected)
  await t.throwsAsync(fitPatterns(model, { images }), expected)
})

test.serial('activations of one value give a map: no standard deviation is 0', async t => {
  await using constant = await estimate(model, { images: [noiseImage(), noiseImage()], onWarning: () => {} })
  await using iba = perSample(model, { statistics: constant, steps: 3, copies: 2 })
  const [result] = await iba.attribute(noiseImage())
  t.true(result!.map.data.every(Number.isFinite))
})
