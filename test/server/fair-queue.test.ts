import { setMaxListeners } from 'node:events'
import test from 'ava'
import { clientAddress } from '../../lib/server/client-address.js'
import { RequestFailure } from '../../lib/server/failure.js'
import { FairQueue } from '../../lib/server/fair-queue.js'
import { Receiving } from '../../lib/server/receiving.js'

const never = new AbortController().signal
setMaxListeners(0, never)

/** A task that ends when told to. */
function held(): { work: () => Promise<void>; end: () => void } {
  let end = () => {}
  const done = new Promise<void>(resolve => {
    end = resolve
  })
  return { work: () => done, end }
}

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    error => (error instanceof RequestFailure ? error.code : String(error)),
  )
}

test('clients take turns', async t => {
  const queue = new FairQueue({ places: 100 })
  const order: string[] = []
  const first = held()
  const task = (client: string) => ({ client, weight: 2, signal: never })
  const running = queue.run(task('first'), first.work)
  const others = ['a', 'a', 'a', 'b', 'b', 'c'].map(client =>
    queue.run(task(client), async () => {
      order.push(client)
    }),
  )
  t.deepEqual([queue.running, queue.waiting], [1, 6])
  first.end()
  await Promise.all([running, ...others])
  t.deepEqual(order, ['a', 'b', 'c', 'a', 'b', 'a'])
  t.deepEqual([queue.running, queue.waiting], [0, 0])
})

test('as many run as fill two batches', async t => {
  const queue = new FairQueue({ places: 100 })
  const task = held()
  const all = Array.from({ length: 20 }, () =>
    queue.run({ client: 'a', weight: 1 / 8, signal: never }, task.work),
  )
  t.deepEqual([queue.running, queue.waiting], [16, 4])
  task.end()
  await Promise.all(all)
})

test('one client may fill the queue, but gives up places to others', async t => {
  const queue = new FairQueue({ places: 2 })
  const task = held()
  const run = (client: string) => codeOf(queue.run({ client, weight: 1, signal: never }, task.work))
  const flood = ['a', 'a', 'a', 'a'].map(run)
  t.is(await run('a'), 'OVERLOADED')
  const others = [run('b'), run('c')]
  t.is(await flood[3], 'TOO_MANY_REQUESTS')
  t.is(await flood[2], 'TOO_MANY_REQUESTS')
  t.is(await run('a'), 'TOO_MANY_REQUESTS')
  t.is(await run('d'), 'OVERLOADED')
  t.deepEqual([queue.running, queue.waiting], [2, 2])
  t.true(queue.retryAfter >= 1)
  task.end()
  t.deepEqual(await Promise.all([...flood.slice(0, 2), ...others]), ['done', 'done', 'done', 'done'])
})

test('where all that a flood has runs already, others find a place', async t => {
  const queue = new FairQueue({ places: 16 })
  const task = held()
  const run = (client: string) => codeOf(queue.run({ client, weight: 1 / 8, signal: never }, task.work))
  const flood = Array.from({ length: 100 }, () => run('a'))
  const patient = run('b')
  t.deepEqual([queue.running, queue.waiting], [16, 16])
  task.end()
  t.is(await patient, 'done')
  const ends = await Promise.all(flood)
  const count = (end: string) => ends.filter(other => other === end).length
  t.deepEqual([count('done'), count('TOO_MANY_REQUESTS'), count('OVERLOADED')], [31, 1, 68])
})

test('an abort takes a task out of the queue, and closing refuses those that wait', async t => {
  const queue = new FairQueue({ places: 10 })
  const task = held()
  const running = queue.run({ client: 'a', weight: 2, signal: never }, task.work)
  const controller = new AbortController()
  const aborted = queue.run({ client: 'a', weight: 2, signal: controller.signal }, task.work)
  const waiting = codeOf(queue.run({ client: 'a', weight: 2, signal: never }, task.work))
  controller.abort(new Error('gone'))
  await t.throwsAsync(aborted, { message: 'gone' })
  t.is(queue.waiting, 1)
  queue.close(new RequestFailure('STOPPING', 'stops', 'wait'))
  t.is(await waiting, 'STOPPING')
  t.is(await codeOf(queue.run({ client: 'a', weight: 2, signal: never }, task.work)), 'STOPPING')
  let isIdle = false
  const idle = queue.idle().then(() => {
    isIdle = true
  })
  await new Promise(setImmediate)
  t.false(isIdle)
  task.end()
  await Promise.all([running, idle])
  t.true(isIdle)
})

test('a task that fails leaves its place', async t => {
  const queue = new FairQueue({ places: 1 })
  const task = { client: 'a', weight: 1, signal: never }
  await t.throwsAsync(
    queue.run(task, () => Promise.reject(new Error('failed'))),
    { message: 'failed' },
  )
  t.is(await queue.run(task, async () => 'done'), 'done')
})

test('what is received at a time is bounded, and shared past half of it', t => {
  const room = new Receiving(8)
  const leave = Array.from({ length: 4 }, () => room.enter('a'))
  t.is(t.throws<RequestFailure>(() => room.enter('a')).code, 'TOO_MANY_REQUESTS')
  for (let i = 0; i < 2; i++) room.enter('b')
  t.is(t.throws<RequestFailure>(() => room.enter('b')).code, 'TOO_MANY_REQUESTS')
  room.enter('c')
  room.enter('d')
  t.is(t.throws<RequestFailure>(() => room.enter('e')).code, 'OVERLOADED')
  leave[0]!()
  leave[0]!()
  room.enter('e')
  t.is(t.throws<RequestFailure>(() => room.enter('f')).code, 'OVERLOADED')
})

test('an address of IPv6 stands for its network', t => {
  t.is(clientAddress('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.is(clientAddress('2001:DB8::1'), '2001:db8:0:0::/64')
  t.is(clientAddress('::1'), '0:0:0:0::/64')
  t.is(clientAddress('::ffff:10.1.2.3'), '10.1.2.3')
  t.is(clientAddress('10.1.2.3'), '10.1.2.3')
})
