import type { ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import test from 'ava'
import { InvalidArgumentError, membershipFrom } from '../../lib/index.js'
import { type Ended, ended, iba, makeFolder, network, startIba } from '../support/command.js'
import { environment, readTensors, writeClassFolders } from '../support/training.js'

let folder: string
let statistics: string
let remove: () => Promise<void>
const at = (name: string) => `${folder}/${name}`

test.before(async t => {
  ;({ folder, remove } = await makeFolder())
  await writeClassFolders(at('train'), 4, 5)
  statistics = at('statistics.safetensors')
  const layers = 'layer1,layer2,layer3,layer4,fc'
  const words = ['estimate', ...network, '--layers', layers, '--images', at('train'), '--out', statistics]
  const made = await iba(words, { env: environment(folder) })
  t.is(made.code, 0, made.stderr)
})
test.after.always(() => remove?.())

const training = (out: string, ...more: string[]) => [
  ...[
    'train-readout',
    ...network,
    '--data',
    at('train'),
    '--log-every',
    '1',
    '--out',
    out,
    '--flip',
    ...more,
  ],
]

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve((address as { port: number }).port))
    })
  })
}

/** Starts processes that train together on this machine, as a launcher does. */
async function startTogether(size: number, words: readonly string[]): Promise<ChildProcess[]> {
  const shared = { WORLD_SIZE: `${size}`, MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${await freePort()}` }
  return Array.from({ length: size }, (_, rank) =>
    startIba(words, { env: { ...environment(folder), ...shared, RANK: `${rank}`, LOCAL_RANK: `${rank}` } }),
  )
}

function requireDone(
  t: { is: (a: unknown, b: unknown, message?: string) => void },
  all: readonly Ended[],
): void {
  for (const { code, stderr } of all) t.is(code, 0, stderr)
}

test.serial(
  'two processes with half the batch each give the weights of one with the whole, after 20 steps',
  async t => {
    const words = ['--statistics', statistics, '--epochs', '4']
    const one = await iba(training(at('one.safetensors'), ...words, '--batch', '4'), {
      env: environment(folder),
    })
    requireDone(t, [one])
    const two = await startTogether(2, training(at('two.safetensors'), ...words, '--batch', '2'))
    requireDone(t, await Promise.all(two.map(ended)))
    const [alone, together] = [
      await readTensors(at('one.safetensors')),
      await readTensors(at('two.safetensors')),
    ]
    for (const [name, data] of alone) {
      const other = together.get(name)!
      const difference = data.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0)
      t.true(difference <= 1e-5, `${name}: ${difference}`)
    }
  },
)

test.serial('statistics are of the images of all processes, and validation too', async t => {
  const words = ['--samples', '20', '--epochs', '1', '--validation', at('train')]
  const one = await iba(training(at('a.safetensors'), ...words, '--batch', '4'), { env: environment(folder) })
  requireDone(t, [one])
  const results = await Promise.all(
    (await startTogether(2, training(at('b.safetensors'), ...words, '--batch', '2'))).map(ended),
  )
  requireDone(t, results)
  const [alone, together] = [await readTensors(at('a.safetensors')), await readTensors(at('b.safetensors'))]
  for (const name of ['mean_0', 'std_0', 'mean_4', 'std_4', 'bottleneck.mean', 'bottleneck.std']) {
    const [data, other] = [alone.get(name)!, together.get(name)!]
    t.true(
      data.every((value, i) => Math.abs(value - other[i]!) < 1e-5),
      name,
    )
  }
  const lossOf = ({ stderr }: Ended) => Number(/validation: loss ([\d.e+]+)/.exec(stderr)![1])
  t.true(Math.abs(lossOf(results[0]!) / lossOf(one) - 1) < 1e-2)
  t.false(results[1]!.stderr.includes('step'), 'only the first process tells')
})

for (const [victim, signal] of [
  [1, 'SIGKILL'],
  [1, 'SIGSTOP'],
  [0, 'SIGKILL'],
  [0, 'SIGSTOP'],
] as const) {
  test.serial(`when rank ${victim} gets a ${signal}, the other ends in time and says so`, async t => {
    const words = ['--statistics', statistics, '--epochs', '1000', '--batch', '2', '--timeout', '4']
    const out = at(`lost-${victim}-${signal}.safetensors`)
    const children = await startTogether(2, training(out, ...words))
    const survivor = ended(children[1 - victim]!)
    void ended(children[victim]!)
    await new Promise<void>(resolve => {
      children[0]!.stderr!.on('data', (text: Buffer) => {
        if (text.includes('step 3:')) resolve()
      })
    })
    children[victim]!.kill(signal)
    const started = performance.now()
    const { code, stderr } = await survivor
    const seconds = (performance.now() - started) / 1000
    children[victim]!.kill('SIGKILL')
    t.is(code, 1, stderr)
    t.true(seconds < 25, `${seconds} s`)
    t.regex(stderr, new RegExp(`rank ${victim}\\b.*does not answer`), stderr)
    t.true(stderr.includes(`resume from '${out.replace('.safetensors', '.checkpoint.safetensors')}'`), stderr)
  })
}

test.serial(
  'a signal to one process stops all at the same step, with a checkpoint to go on from',
  async t => {
    const words = ['--statistics', statistics, '--batch', '2', '--epochs']
    const out = at('stopped.safetensors')
    const children = await startTogether(2, training(out, ...words, '1000'))
    children[0]!.stderr!.on('data', (text: Buffer) => {
      if (text.includes('step 3:')) children[1]!.kill('SIGTERM')
    })
    const [first, second] = await Promise.all(children.map(ended))
    t.is(second!.code, 130, second!.stderr)
    t.is(first!.code, 1, first!.stderr)
    t.regex(first!.stderr, /Another process was told to stop/)
    const again = await startTogether(2, training(out, ...words, '4', '--resume'))
    const results = await Promise.all(again.map(ended))
    requireDone(t, results)
    t.regex(results[0]!.stderr, /Goes on after \d+ steps/)
    const [resumed, whole] = [await readTensors(out), await readTensors(at('two.safetensors'))]
    for (const [name, data] of whole) t.deepEqual(resumed.get(name), data, name)
  },
)

test.serial('a process whose peers never come ends in time, and says who is missing', async t => {
  const env = { WORLD_SIZE: '2', RANK: '0', MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${await freePort()}` }
  const words = training(at('lonely.safetensors'), '--statistics', statistics, '--timeout', '2')
  const { code, stderr } = await iba(words, { env: { ...environment(folder), ...env } })
  t.is(code, 1)
  t.regex(stderr, /didn't meet at 127.0.0.1:\d+: rank 1 never came/)
})

