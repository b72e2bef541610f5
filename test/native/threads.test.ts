import { spawnSync } from 'node:child_process'
import test from 'ava'
import { InvalidArgumentError } from '../../lib/index.js'
import { smallModel } from '../support/small-model.js'

const expected = 'Expected a whole number of threads, from 1 to'

test.serial('a number of threads that no system has room for is refused, with its variable', async t => {
  for (const value of ['100000', '0', '-1', '1.5', 'many', '99999999999999999999', ' 1']) {
    process.env.IBA_THREADS = value
    const error = await t.throwsAsync(smallModel(), { instanceOf: InvalidArgumentError }, value)
    t.true(
      error.message.startsWith(`The environment's IBA_THREADS is '${value}'. ${expected}`),
      error.message,
    )
  }
  for (const value of ['1', '2', '64']) {
    process.env.IBA_THREADS = value
    await t.notThrowsAsync(async () => (await smallModel()).dispose(), value)
  }
})

/** Runs code that has `loadModel` in another process. */
function runWith(variables: NodeJS.ProcessEnv, code: string) {
  const library = new URL('../../lib/index.js', import.meta.url).href
  const source = `import { loadModel } from ${JSON.stringify(library)}\n${code}`
  const env = { ...process.env, ...variables }
  return spawnSync(process.execPath, ['--input-type=module', '-e', source], { env, encoding: 'utf8' })
}

const onLinux = process.platform === 'linux' ? test : test.skip

onLinux('one thread is one thread, of the libraries that LibTorch calls too', t => {
  const code = `
import { readdirSync } from 'node:fs'
const model = await loadModel('resnet18', { weights: 'seeded:0', device: 'cpu' })
await model.logits({ data: new Float32Array(3 * 224 * 224), shape: [3, 224, 224] })
console.log(readdirSync('/proc/self/task').length)`
  const threads = (others: string) =>
    Number(runWith({ IBA_THREADS: '1', OMP_NUM_THREADS: others, MKL_NUM_THREADS: others }, code).stdout)
  const few = threads('1')
  t.true(few > 0)
  t.is(threads('6'), few)
})

test('what OMP_NUM_THREADS asks for ends no process', t => {
  const { status, stdout } = runWith(
    { IBA_THREADS: '', OMP_NUM_THREADS: '100000' },
    `
await loadModel('resnet18', { weights: 'seeded:0', width: 8, device: 'cpu' }).catch(error => console.log(error.message))`,
  )
  t.is(status, 0)
  // OpenMP's runtimes may take fewer themselves.
  const isRefused = stdout.startsWith(`The environment's OMP_NUM_THREADS is '100000'. ${expected}`)
  t.true(stdout === '' || isRefused, stdout)
})
