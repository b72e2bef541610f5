import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { ended } from '../support/command.js'
import { temporaryFolder } from '../support/setup.js'

const script = fileURLToPath(new URL('../../scripts/bench.js', import.meta.url))

function bench(...words: string[]) {
  return ended(spawn(process.execPath, [script, ...words], { stdio: ['ignore', 'pipe', 'pipe'] }))
}

test('what the benchmarks cannot measure is told before anything is measured', async t => {
  for (const [words, message] of [
    [['speed'], /^There is no benchmark 'speed'\. Expected some of: per-sample, /],
    [['--fast'], /'--fast'/],
    [
      ['per-sample', '--precision', 'float16'],
      /^Expected one of: float32, bfloat16, auto for --precision but received 'float16'\.$/m,
    ],
    [
      ['methods', '--methods', 'lrp,readout'],
      /^The benchmark 'methods' doesn't measure the method 'readout'\. Expected some of: saliency, /,
    ],
    [
      ['serve', '--methods', 'lrp'],
      /^The benchmark 'serve' doesn't measure the method 'lrp'\. Expected some of: grad-cam, readout, per-sample\.$/m,
    ],
    [
      ['fidelity', '--methods', 'gradcam'],
      /^The benchmark 'fidelity' doesn't measure the method 'gradcam'\. Expected some of: per-sample, readout, /,
    ],
  ] as const) {
    const { code, stdout, stderr } = await bench(...words)
    t.is(code, 2, stderr)
    t.is(stdout, '')
    t.regex(stderr, message)
  }
})

test('fidelity measures a method where it can, and says why it is left out elsewhere', async t => {
  const file = join(temporaryFolder(t), 'results.json')
  const { code, stdout, stderr } = await bench('fidelity', '--methods', 'attention-rollout', '--json', file)
  t.is(code, 0, stderr)
  const { settings, results } = JSON.parse(await readFile(file, 'utf8'))
  t.like(settings, { precision: 'float32', methods: ['attention-rollout'] })
  const [demo, photographs, transformer] = results.fidelity
  for (const [row, network] of [
    [demo, 'demo'],
    [photographs, 'efficientnet-lite0'],
  ] as const)
    t.like(row, { network, images: 0, settings: 'left out: a network without attention' })
  t.like(transformer, { network: 'small transformer', images: 4, settings: '' })
  // Rounded, and yet of the same image.
  t.true(transformer['Pearson, lowest'] > 0.95 && transformer['Pearson, lowest'] < 1)
  t.true(transformer['relative L2, greatest'] > 0 && transformer['relative L2, greatest'] < 0.3)
  const [float32, bfloat16] = [transformer['float32 (s)'], transformer['bfloat16 (s)']]
  t.is(transformer['times as fast'], float32 / bfloat16)
  t.regex(stdout, /^attention-rollout +small transformer +4 /m)
})
