import { setMaxListeners } from 'node:events'
import type { FastifyReply } from 'fastify'
import { ClientGoneError, RequestFailure } from './failure.js'

/** Aborted where a client goes away before it has its answer. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal) // one for each line of a batch
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort(new ClientGoneError())
  })
  return controller.signal
}

/** A signal that ends work: with its deadline, or as one of some others is aborted.
 * @param seconds what the client asks for, and what is allowed */
export function workSignal(
  seconds: { asked: number | undefined; allowed: number },
  others: readonly AbortSignal[],
): AbortSignal & Disposable {
  const controller = new AbortController()
  const limit = Math.min(seconds.asked ?? seconds.allowed, seconds.allowed)
  const timer = setTimeout(() => controller.abort(deadline(limit)), limit * 1000)
  const abort = ({ target }: Event) => controller.abort((target as AbortSignal).reason)
  for (const other of others) {
    if (other.aborted) controller.abort(other.reason)
    other.addEventListener('abort', abort)
  }
  return Object.assign(controller.signal, {
    [Symbol.dispose]() {
      clearTimeout(timer)
      for (const other of others) other.removeEventListener('abort', abort)
    },
  })
}

function deadline(seconds: number): RequestFailure {
  return new RequestFailure(
    'DEADLINE',
    `The request wasn't done within its ${seconds} seconds.`,
    'Take fewer steps or copies, try again when the server has less to do, or give a longer timeout.',
  )
}
