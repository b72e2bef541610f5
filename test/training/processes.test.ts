import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import test from 'ava'
import { InvalidArgumentError, joinProcesses, type Membership, membershipFrom } from '../../lib/index.js'
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

/** As process 0 of two, unless said otherwise. */
const membership = (port: number, more: Partial<Membership> = {}): Membership => ({
  ...{ rank: 0, size: 2, localRank: 0, address: '127.0.0.1', port, isHosted: false },
  ...{ meeting: 'iba/0', networkInterface: '', ...more },
})

/** A server that takes connections, and answers each as told. */
async function listening(answer: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as { port: number }).port }
}

test.serial('training with different settings ends in every process before the first step', async t => {
  const words = ['--statistics', statistics, '--epochs', '1', '--timeout', '30', '--batch', '2']
  const port = `${await freePort()}`
  const differing = [
    ['--lr', '1e-3'],
    ['--lr', '1e-4', '--variant', 'A'],
  ]
  const ends = differing.map((more, rank) =>
    iba(training(at(`apart.safetensors`), ...words, ...more), {
      env: {
        ...environment(folder),
        ...{ WORLD_SIZE: '2', RANK: `${rank}`, MASTER_ADDR: '127.0.0.1', MASTER_PORT: port },
      },
    }),
  )
  for (const { code, stderr } of await Promise.all(ends)) {
    t.is(code, 1, stderr)
    t.regex(
      stderr,
      /not started alike: .*variant is "B" for rank 0 and "A" for rank 1.*learningRate is 0\.001/,
    )
    t.false(stderr.includes('step 1:'))
  }
  t.false(existsSync(at('apart.checkpoint.safetensors')))
})

/** What becomes of processes that only meet and compare something. */
async function meet(
  timeout: number,
  all: readonly (Partial<Membership> & { settings?: object })[],
): Promise<string[]> {
  const index = new URL('../../lib/index.js', import.meta.url).href
  const port = await freePort()
  const ends = all.map(({ settings = {}, ...more }) => {
    const script = `
      import { joinProcesses } from '${index}'
      try {
        const group = await joinProcesses(${JSON.stringify(membership(port, more))}, { timeout: ${timeout} })
        await group.agree(${JSON.stringify(settings)})
        await group.barrier()
        console.log('alike')
      } catch (error) {
        console.log(error.code, error.message)
      }`
    return ended(spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'pipe' }))
  })
  return (await Promise.all(ends)).map(({ stdout }) => stdout)
}

test.serial('processes compare what they were started with', async t => {
  const settings = { beta: 10 }
  const alike = await meet(120, [{ settings }, { rank: 1, settings }])
  t.deepEqual(alike, ['alike\n', 'alike\n'])
  const other = await meet(120, [
    { size: 3, settings },
    { size: 3, rank: 1, settings },
    { size: 3, rank: 2, settings: { beta: 1, flip: true } },
  ])
  for (const end of other)
    t.regex(
      end,
      /^PROCESS_GROUP .*beta is 10 for rank 0 and 1 for rank 2; flip is not given for rank 0 and true for/,
    )
})

test.serial('processes that count differently are told, and those that are there twice', async t => {
  const counting = await meet(10, [{ size: 3 }, { rank: 1 }])
  for (const end of counting) t.regex(end, /^PROCESS_GROUP .*WORLD_SIZE is 3 for rank 0 and 2 for rank 1/)
  const twice = await meet(10, [{ size: 3 }, { size: 3, rank: 1 }, { size: 3, rank: 1 }])
  t.is(twice.filter(end => /a process with RANK 1 already/.test(end)).length, 1)
  t.true(twice.every(end => end.startsWith('PROCESS_GROUP')))
})

test.serial('a port that is in use is told as such', async t => {
  const { server, port } = await listening(() => {})
  await t.throwsAsync(joinProcesses(membership(port), { timeout: 30 }), {
    code: 'PROCESS_GROUP',
    message: /Port \d+ of 127\.0\.0\.1 is in use: .* Choose another MASTER_PORT/,
  })
  server.close()
})

for (const [what, answer] of Object.entries<(socket: Socket) => void>({
  'is silent': () => {},
  'sends noise': socket => socket.write(Buffer.alloc(4096, 0xff)),
  'hangs up': socket => socket.destroy(),
}))
  test.serial(`a service on the port that ${what} holds nobody beyond the timeout, nor an abort`, async t => {
    const sockets = new Set<Socket>()
    const { server, port } = await listening(socket => {
      sockets.add(socket.on('error', () => {}))
      answer(socket)
    })
    const started = performance.now()
    await t.throwsAsync(joinProcesses(membership(port, { rank: 1 }), { timeout: 1 }), {
      code: 'PROCESS_GROUP',
      message: /something takes connections there, but doesn't answer as such processes do/,
    })
    t.true(performance.now() - started < 20_000)
    const signal = AbortSignal.timeout(100)
    await t.throwsAsync(joinProcesses(membership(port, { rank: 1 }), { timeout: 300, signal }), { any: true })
    t.true(performance.now() - started < 40_000)
    for (const socket of sockets) socket.destroy()
    server.close()
  })

test.serial('Ctrl-C ends the waiting for others', async t => {
  const { server, port } = await listening(() => {})
  const connected = new Promise(resolve => server.once('connection', resolve))
  const env = { WORLD_SIZE: '2', RANK: '1', MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${port}` }
  const child = startIba(training(at('waiting.safetensors'), '--statistics', statistics), {
    env: { ...environment(folder), ...env },
  })
  const end = ended(child)
  await connected
  child.kill('SIGINT')
  const { code, stderr } = await end
  t.is(code, 130, stderr)
  t.regex(stderr, /Interrupted after 0 steps/)
  server.close()
})

test.serial('rank 0 listens at the address that it is given, and nowhere else', async t => {
  const port = await freePort()
  const waiting = new AbortController()
  const joining = joinProcesses(membership(port), { timeout: 300, signal: waiting.signal })
  joining.catch(() => {})
  while (!(await connects('127.0.0.1', port))) await new Promise(resolve => setTimeout(resolve, 50))
  const others = Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
  for (const { address } of others) t.false(await connects(address, port), address)
  waiting.abort()
  await t.throwsAsync(joining, { any: true })
  await t.throwsAsync(joinProcesses(membership(port, { address: 'no.such.host.invalid' }), { timeout: 5 }), {
    message: /MASTER_ADDR 'no\.such\.host\.invalid' stands for no machine/,
  })
})

function connects(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, timeout: 2000 })
    const end = (found: boolean) => {
      socket.destroy()
      resolve(found)
    }
    socket
      .on('connect', () => end(true))
      .on('error', () => end(false))
      .on('timeout', () => end(false))
  })
}

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