test('the environment of launchers is read, and what is missing in it is named', t => {
  const whole = { WORLD_SIZE: '4', RANK: '3', LOCAL_RANK: '1', MASTER_ADDR: 'node0', MASTER_PORT: '29500' }
  t.is(membershipFrom({}), undefined)
  t.is(membershipFrom({ ...whole, WORLD_SIZE: '1', RANK: '0' }), undefined)
  const { rank, size, localRank, address, port, isHosted } = membershipFrom(whole)!
  t.deepEqual([rank, size, localRank, address, port, isHosted], [3, 4, 1, 'node0', 29_500, false])
  t.true(membershipFrom({ ...whole, TORCHELASTIC_USE_AGENT_STORE: 'True' })!.isHosted)
  const wrong: [NodeJS.ProcessEnv, RegExp][] = [
    [{ ...whole, RANK: undefined }, /RANK is not/],
    [{ ...whole, RANK: '4' }, /RANK is '4'.*0 to 3/],
    [{ ...whole, MASTER_ADDR: '' }, /MASTER_ADDR is not/],
    [{ ...whole, MASTER_PORT: 'http' }, /MASTER_PORT is 'http'/],
    [{ ...whole, WORLD_SIZE: 'two' }, /WORLD_SIZE is 'two'/],
  ]
  for (const [given, message] of wrong)
    t.throws(() => membershipFrom(given), { instanceOf: InvalidArgumentError, message })
})
