import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import {
  type Attribution,
  InvalidArgumentError,
  loadReadout,
  type Model,
  type PerSampleOptions,
  perSample,
  type Statistics,
  type TrainedReadout,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { writeSafetensors } from '../../scripts/testing/module.js'
import { makeFolder } from '../support/command.js'
import { type FamilyRun, relativeError } from '../support/family.js'
import { noiseImage, noiseImages, smallModel, smallStatistics } from '../support/small-model.js'

// Expected numbers are those of plain PyTorch with the same noise; see test/support/make-warm-start-fixtures.py.

const fixture = (path: string) => fileURLToPath(new URL(`../../../test/fixtures/${path}`, import.meta.url))
const expected = JSON.parse(readFileSync(fixture('family/warm-start.json'), 'utf8')) as {
  adam: FamilyRun
  proximal: FamilyRun
  cold: FamilyRun
  settings: { steps: number; copies: number; seed: number }
}
const { steps, copies, seed } = expected.settings
const settings = { layer: 'layer1', steps, copies, keepCapacity: true } as const
const image = noiseImage()

let folder: string
let remove: () => Promise<void>
let model: Model
let statistics: Statistics
let trained: TrainedReadout
test.before(async () => {
  ;({ folder, remove } = await makeFolder())
  model = await smallModel()
  statistics = await smallStatistics(model, ['layer1', 'layer2'])
  trained = await loadReadout(model, fixture('readout/iba.safetensors'))
})
test.after.always(async () => {
  for (const owned of [trained, statistics, model]) owned?.dispose()
  await remove?.()
})

async function explain(options: Partial<PerSampleOptions>): Promise<Attribution> {
  await using attributer = perSample(model, { statistics, ...settings, ...options })
  const [found] = await attributer.attribute([image], { targets: 3, seed })
  return found!
}

function agree(t: ExecutionContext, { series, tensors }: Attribution, wanted: FamilyRun): void {
  t.true(relativeError(series.crossEntropy!, wanted.crossEntropy) < 1e-4, 'the cross-entropy')
  t.true(relativeError(series.information!, wanted.information) < 1e-4, 'the information')
  t.true(relativeError(tensors.capacity!.data, wanted.result) < 1e-4, 'the capacity')
}

/** The trained readout's file, but that it always predicts the same α. */
async function constantReadout(alpha: number): Promise<string> {
  const { tensors, metadata } = await addon().readWeightFile({ path: fixture('readout/iba.safetensors') })
  const path = join(folder, `constant-${alpha}.safetensors`)
  const changed = tensors.map(({ name, shape, data }) => {
    if (name === 'conv3.weight') return { name, shape, data: data.map(() => 0) }
    return { name, shape, data: name === 'conv3.bias' ? data.map(() => alpha) : data }
  })
  writeSafetensors(path, changed, metadata)
  return path
}

test('Adam begins with the mask that a readout predicts', async t => {
  agree(t, await explain({ readout: trained }), expected.adam)
  agree(t, await explain({ readout: fixture('readout/iba.safetensors') }), expected.adam)
})

test('the proximal solver begins there too, and with half of everything without one', async t => {
  agree(t, await explain({ solver: 'proximal', readout: trained }), expected.proximal)
  agree(t, await explain({ solver: 'proximal' }), expected.cold)
})

test('a readout that has learnt nothing starts as none does, to the last bit', async t => {
  const readout = await constantReadout(5)
  t.deepEqual((await explain({ readout })).map.data, (await explain({})).map.data)
  const solver = 'proximal'
  const half = await constantReadout(0)
  t.deepEqual((await explain({ solver, readout: half })).map.data, (await explain({ solver })).map.data)
})

test('every step has all copies where masks begin with a prediction', async t => {
  const fast = await explain({ readout: trained, preset: 'fast' })
  t.true(relativeError(fast.series.crossEntropy!, expected.adam.crossEntropy) > 1e-4, 'noise comes in pairs')
  t.deepEqual(
    fast.map.data,
    (await explain({ readout: trained, preset: 'fast', copyPlan: 'adaptive' })).map.data,
  )
})

test('each image of a batch begins with its own prediction', async t => {
  const images = noiseImages(3)
  const options = { statistics, readout: trained, layer: 'layer1', steps, copies }
  await using together = perSample(model, { ...options, batch: 3 })
  const found = await together.attribute(images, { targets: [3, 1, null] })
  await using alone = perSample(model, { ...options, batch: 1 })
  const [single] = await alone.attribute([images[1]!], { targets: 1 })
  t.true(relativeError(found[1]!.map.data, single!.map.data) < 1e-4)
})

test('a readout of another layer, and masks that it does not predict, are refused', async t => {
  const refused = (options: Partial<PerSampleOptions>, message: RegExp) =>
    t.throwsAsync(explain({ readout: trained, ...options }), { instanceOf: InvalidArgumentError, message })
  await refused({ layer: 'layer2' }, /The readout restricts 'layer1', but the bottleneck goes into 'layer2'/)
  await refused({ inverse: true }, /Leave it out for inverse or shared masks/)
  await refused({ share: 'channels' }, /Leave it out for inverse or shared masks/)
})
