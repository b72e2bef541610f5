import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { findProtocol } from '../../lib/evaluation/protocols/all.js'
import { mergeResults } from '../../lib/evaluation/runs/merge.js'
import type { RunHeader, RunRecord } from '../../lib/evaluation/runs/record.js'
import { readResult, resultFrom } from '../../lib/evaluation/runs/result-file.js'
import { completeResult } from '../../lib/evaluation/runs/run.js'
import { RunLog } from '../../lib/evaluation/runs/run-log.js'
import { completePreprocessing } from '../../lib/images/preprocess.js'
import { AttributionError, RunError } from '../../lib/index.js'
import { readLog } from '../../lib/training/json-log.js'

let folder: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runs-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

const protocol = findProtocol('degradation').create({ tile: 8 })
const header: RunHeader = {
  format: 1,
  protocol: protocol.name,
  kind: 'degradation',
  tile: 8,
  direction: 'higher',
  settings: { ...protocol.settings, explained: 'label' },
  method: { name: 'gradient', title: 'gradient', options: {}, resources: {}, statistics: null },
  model: {
    name: 'demo',
    architecture: 'resnet18',
    weightHash: '0123',
    classes: 2,
    device: 'cpu',
    preprocessing: completePreprocessing({ resize: 8, crop: 8, mean: [0, 0, 0], std: [1, 1, 1] }, 3),
  },
  data: { name: 'demo', samples: 2, available: 2, seed: 0, list: '4567' },
  versions: { package: '0', node: '0', libtorch: '0' },
  revision: null,
  part: { rank: 0, size: 1 },
}
const records: RunRecord[] = ['a', 'b'].map((id, i) => {
  const curves = { mostRelevantFirst: [0.9, 0.2 + 0.1 * i, 0.1], leastRelevantFirst: [0.9, 0.8, 0.1] }
  return {
    key: id,
    id,
    target: 1,
    seconds: 0.1,
    values: { target: 1, top1: 1, shares: [0, 0.5, 1], ofTarget: curves, ofTop1: curves },
  }
})
const result = completeResult(protocol, header, records, {
  started: '2020-01-01T00:00:00Z',
  finished: '2020-01-01T00:00:01Z',
  throughput: 1,
  failures: [],
})

const odd: unknown[] = [undefined, null, -1.5, 'x', [null], { x: 1 }]

/** The same value with each of its parts replaced, one at a time, by odd ones. */
function* mutations(value: unknown): Generator<unknown> {
  yield* odd
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    for (const changed of mutations((value as Record<string, unknown>)[key])) {
      yield Array.isArray(value) ? value.with(Number(key), changed) : { ...value, [key]: changed }
    }
  }
}

/** Whether work succeeds or fails with an error of ours; anything else is thrown on. */
function succeeds(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch (error) {
    if (error instanceof AttributionError) return false
    throw error
  }
}

/** A value as it comes back from a file. */
const stored = (value: unknown) => JSON.parse(JSON.stringify(value) ?? 'null') as unknown

test('a result whose parts were replaced is merged, or refused by an error that names it', async t => {
  const path = join(folder, 'result.json')
  await writeFile(path, JSON.stringify(result))
  t.deepEqual(mergeResults([await readResult(path)]).score, result.score)
  let [tried, refused] = [0, 0]
  for (const changed of mutations(result)) {
    const found = stored(changed)
    const merges = succeeds(() => mergeResults([resultFrom(found, path)]))
    tried++
    if (!merges) refused++
  }
  t.true(tried > 500 && refused > tried / 2, `${refused} of ${tried}`)
  for (const other of ['null', '[]', '3', '"x"', '{}', '', '{"format":1,"records":[]}']) {
    await writeFile(path, other)
    await t.throwsAsync(readResult(path), {
      instanceOf: RunError,
      message: /result\.json' is no result of a run/,
    })
  }
})

const wrong: [string, object, string][] = [
  ['a field that is missing', { score: undefined }, 'score is missing'],
  ['a list in place of an object', { settings: [] }, 'settings is Array, expected Object'],
  ['a list in place of scores by name', { scores: [] }, 'scores is Array, expected Object'],
  ['a text in place of a number', { throughput: 'x' }, 'throughput is "x", expected number'],
  [
    'a part of an image',
    { data: { ...header.data, samples: 1.5 } },
    'data.samples is 1.5, expected a whole number',
  ],
  ['fewer than no images', { data: { ...header.data, samples: -1 } }, 'data.samples is -1, expected >=0'],
]
for (const [name, change, problem] of wrong) {
  test(`a result is refused for ${name}`, t => {
    const error = t.throws(() => resultFrom(stored({ ...result, ...change }), 'r.json'), {
      instanceOf: RunError,
    })
    t.true(
      error.message.startsWith(`'r.json' is no result of a run: ${problem}. Expected what`),
      error.message,
    )
  })
}

test('a log with lines of another form is refused by an error that names them', async t => {
  const path = join(folder, 'log.jsonl')
  const resume = async () => {
    const log = await RunLog.open(path, header, true)
    try {
      return completeResult(protocol, header, log.records, result)
    } finally {
      await log.close()
    }
  }
  await writeFile(path, 'null\n')
  await t.throwsAsync(resume, { instanceOf: RunError, message: /log\.jsonl' is no log of a run/ })
  await writeFile(path, `${JSON.stringify(header)}\n[]\n`)
  await t.throwsAsync(resume, { instanceOf: RunError, message: /Line 2 of .*is no record of a run/ })
})

test("lines of a training's log that are none are passed over", async t => {
  const path = join(folder, 'training.jsonl')
  const outcome = { images: 1, loss: 1, crossEntropy: 1, information: 1, bits: 1, accuracy: 1 }
  const interval = { kind: 'interval', step: 1, ...outcome }
  const wrong = [
    null,
    3,
    [],
    {},
    { kind: 'interval' },
    { ...interval, step: 'x' },
    { kind: 'epoch', step: 1 },
  ]
  await writeFile(path, [...wrong, interval].map(line => `${JSON.stringify(line)}\n`).join(''))
  t.deepEqual(await readLog(path), [interval as never])
})
