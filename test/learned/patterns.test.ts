import { join } from 'node:path'
import test from 'ava'
import { fitPatterns, loadPatterns, PatternsError } from '../../lib/index.js'
import { writeSafetensors } from '../../scripts/testing/module.js'
import { makeFolder } from '../support/command.js'
import { noiseImages, smallModel } from '../support/small-model.js'

test('patterns of two estimators do not merge', async t => {
  await using model = await smallModel()
  const images = noiseImages(2)
  await using twoComponent = await fitPatterns(model, { images, estimator: 'two-component' })
  await using linear = await fitPatterns(model, { images, estimator: 'linear' })
  t.throws(() => twoComponent.merge(linear), {
    instanceOf: PatternsError,
    message: /'linear'.*Merge patterns of one estimator/,
  })
})

test('patterns of an earlier version, and other files, are refused for what they are', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  const path = join(folder, 'patterns.safetensors')
  const tensors = [{ name: 'conv1.outputs', shape: [1], data: new Float32Array(1) }]
  const formats: [string, RegExp][] = [
    ['attribution-bottleneck.patterns.1', /fitted by an earlier version.*Fit patterns on images/],
    ['attribution-bottleneck.statistics.1', /holds no patterns/],
  ]
  for (const [format, message] of formats) {
    writeSafetensors(path, tensors, { format })
    await t.throwsAsync(loadPatterns(path), { instanceOf: PatternsError, message })
  }
})
