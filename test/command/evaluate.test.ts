import { spawn } from 'node:child_process'
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { RunRecord, RunResult } from '../../lib/evaluation/runs/record.js'
import { testing } from '../../scripts/testing/module.js'
import { ended, iba, makeFolder, startIba } from '../support/command.js'

const demo = ['--model', 'demo', '--device', 'cpu', '--data', 'demo', '--quiet']
const env = { IBA_THREADS: '1' }
const demoImages = fileURLToPath(new URL('../../../demo/images', import.meta.url))

let folder: string
let remove: () => Promise<void>

test.before(async () => {
  ;({ folder, remove } = await makeFolder())
})
test.after.always(() => remove())

const out = (name: string) => join(folder, name)
const evaluate = (protocol: string, ...words: string[]) =>
  iba(['evaluate', protocol, ...demo, ...words], { env })

async function readOnly(name: string): Promise<RunResult> {
  const files = (await readdir(out(name))).filter(file => file.endsWith('.json'))
  return JSON.parse(await readFile(join(out(name), files[0]!), 'utf8'))
}

/** What doesn't depend on the clock. */
function timeless({ started, finished, throughput, secondsPerMap, records, ...rest }: RunResult) {
  return { ...rest, records: records.map(({ seconds, ...record }: RunRecord) => record) }
}

test.serial('a score that has no value is said', async t => {
  const words = ['--method', 'random', '--tile', '56', '--samples', '1', '--out', out('undefined')]
  await evaluate('degradation', ...words)
  const [file] = await readdir(out('undefined'))
  const result = await readOnly('undefined')
  const none = { ...result.score, value: null }
  await writeFile(
    join(out('undefined'), file!),
    JSON.stringify({ ...result, score: none, scores: { top1: none } }),
  )
  const { code, stdout, stderr } = await evaluate('degradation', ...words, '--resume')
  t.is(code, 0, stderr)
  t.regex(stdout, /top1: not defined for these images/)
})

test.serial('a run writes one file with all there is to know, and prints its scores', async t => {
  const { code, stdout } = await evaluate(
    'degradation',
    '--method',
    'saliency',
    '--tile',
    '56',
    '--out',
    out('a'),
  )
  t.is(code, 0)
  t.regex(stdout, /degradation-56, demo, saliency\n {2}top1: -?\d\.\d{3} \[-?\d\.\d{3}, -?\d\.\d{3}\]/)
  const files = await readdir(out('a'))
  t.deepEqual(files, ['demo.saliency.degradation-56.json'])
  const result = await readOnly('a')
  t.like(result, {
    format: 1,
    protocol: 'degradation-56',
    settings: { tile: 56, explained: 'label' },
    method: { name: 'saliency', title: 'saliency' },
    model: { name: 'demo', architecture: 'resnet18', classes: 10, device: 'cpu' },
    data: { name: 'demo', available: 12, seed: 0 },
    part: { rank: 0, size: 1 },
    failures: [],
  })
  t.regex(result.model.weightHash, /^[0-9a-f]{16}$/)
  t.regex(result.versions.libtorch, /^\d+\.\d+\.\d+/)
  t.true(result.revision === null || /^[0-9a-f]{40}\+?$/.test(result.revision))
  t.is(result.records.length, 12)
  t.true(result.secondsPerMap! > 0 && result.throughput > 0)
  t.true(result.score.low! < result.score.value! && result.score.value! < result.score.high!)
  t.deepEqual(
    result.curves.map(({ name, x, y }) => [name, x.length, y.length]),
    [
      ['most relevant first', 17, 17],
      ['least relevant first', 17, 17],
    ],
  )

  const again = await evaluate('degradation', '--method', 'saliency', '--tile', '56', '--out', out('a'))
  t.is(again.code, 1)
  t.regex(again.stderr, /is there already. Add --resume to keep it/)
  const kept = await evaluate(
    'degradation',
    '--method',
    'saliency',
    '--tile',
    '56',
    '--out',
    out('a'),
    '--resume',
  )
  t.is(kept.code, 0)
  t.is(kept.stdout, stdout)
  const other = await evaluate(
    ...(['degradation', '--method', 'saliency', '--tile', '56', '--seed', '1', '--out', out('a')] as const),
    '--resume',
  )
  t.is(other.code, 1)
  t.regex(
    other.stderr,
    /is of another run. They differ in data.seed \(0 there, 1 here\)\. Choose another --out/,
  )
})

