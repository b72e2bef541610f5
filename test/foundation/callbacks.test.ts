import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import { Listener } from '../../lib/foundation/callbacks.js'

test('what a callback throws or rejects with is told, never thrown on', async t => {
  const failures: unknown[] = []
  const failing = new Listener(
    (how: string) => (how === 'throw' ? fail(how) : Promise.reject(new Error(how))),
    error => failures.push((error as Error).message),
  )
  failing.tell('throw')
  failing.tell('reject')
  await failing.answered()
  t.deepEqual(failures, ['throw', 'reject'])
})

test('promises of a callback are waited for, those of later calls too', async t => {
  const done: number[] = []
  const listener = new Listener(
    async (turns: number) => {
      for (let i = 0; i < turns; i++) await turn()
      done.push(turns)
    },
    () => t.fail(),
  )
  listener.tell(3)
  const answered = listener.answered()
  await turn()
  listener.tell(1)
  await answered
  t.deepEqual(done.sort(), [1, 3])
})

function fail(message: string): never {
  throw new Error(message)
}
