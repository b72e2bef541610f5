import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { answers } from '../../lib/install/process.mjs'
import { root } from '../../scripts/setup/paths.mjs'

const scripts = join(root, 'scripts/gpu')
const runs =
  answers('bash', ['--version']) && answers('cmake', ['--version']) && answers('c++', ['--version'])
const withTools = runs ? test : test.skip

function check(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync('bash', [join(scripts, 'check.sh'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, LIBTORCH: '', ...env },
  })
  return { status, stdout, stderr }
}

/** A folder that is gone after the test. */
function folder(t: { teardown(end: () => void): void }): string {
  const made = mkdtempSync(join(tmpdir(), 'iba-gpu-'))
  t.teardown(() => rmSync(made, { recursive: true }))
  return made
}

/** What looks like a LibTorch of that version without CUDA. */
function libtorch(at: string, minor: number): string {
  const headers = join(at, 'include/torch/headeronly')
  mkdirSync(headers, { recursive: true })
  const lines = ['MAJOR 2', `MINOR ${minor}`, 'PATCH 0'].map(words => `#define TORCH_VERSION_${words}\n`)
  writeFileSync(join(headers, 'version.h'), lines.join(''))
  return at
}

withTools('the check on a GPU says how it is called', t => {
  const help = check(['--help'])
  t.is(help.status, 0)
  t.regex(help.stdout, /^usage: scripts\/gpu\/check\.sh/)
  for (const [args, message] of [
    [['--fast'], "There is no option '--fast'."],
    [['--report'], 'Expected a value after --report.'],
    [['--device', 'tpu'], "Expected cuda, cuda:N or cpu for --device, but received 'tpu'."],
  ] as const) {
    const { status, stderr } = check([...args])
    t.is(status, 2)
    t.true(stderr.startsWith(`${message}\n\nusage: `), stderr)
  }
})

withTools('the check on a GPU says what it lacks before it builds', t => {
  const build = ['--build', folder(t)]
  const lacking = (env: NodeJS.ProcessEnv, message: RegExp) => {
    const { status, stdout, stderr } = check(build, env)
    t.is(status, 1)
    t.is(stdout, '')
    t.regex(stderr, message)
  }
  lacking({ PYTHON: '/nowhere/python' }, /'\/nowhere\/python' can't import torch\. Install torch 2\.11/)
  lacking({ LIBTORCH: folder(t) }, /holds no LibTorch of 2\.11 or newer/)
  lacking({ LIBTORCH: libtorch(folder(t), 9) }, /LibTorch 2\.9\.0 in .* is too old\. Expected 2\.11 or newer/)
  lacking({ LIBTORCH: libtorch(folder(t), 11) }, /LibTorch 2\.11\.0 in .* has no CUDA\./)
  lacking({ CXX: '/nowhere/c++' }, /There is no C\+\+ compiler '\/nowhere\/c\+\+'/)
})

withTools('the table has our rates beside those of the same work in Python, with their ratios', t => {
  const logs = folder(t)
  const line = (work: string, what: string, value: number, unit: string) =>
    `resnet50          ${`${work}: ${what}`.padEnd(52)}  ${value}  ${unit}\n`
  const ours = (work: string, seconds: number) =>
    line(work, 'median', seconds, 's') +
    line(work, 'fastest', seconds / 2, 's') +
    line(work, 'peak memory', 300, 'MB')
  const files = {
    'authors.log': `${line('map, batch 1, tf32', 'median', 1, 's')}a warning that is no result\n`,
    'per-sample.log':
      ours('map, batch 4, tf32', 0.125) +
      ours('map, batch 4, float32', 0.25) +
      line('map, tf32 against float32', 'lowest Pearson', 0.999, '') +
      line('map, tf32 against float32', 'largest L2', 0.02, ''),
    'test.log': 'methods_test.cc:136: MESSAGE: vgg11, rise in TF32: Pearson 0.98765, L2 0.1234567\n',
    'readout.log':
      ours('forward pass, batch 16, float32', 0.01) + ours('readout map, batch 16, float32', 0.02),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(logs, name), text)
  const { stdout } = spawnSync('awk', ['-f', join(scripts, 'report.awk'), ...Object.keys(files)], {
    encoding: 'utf8',
    cwd: logs,
  })
  t.deepEqual(stdout.trim().split('\n').slice(2), [
    "| resnet50 | map | 4 | tf32 | 8 | the paper's code | 1 | 8.00 | 300 MB |",
    "| resnet50 | map | 4 | float32 | 4 | the paper's code | not measured |  | 300 MB |",
    "| resnet50 | forward pass | 16 | float32 | 100 | PyTorch's | not measured |  | 300 MB |",
    '| resnet50 | readout map | 16 | float32 | 50 | our forward pass | 100 | 0.50 | 300 MB |',
    '',
    '| model | maps | lowest Pearson | largest relative L2 |',
    '| --- | --- | --- | --- |',
    '| resnet50 | per-sample in tf32 | 0.9990 | 0.0200 |',
    '| small vgg11 | rise in TF32 | 0.9877 | 0.1235 |',
  ])
})
