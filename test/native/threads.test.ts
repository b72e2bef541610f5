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

test('what OMP_NUM_THREADS asks for ends no process', t => {
  const library = new URL('../../lib/index.js', import.meta.url).href
  const source = `
import { loadModel } from ${JSON.stringify(library)}
await loadModel('resnet18', { weights: 'seeded:0', width: 8, device: 'cpu' }).catch(error => console.log(error.message))
`
  const env = { ...process.env, IBA_THREADS: '', OMP_NUM_THREADS: '100000' }
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    env,
    encoding: 'utf8',
  })
  t.is(status, 0)
  // OpenMP's runtimes may take fewer themselves.
  const isRefused = stdout.startsWith(`The environment's OMP_NUM_THREADS is '100000'. ${expected}`)
  t.true(stdout === '' || isRefused, stdout)
})
