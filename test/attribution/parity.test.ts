import test from 'ava'
import { estimate, loadModel, type Model, perSample, type Statistics } from '../../lib/index.js'
import { pearson, relativeError } from '../../scripts/bench/numbers.js'
import { noiseImages } from '../../scripts/bench/workload.js'
import { readReference } from '../support/parity.js'

for (const name of ['resnet50', 'vgg16']) {
  const reference = readReference(name)
  let model: Model
  let statistics: Statistics

  test.serial(`${name}: logits equal PyTorch's`, async t => {
    model = await loadModel(name, { weights: 'seeded:0', device: 'cpu' })
    const { image, array } = await reference
    const [logits] = await model.logits(image)
    t.true(relativeError(logits!, array('logits')) < 1e-5)
  })

  test.serial(`${name}: statistics equal both codes'`, async t => {
    const { layer, array, activeShare } = await reference
    statistics = await estimate(model, { layer, images: noiseImages(16), onWarning: () => {} })
    const shown = array('package.mean').length // the first 8 channels
    for (const [preset, prefix] of [
      ['iba', 'package'],
      ['paper', 'paper'],
    ] as const) {
      const { mean, std, active } = statistics.layer(layer, { preset })
      const expectedMean = array(`${prefix}.mean`)
      if (preset === 'paper' && name === 'resnet50')
        t.true([...mean, ...expectedMean].every(value => value === 0))
      else t.true(relativeError(mean.subarray(0, shown), expectedMean) < 1e-5)
      const floor = preset === 'iba' ? 0.01 : 0
      const expectedStd = array(`${prefix}.std`).map(value => Math.max(value, floor))
      t.true(relativeError(std.subarray(0, shown), expectedStd) < 1e-4)
      if (preset === 'iba') {
        const share = active.reduce((sum, flag) => sum + flag, 0) / active.length
        t.true(Math.abs(share - activeShare) < 1e-5)
      }
    }
  })

  // What β changes is the same on both networks, and VGG-16 takes twice as long.
  const otherPrices = [
    { entry: 'per_sample.paper.beta1.map', preset: 'paper', beta: 1 },
    { entry: 'per_sample.paper.beta100.map', preset: 'paper', beta: 100 },
  ] as const
  const maps = [
    { entry: 'per_sample.package.map', preset: 'iba', beta: 10 },
    { entry: 'per_sample.paper.map', preset: 'paper', beta: 10 },
    ...(name === 'resnet50' ? otherPrices : []),
  ] as const
  for (const { entry, preset, beta } of maps) {
    test.serial(`${name}: the map of preset ${preset} at β = ${beta} equals the authors'`, async t => {
      const { image, layer, target, array, packageSteps } = await reference
      const iba = perSample(model, { statistics, layer, preset, beta, keepCapacity: beta === 10 })
      const [result] = await iba.attribute(image, { targets: target })
      const {
        map,
        series,
        tensors: { capacity },
      } = result!
      t.log(
        `Pearson ${pearson(map.data, array(entry))}, relative L2 ${relativeError(map.data, array(entry))}, ` +
          `${result!.seconds.toFixed(2)} s`,
      )
      t.true(pearson(map.data, array(entry)) >= 0.999)
      t.true(relativeError(map.data, array(entry)) <= 1e-2)
      if (capacity) {
        const sum = sumOverChannels(capacity.data, capacity.shape)
        t.true(relativeError(sum, array(entry.replace('map', 'capacity_sum'))) <= 1e-2)
      }
      if (preset !== 'iba') return
      for (const name of ['loss', 'information', 'crossEntropy'] as const) {
        t.is(series[name]!.length, packageSteps[name].length)
        for (const [i, value] of series[name]!.entries())
          t.true(Math.abs(value / packageSteps[name][i]! - 1) < 0.01, `${name} ${i}`)
      }
    })
  }

  test.serial.after.always(() => {
    statistics?.dispose()
    model?.dispose()
  })
}

function sumOverChannels(data: Float32Array, shape: readonly number[]): Float32Array {
  const size = shape[1]! * shape[2]!
  const sum = new Float32Array(size)
  for (let i = 0; i < data.length; i++) sum[i % size]! += data[i]!
  return sum
}
