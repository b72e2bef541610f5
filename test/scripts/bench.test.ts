import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { ended } from '../support/command.js'

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
  ] as const) {
    const { code, stdout, stderr } = await bench(...words)
    t.is(code, 2, stderr)
    t.is(stdout, '')
    t.regex(stderr, message)
  }
})