test.serial('a killed run goes on where it was, and finds what an unbroken one finds', async t => {
  const words = ['--method', 'random', '--tile', '40', '--samples', '8']
  const child = startIba(['evaluate', 'degradation', ...demo, ...words, '--out', out('killed')], { env })
  const log = join(out('killed'), 'demo.random.degradation-40.jsonl')
  const done = ended(child)
  const lines = async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').length - 1
  while ((await lines()) < 4) await new Promise(resolve => setTimeout(resolve, 20))
  child.kill('SIGKILL')
  t.is((await done).code, null)
  const before = (await readFile(log, 'utf8')).split('\n').slice(1, -1)
  t.true(before.length >= 3 && before.length < 8)
  await appendFile(log, '{"key":"cut o') // as a line that was being written

  const refused = await evaluate('degradation', ...words, '--out', out('killed'))
  t.regex(refused.stderr, /is of a run that was interrupted. Add --resume/)
  t.is((await evaluate('degradation', ...words, '--out', out('killed'), '--resume')).code, 0)
  t.deepEqual(await readdir(out('killed')), ['demo.random.degradation-40.json'])
  const resumed = await readOnly('killed')
  // What was found before is kept, not found again: its times are the same.
  for (const line of before) {
    const record = JSON.parse(line) as RunRecord
    t.deepEqual(
      resumed.records.find(({ key }) => key === record.key),
      record,
    )
  }
  t.is((await evaluate('degradation', ...words, '--out', out('whole'))).code, 0)
  t.deepEqual(timeless(resumed), timeless(await readOnly('whole')))
})

test.serial('a log that is broken is named with the line, and kept', async t => {
  const words = [
    'degradation',
    '--method',
    'random',
    '--samples',
    '2',
    '--out',
    out('broken'),
    '--resume',
  ] as const
  const log = join(out('broken'), 'demo.random.degradation-8.jsonl')
  await mkdir(out('broken'))
  await writeFile(log, 'not JSON\n')
  const { code, stderr } = await evaluate(...words)
  t.is(code, 1)
  t.regex(stderr, /Line 1 of '.*demo\.random\.degradation-8\.jsonl' is not valid JSON.*Remove the line/)
  t.is(await readFile(log, 'utf8'), 'not JSON\n')
})

test.serial('Ctrl-C says how to go on, and loses nothing', async t => {
  const words = ['degradation', ...demo, '--method', 'random', '--tile', '40', '--samples', '8']
  const child = startIba(['evaluate', ...words, '--out', out('stopped')], { env })
  const done = ended(child)
  const log = join(out('stopped'), 'demo.random.degradation-40.jsonl')
  while ((await readFile(log, 'utf8').catch(() => '')).split('\n').length < 4)
    await new Promise(resolve => setTimeout(resolve, 20))
  child.kill('SIGINT')
  const { code, stderr } = await done
  t.is(code, 130)
  t.regex(stderr, /Interrupted: .*, [2-7] of 8 done. To go on:\n {2}iba evaluate degradation .* --resume/)
  t.true((await readFile(log, 'utf8')).endsWith('}\n'))
})

