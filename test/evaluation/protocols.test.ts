import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { findProtocol, protocolFields, protocolOf, protocols } from '../../lib/evaluation/protocols/all.js'
import { findResult } from '../../lib/evaluation/runs/result-file.js'
import { InvalidArgumentError } from '../../lib/index.js'
import { makeFolder } from '../support/command.js'

test('runs are named by protocol and tile, and find their protocol again', t => {
  const created = protocols.map(protocol => protocol.create())
  t.deepEqual(
    created.map(({ name }) => name),
    [
      ...['degradation-8', 'bounding-boxes', 'sensitivity-8', 'sanity', 'insertion-deletion'],
      ...['pointing-game', 'infidelity', 'max-sensitivity', 'effective-heat-ratio', 'relevance-accuracy'],
      ...['confidence', 'road', 'region-perturbation-9', 'selectivity-8', 'irof', 'faithfulness-correlation'],
      ...['focus', 'complexity', 'sparseness', 'random-logit', 'efficient-mprt', 'random-labels'],
    ],
  )
  t.is(findProtocol('sensitivity-n').create({ tile: 1 }).name, 'sensitivity-1')
  for (const { kind, settings, name } of created)
    t.is(protocolOf({ kind, settings: { ...settings, explained: 'label' } }).name, name)
})

test("the settings of insertion and deletion are a paper's, but for those that are given, and are told", t => {
  const declaration = findProtocol('insertion-deletion')
  const { name, settings, told, fullTitle } = declaration.create({ preset: 'coiba', blurKernel: 31 })
  t.is(name, 'insertion-deletion-coiba')
  t.deepEqual(settings, {
    preset: 'coiba',
    step: 1792,
    blurKernel: 31,
    blurDeviation: 50,
    blurTails: 'folded',
    blurBorder: 'zero',
    deletion: 'black',
    minimumProbability: 0,
  })
  t.is(told, '1792 pixels a step, blur 31×31 σ 50 (tails folded, border zero), deletion to black')
  t.is(fullTitle, `Insertion and deletion (coiba), ${told}`)
  // The settings of a run are enough to make its protocol again.
  t.deepEqual(protocolOf({ kind: 'insertion-deletion', settings }).settings, settings)
  t.is(declaration.create().settings.step, 224)
  t.throws(() => declaration.create({ blurKernel: 10 }), { instanceOf: InvalidArgumentError, message: /odd/ })
})

test('a protocol checks its options', t => {
  const wrong: [object, RegExp][] = [
    [{ tiles: 8 }, /no option 'tiles'.*'tile'/],
    [{ tile: 0 }, /tile/],
    [{ masks: 1 }, /masks/],
    [{ pooled: 1 }, /pooled/],
  ]
  for (const [given, message] of wrong)
    t.throws(() => findProtocol('sensitivity-n').create(given), { instanceOf: InvalidArgumentError, message })
  t.throws(() => findProtocol('degradatoin'), { message: /Did you mean 'degradation'/ })
})

const noScore = { value: null, low: null, high: null, level: 0.95 }
const wholeResult = {
  format: 1,
  method: { name: 'gradient', title: 'gradient', options: {}, resources: {}, statistics: null },
  model: { name: 'demo', architecture: 'resnet18', weightHash: '0123', preprocessing: {} },
  data: { name: 'demo', samples: 0, available: 0, seed: 0, list: '4567' },
  versions: { package: '0' },
  part: { rank: 0, size: 1 },
  score: noScore,
  scores: {},
  curves: [],
  started: '',
  finished: '',
  secondsPerMap: null,
  throughput: null,
  records: [],
  failures: [],
}

test('a result whose file names its protocol alone is completed as it is read', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  for (const protocol of [
    findProtocol('sensitivity-n').create({ tile: 56 }),
    findProtocol('max-sensitivity').create(),
  ]) {
    const path = join(folder, `${protocol.name}.json`)
    const file = { ...wholeResult, protocol: protocol.name, settings: protocol.settings }
    await writeFile(path, JSON.stringify(file))
    t.like(await findResult(path), protocolFields(protocol))
  }
})
