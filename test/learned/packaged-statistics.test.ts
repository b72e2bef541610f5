import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { chosenResources, whatIsMissing } from '../../lib/command/chosen-resources.js'
import { describeMethod, loadModel, loadStatistics, StatisticsError } from '../../lib/index.js'
import { packagedStatistics } from '../../lib/learned/packaged-statistics.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { compactStatistics } from '../../scripts/demo/compact-statistics.js'
import { smallModel, smallStatistics } from '../support/small-model.js'

test('statistics of the published weights of efficientnet-lite0 come with the package, for these alone', async t => {
  await using statistics = await loadStatistics('efficientnet-lite0')
  t.deepEqual(statistics.description, {
    model: 'efficientnet-lite0',
    weightHash: 'f08db9ed7cf639e2',
    preset: 'iba',
    layers: [{ name: '_blocks.4', shape: [40, 28, 28], samples: 1536, afterRelu: false }],
  })
  const { std, active } = statistics.layer('_blocks.4')
  t.true(std.every(value => value > 0.01 && value < 100))
  t.true(active.every(flag => flag === 1))
  t.true((await stat(packagedStatistics('efficientnet-lite0')!)).size < 300_000)

  await using untrained = await loadModel('efficientnet-lite0', { weights: 'seeded:0', device: 'cpu' })
  t.throws(() => statistics.requireFor(untrained), {
    instanceOf: StatisticsError,
    message: /weights f08db9ed7cf639e2\), not with this efficientnet-lite0/,
  })
})

test('the command takes them for the usual weights, layer and size', t => {
  const method = describeMethod('per-sample')
  const usual = { model: 'efficientnet-lite0', device: 'auto', precision: 'float32' } as const
  for (const options of [usual, { ...usual, layer: '_blocks.4', crop: 224 }])
    t.deepEqual(chosenResources(method, options), { statistics: 'efficientnet-lite0' })
  t.deepEqual(chosenResources(method, { ...usual, statistics: 'own' }), { statistics: 'own' })
  const others = [
    { weights: 'fine-tuned.pth' },
    { layer: '_blocks.3' },
    { crop: 192 },
    { model: 'efficientnet-lite1' },
  ]
  for (const other of others) t.regex(whatIsMissing(method, { ...usual, ...other })!, /--statistics/)
})

test('statistics keep their numbers in the form that the package holds them in', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'compact-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'statistics.safetensors')
  await using model = await smallModel()
  await using before = await smallStatistics(model)
  await before.save(path)
  const { size } = await stat(path)
  await compactStatistics(path)
  t.true((await stat(path)).size < 0.72 * size)
  await using after = await loadStatistics(path)
  t.deepEqual(after.description, before.description)
  const [expected, found] = [before.layer('layer2'), after.layer('layer2')]
  t.deepEqual(found.mean, expected.mean)
  t.deepEqual(found.active, expected.active)
  t.true(found.std.every((value, i) => Math.abs(value / expected.std[i]! - 1) < 0.002))
  t.true(relativeError(found.std, expected.std) > 1e-5, 'they are rounded')
})