test.serial('two processes and a merge find what one finds', async t => {
  const words = ['--method', 'smoothgrad', '--set', 'samples=3', '--tile', '56', '--samples', '4']
  const runs = [0, 1].map(rank =>
    iba(['evaluate', 'degradation', ...demo, ...words, '--out', out('ranks')], {
      env: { ...env, RANK: String(rank), WORLD_SIZE: '2' },
    }),
  )
  for (const { code } of await Promise.all(runs)) t.is(code, 0)
  const parts = (await readdir(out('ranks'))).map(name => join(out('ranks'), name))
  t.is(parts.length, 2)
  t.true(parts[1]!.endsWith('rank-1-of-2.json'))

  const alone = await iba(['evaluate', 'merge', parts[0]!])
  t.is(alone.code, 1)
  t.regex(alone.stderr, /ranks 0, 1 of 2, each once, but received those of rank 0 of 2/)
  t.is((await iba(['evaluate', 'merge', ...parts, '--out', out('ranks')])).code, 0)
  t.is((await evaluate('degradation', ...words, '--out', out('one'))).code, 0)
  t.deepEqual(timeless(await readOnly('ranks')), timeless(await readOnly('one')))

  t.is(
    (
      await evaluate(
        'degradation',
        '--method',
        'zero',
        '--tile',
        '56',
        '--samples',
        '4',
        '--out',
        out('other'),
      )
    ).code,
    0,
  )
  const mixed = await iba([
    'evaluate',
    'merge',
    parts[0]!,
    join(out('other'), 'demo.zero.degradation-56.json'),
  ])
  t.regex(
    mixed.stderr,
    /not parts of one run: they differ in method.name \("smoothgrad" there, "zero" here\)/,
  )
})

test.serial('a run is not resumed with other statistics, whatever their name', async t => {
  const file = out('statistics.safetensors')
  const estimated = async (samples: number) => {
    const words = ['--model', 'demo', '--images', demoImages, '--samples', String(samples), '--out', file]
    t.is((await iba(['estimate', ...words, '--quiet', '--device', 'cpu'], { env })).code, 0)
  }
  const words = ['--method', 'per-sample', '--steps', '1', '--copies', '1', '--tile', '112', '--samples', '1']
  const run = () =>
    evaluate('degradation', ...words, '--statistics', file, '--out', out('statistics'), '--resume')
  await estimated(2)
  t.is((await run()).code, 0)
  await rm(file)
  await estimated(3)
  const { code, stderr } = await run()
  t.is(code, 1)
  t.regex(stderr, /They differ in method\.resources\.statistics \([0-9a-f]{12}… there, [0-9a-f]{12}… here\)/)
})

test.serial('every protocol runs on the demo', async t => {
  const runs = {
    'bounding-boxes': ['--unnormalised'],
    'sensitivity-n': ['--tile', '56', '--masks', '5', '--ns', '3', '--pooled'],
    sanity: [],
    'insertion-deletion': ['--pixels', '10000'],
    'pointing-game': [],
    infidelity: ['--noise-samples', '4'],
    'max-sensitivity': ['--neighbours', '2'],
  }
  for (const [protocol, words] of Object.entries(runs)) {
    const { code, stdout, stderr } = await evaluate(
      protocol,
      ...['--method', 'gradient', '--samples', '2', '--out', out(protocol), '--json', ...words],
    )
    t.is(code, 0, stderr)
    t.true(Number.isFinite(JSON.parse(stdout).score.value), protocol)
  }
  t.true((await readOnly('bounding-boxes')).settings.unnormalised)
  const sanity = await readOnly('sanity')
  t.deepEqual(sanity.places?.slice(0, 3), ['fc', 'layer4.1', 'layer4.0'])
  t.is(sanity.records.length, 2 * sanity.places!.length)
})

test.serial('statistics are learnt anew for the networks of the sanity check', async t => {
  const { code, stdout } = await evaluate(
    'sanity',
    ...[
      '--method',
      'per-sample',
      '--steps',
      '2',
      '--copies',
      '1',
      '--samples',
      '2',
      '--out',
      out('iba'),
      '--json',
    ],
  )
  t.is(code, 0)
  const [curve] = JSON.parse(stdout).curves
  t.true(curve.y.every((value: number) => value < 1))
})

