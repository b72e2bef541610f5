import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { findProtocol } from '../../lib/evaluation/protocols/all.js'
import { learningImages } from '../../lib/evaluation/runs/evaluated-method.js'
import { mergeResults } from '../../lib/evaluation/runs/merge.js'
import { executePlan } from '../../lib/evaluation/runs/plan.js'
import type { RunRecord, RunResult } from '../../lib/evaluation/runs/record.js'
import { describeMethod, loadModel, type Model, openDataset } from '../../lib/index.js'

let folder: string
let model: Model
let untrained: Model

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protocols-'))
  model = await loadModel('demo', { device: 'cpu' })
  untrained = await loadModel('demo', { device: 'cpu', weights: 'seeded:0', classes: 10 })
})
test.after.always(async () => {
  model?.dispose()
  untrained?.dispose()
  await rm(folder, { recursive: true, force: true })
})

/** Settings with which a protocol takes a moment, and the range of its score. */
const cases: [kind: string, settings: object, low: number, high: number][] = [
  ['effective-heat-ratio', {}, 0, 1],
  ['effective-heat-ratio', { counting: 'pixels' }, 0, 1],
  ['relevance-accuracy', {}, 0, 1],
  ['confidence', {}, 0, 1],
  ['insertion-deletion', { preset: 'coiba', step: 20_000 }, 0, 1],
  ['road', { points: 1 }, -0.5, 0.5],
  ['region-perturbation', { tile: 56, regions: 3 }, -1, 1],
  ['selectivity', { tile: 100 }, 0, 1],
  ['irof', { segments: 4 }, -10, 1],
  ['faithfulness-correlation', { runs: 4, subset: 5000 }, -1, 1],
  ['focus', {}, 0, 1],
  ['complexity', {}, 0, Math.log(224 * 224)],
  ['sparseness', {}, 0, 1],
  ['random-logit', {}, -1, 1],
  ['efficient-mprt', {}, -1, 10],
  ['random-labels', {}, -1, 1],
]

async function run(kind: string, settings: object, part: { rank: number; size: number }): Promise<RunResult> {
  const dataset = await openDataset('demo', { classes: 10 })
  const method = {
    description: describeMethod('grad-cam'),
    title: 'grad-cam',
    options: {},
    resources: {},
    files: {},
  }
  const plan = {
    ...{ protocol: findProtocol(kind).create(settings), method, modelName: 'demo', dataset },
    ...(kind === 'random-labels' && { randomLabels: { name: 'untrained', model: untrained } }),
    // Mosaics need several images of a class.
    ...{ samples: kind === 'focus' ? 12 : 3, seed: 0, explained: 'label' as const, part },
  }
  return await executePlan(plan, model, {
    ...{ folder: await mkdtemp(join(folder, 'run-')), resume: false, learning: learningImages(dataset) },
    ...{ rows: undefined, signal: new AbortController().signal },
  })
}

const timeless = (records: readonly RunRecord[]) => records.map(({ seconds, ...record }) => record)

for (const [kind, settings, low, high] of cases) {
  const words = Object.entries(settings).map(([name, value]) => ` ${name} ${value}`)
  test.serial(`${kind}${words.join(',')}: two processes find what one finds`, async t => {
    const whole = await run(kind, settings, { rank: 0, size: 1 })
    t.true(whole.score.value! >= low && whole.score.value! <= high, `${whole.score.value}`)
    t.true(Object.values(whole.scores).every(({ value }) => Number.isFinite(value)))
    const halves = [
      await run(kind, settings, { rank: 0, size: 2 }),
      await run(kind, settings, { rank: 1, size: 2 }),
    ]
    const merged = mergeResults(halves)
    t.deepEqual(timeless(merged.records), timeless(whole.records))
    t.deepEqual(merged.scores, whole.scores)
    t.deepEqual(merged.curves, whole.curves)
    for (const { x, y } of whole.curves) t.is(x.length, y.length)
  })
}

test.serial('insertion and deletion leave out images whose label is improbable', async t => {
  const settings = { preset: 'coiba', step: 20_000 }
  const whole = await run('insertion-deletion', settings, { rank: 0, size: 1 })
  const probability = ({ values }: RunRecord) => (values as { deletion: number[] }).deletion[0]!
  const [greatest = 0, next = 0] = whole.records.map(probability).sort((a, b) => b - a)
  const minimumProbability = (greatest + next) / 2
  const part = await run('insertion-deletion', { ...settings, minimumProbability }, { rank: 0, size: 1 })
  t.is(part.records.length, whole.records.length)
  for (const [i, record] of part.records.entries()) {
    const isIn = probability(whole.records[i]!) > minimumProbability
    t.is(record.skipped, isIn ? undefined : `its class has a probability below ${minimumProbability}`)
    t.is(record.values !== undefined, isIn)
  }
  t.is(findProtocol('insertion-deletion').create({ preset: 'input-iba' }).settings.minimumProbability, 0.6)
})
