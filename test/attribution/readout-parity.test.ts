import { rm } from 'node:fs/promises'
import test from 'ava'
import { estimate, loadModel, type Model, readout, type Statistics } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { noiseImages } from '../../scripts/bench/workload.js'
import { makeFolder } from '../support/command.js'
import { readReference } from '../support/parity.js'
import { referenceReadout } from '../support/readout.js'

const within = (value: number, expected: number, share: number) => Math.abs(value / expected - 1) <= share

let folder: string
test.before(async () => {
  ;({ folder } = await makeFolder())
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

for (const name of ['resnet50', 'vgg16']) {
  const reference = readReference(name)
  let model: Model
  let statistics: Statistics

  test.serial(`${name}: the statistics of all layers that are read come from one pass`, async t => {
    model = await loadModel(name, { weights: 'seeded:0', device: 'cpu' })
    const { reads: layers } = addon().readoutPlace({ model: model.handle })
    statistics = await estimate(model, { layers, images: noiseImages(16), onWarning: () => {} })
    t.is(statistics.description.layers.length, 5)
  })

  for (const variant of ['A', 'B'] as const) {
    test.serial(`${name}, variant ${variant}: map, loss and gradients equal the paper's code`, async t => {
      const { image, target, array, readouts } = await reference
      await using trained = await referenceReadout(model, statistics, variant, folder)
      t.is(trained.description.variant, variant)
      await using attributer = readout(model, { readout: trained, keepCapacity: true, keepLogits: true })
      const [result] = await attributer.attribute(image, { targets: target })
      const { capacity, logits } = result!.tensors
      const information = result!.series.information![0]!
      const expected = readouts[variant]
      t.true(
        relativeError(meanOverChannels(capacity!), array(`readout.${variant}.capacity_mean`)) <= 1e-3,
        'capacity',
      )
      t.true(relativeError(logits!.data, array(`readout.${variant}.logits`)) <= 1e-3, 'logits')
      t.true(within(information, expected.information, 1e-3), `information ${information}`)

      const trainer = await addon().createReadoutTrainer({
        model: model.handle,
        readout: trained.handle,
        options: { beta: 10, learningRate: 1e-5 },
      })
      const images = { data: image.data, shape: [1, ...image.shape] }
      const batch = { images, labels: [target], seeds: [0] }
      const { loss, crossEntropy, gradientNorms } = await addon().readoutStep({ trainer, batch, extras: [] })
      t.true(within(loss, expected.loss, 1e-3), `loss ${loss}`)
      t.true(within(crossEntropy, expected.crossEntropy, 1e-3), `cross-entropy ${crossEntropy}`)
      for (const [i, index] of [0, 2, 4, 5].entries()) {
        const [found, norm] = [gradientNorms[index]!, expected.gradientNorms[i]!]
        t.true(within(found, norm, 1e-2), `gradient ${index}: ${found}, expected ${norm}`)
      }
      addon().dispose(trainer)
    })
  }

  test.serial.after.always(() => {
    statistics?.dispose()
    model?.dispose()
  })
}

function meanOverChannels({ data, shape }: { data: Float32Array; shape: readonly number[] }): Float32Array {
  const size = shape[1]! * shape[2]!
  const mean = new Float32Array(size)
  for (let i = 0; i < data.length; i++) mean[i % size]! += data[i]! / shape[0]!
  return mean
}