test.serial('the test with random labels takes the weights of another network', async t => {
  const own = fileURLToPath(new URL('../../../demo/weights.safetensors', import.meta.url))
  const words = ['--method', 'grad-cam', '--samples', '2', '--out', out('labels')]
  const { code, stdout, stderr } = await evaluate('random-labels', ...words, '--random-labels', own)
  t.is(code, 0, stderr)
  // The same weights: what it gives for maps that are alike.
  for (const name of ['ssim', 'spearman', 'signedSpearman', 'absoluteSpearman'])
    t.regex(stdout, new RegExp(`${name}: 1\\.000`))
  const { randomLabels, model } = await readOnly('labels')
  t.deepEqual(randomLabels, { name: 'weights.safetensors', weightHash: model.weightHash })
  const other = out('other.safetensors')
  const trainer = testing().createTrainer({ architecture: 'resnet18', classes: 10, width: 8, seed: 0 })
  testing().saveTrained({ trainer, path: other })
  const changed = await evaluate('random-labels', ...words, '--random-labels', other, '--resume')
  t.is(changed.code, 1)
  t.regex(changed.stderr, /They differ in randomLabels\.weightHash/)
  const missing = await evaluate('random-labels', ...words)
  t.is(missing.code, 2)
  t.regex(missing.stderr, /--random-labels is missing/)
  const table = ['reproduce', ...demo, '--protocols', 'random-labels', '--out', out('table')]
  t.regex((await iba(table, { env })).stderr, /needs a network that was trained on random labels/)
})

test.serial('what is wrong with the data or the words is said', async t => {
  const empty = out('no-labels')
  await mkdir(empty)
  await writeFile(join(empty, 'notes.txt'), '')
  const words = ['--model', 'demo', '--method', 'gradient', '--out', out('none')]
  const nothing = await iba(['evaluate', 'degradation', ...words, '--data', empty])
  t.is(nothing.code, 1)
  t.regex(nothing.stderr, /No image in/)
  const missing = await iba(['evaluate', 'degradation', ...words])
  t.is(missing.code, 2)
  t.regex(missing.stderr, /--data is missing/)
  const rank = await iba(['evaluate', 'degradation', ...words, '--data', 'demo'], {
    env: { ...env, RANK: '2', WORLD_SIZE: '2' },
  })
  t.is(rank.code, 2)
  t.regex(rank.stderr, /RANK from 0 to WORLD_SIZE/)
  const broken = join(folder, 'broken.json')
  await writeFile(broken, '{}')
  t.regex((await iba(['evaluate', 'merge', broken])).stderr, /no result of a run/)
})

test("the paper's scripts run the paper's settings", async t => {
  const script = (name: string) => fileURLToPath(new URL(`../../../scripts/${name}`, import.meta.url))
  const run = (name: string, ...words: string[]) =>
    ended(spawn(process.execPath, [script(name), ...words], { env: { ...process.env, ...env } }))
  const more = ['--data', 'demo', '--out', out('scripts'), '--quiet', '--json']
  const degradation = await run('eval-degradation', 'demo', '56', 'Int._Grad._(of_Saliency)', 'test', ...more)
  t.is(degradation.code, 0, degradation.stderr)
  t.like(JSON.parse(degradation.stdout), {
    protocol: 'degradation-56',
    method: { name: 'integrated-gradients', options: { preset: 'paper' } },
    data: { samples: 1 },
  })
  const boxes = await run('eval-bounding-boxes', 'demo', 'Grad-CAM', 'test', ...more)
  t.like(JSON.parse(boxes.stdout), { protocol: 'bounding-boxes', data: { samples: 500 } })
  const sensitivity = await run(
    ...(['eval-sensitivity-n', 'demo', '56', 'Occlusion-14x14', 'test', ...more, '--masks', '2'] as const),
  )
  t.like(JSON.parse(sensitivity.stdout), {
    settings: { tile: 56, steps: 3 },
    method: { options: { baseline: 'zero' } },
    data: { samples: 10 },
  })
  t.is((await run('eval-degradation', 'demo', '8')).code, 2)
  t.regex((await run('eval-degradation', 'demo', '8', 'Fitt')).stderr, /There is no attribution 'Fitt'/)
})
