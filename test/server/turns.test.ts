import test from 'ava'
import { Turns } from '../../lib/server/turns.js'

test('those who come together have their turns in different turns of the event loop, in their order', async t => {
  const turns = new Turns()
  let loop = 0
  let isOver = false
  const count = () => {
    loop++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const had = await Promise.all(
    [0, 1, 2, 3].map(async i => {
      await turns.next()
      return [i, loop]
    }),
  )
  isOver = true
  t.deepEqual(
    had.map(([i]) => i),
    [0, 1, 2, 3],
  )
  t.is(new Set(had.map(([, at]) => at)).size, 4)
})
