import { getEventListeners } from 'node:events'
import test from 'ava'
import { mapInOrder } from '../../lib/foundation/concurrency.js'
import { follow } from '../../lib/foundation/signals.js'
import { collect } from '../support/images.js'

test('a controller is aborted as one of the signals that it follows is, with its reason', t => {
  const [first, second, controller] = [new AbortController(), new AbortController(), new AbortController()]
  using _following = follow(controller, [first.signal, second.signal])
  t.false(controller.signal.aborted)
  const reason = new Error('enough')
  second.abort(reason)
  t.is(controller.signal.reason, reason)
  first.abort(new Error('too late'))
  t.is(controller.signal.reason, reason)
})

test('a controller that follows an aborted signal is aborted at once', t => {
  const controller = new AbortController()
  const reason = new Error('before')
  using _following = follow(controller, [AbortSignal.abort(reason)])
  t.is(controller.signal.reason, reason)
})

test('who no longer follows a signal is left alone, and the others are not', t => {
  const given = new AbortController()
  const [gone, other] = [new AbortController(), new AbortController()]
  const following = follow(gone, [given.signal])
  using _following = follow(other, [given.signal])
  following[Symbol.dispose]()
  given.abort()
  t.deepEqual([gone.signal.aborted, other.signal.aborted], [false, true])
})

test('a signal that outlives many streams keeps nothing of them', async t => {
  const { signal } = new AbortController()
  const streams = Array.from({ length: 100 }, () => mapInOrder([1, 2], 2, async item => item, signal))
  t.deepEqual((await Promise.all(streams.map(collect))).flat().length, 200)
  t.is(getEventListeners(signal, 'abort').length, 1)
  // What AbortSignal.any would keep.
  const keeper = Object.getOwnPropertySymbols(signal).find(
    ({ description }) => description === 'kDependantSignals',
  )
  const kept = keeper && (signal as unknown as Record<symbol, Set<unknown> | undefined>)[keeper]
  t.is(kept?.size ?? 0, 0)
})
