import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { Budget, mapInOrder } from '../../lib/foundation/concurrency.js'
import { collect } from '../support/images.js'

/** A promise that is settled from outside. */
function gate<Value>() {
  let open!: (value: Value) => void
  const promise = new Promise<Value>(resolve => {
    open = resolve
  })
  return { promise, open }
}

/** A source that gives an item only when it is told to, as a camera does. */
class LiveSource<Item> implements AsyncIterable<Item> {
  readonly #items: Item[] = []
  #waiting: (() => void) | undefined
  #ended = false
  pulled = 0
  closed = false

  give(item: Item): void {
    this.#items.push(item)
    this.#waiting?.()
  }

  end(): void {
    this.#ended = true
    this.#waiting?.()
  }

  [Symbol.asyncIterator](): AsyncIterator<Item> {
    return {
      next: async () => {
        this.pulled++
        if (this.#items.length === 0 && !this.#ended)
          await new Promise<void>(resolve => {
            this.#waiting = resolve
          })
        const [value] = this.#items.splice(0, 1)
        return value === undefined ? { done: true, value: undefined } : { done: false, value }
      },
      return: async () => {
        this.closed = true
        return { done: true, value: undefined }
      },
    }
  }
}

const double = async (item: number) => 2 * item

test('a result comes as soon as it is there, however few items have arrived', async t => {
  const source = new LiveSource<number>()
  const results = mapInOrder(source, 16, double)
  for (const item of [1, 2, 3]) {
    const result = results.next()
    source.give(item)
    t.deepEqual(await result, { done: false, value: 2 * item })
  }
  const last = results.next()
  source.end()
  t.true((await last).done)
})

test('results keep the order of the source where later ones are there first', async t => {
  const gates = [gate<string>(), gate<string>(), gate<string>()]
  const results = mapInOrder([0, 1, 2], 3, i => gates[i]!.promise)
  const found = collect(results)
  gates[2]!.open('third')
  await turn()
  gates[0]!.open('first')
  await turn()
  gates[1]!.open('second')
  t.deepEqual(await found, ['first', 'second', 'third'])
})

test('a source that has everything at once is under way up to the limit before the first result', async t => {
  let underWay = 0
  let most = 0
  const apply = async () => {
    most = Math.max(most, ++underWay)
    await turn()
    underWay--
  }
  t.is((await collect(mapInOrder(Array(20).fill(0), 6, apply))).length, 20)
  t.is(most, 6)
})

test('an abort rejects at once while the source is waited for, and tells it to end', async t => {
  const source = new LiveSource<number>()
  const controller = new AbortController()
  const results = mapInOrder(source, 4, double, controller.signal)
  source.give(1)
  t.is((await results.next()).value, 2)
  const waiting = results.next()
  await turn()
  const reason = new Error('enough')
  controller.abort(reason)
  t.is(await t.throwsAsync(waiting), reason)
  t.true(source.closed)
})

test('an abort waits for no item that hangs', async t => {
  const controller = new AbortController()
  const results = mapInOrder([1, 2], 4, () => new Promise<never>(() => {}), controller.signal)
  const waiting = results.next()
  await turn()
  controller.abort()
  await t.throwsAsync(waiting, { any: true, name: 'AbortError' })
})

test('who takes no more results closes the source, also while an item of it is waited for', async t => {
  const source = new LiveSource<number>()
  source.give(1)
  for await (const result of mapInOrder(source, 4, double)) {
    t.is(result, 2)
    break
  }
  t.true(source.closed)
})

test('what a source gave before it failed is still given', async t => {
  const failure = new Error('unplugged')
  async function* source() {
    yield 1
    yield 2
    throw failure
  }
  const results = mapInOrder(source(), 8, double)
  t.is((await results.next()).value, 2)
  t.is((await results.next()).value, 4)
  t.is(await t.throwsAsync(results.next()), failure)
  t.true((await results.next()).done)
})

test('no more items are asked for than the limit and one', async t => {
  const source = new LiveSource<number>()
  for (let i = 0; i < 50; i++) source.give(i + 1)
  const results = mapInOrder(source, 3, double)
  await results.next()
  await turn()
  t.true(source.pulled <= 4, `${source.pulled} items`)
  await results.return()
})

test('tasks wait for their part of a budget, in their order; a larger one runs alone', async t => {
  const budget = new Budget(10)
  const events: string[] = []
  const finish: Record<string, () => void> = {}
  const spend = (name: string, amount: number) =>
    budget.spend(amount, async () => {
      events.push(name)
      await new Promise<void>(resolve => {
        finish[name] = resolve
      })
    })
  const tasks = [spend('a', 6), spend('b', 6), spend('c', 1), spend('d', 99), spend('e', 1)]
  await turn()
  t.deepEqual(events, ['a'])
  finish.a!()
  await turn()
  t.deepEqual(events, ['a', 'b', 'c'])
  finish.b!()
  finish.c!()
  await turn()
  t.deepEqual(events, ['a', 'b', 'c', 'd'])
  finish.d!()
  await turn()
  finish.e!()
  await Promise.all(tasks)
  t.is(events.length, 5)
  await t.throwsAsync(budget.spend(10, () => Promise.reject(new Error('failed'))))
  t.is(await budget.spend(10, async () => 3), 3)
})
