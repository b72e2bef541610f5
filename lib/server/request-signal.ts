import type { FastifyReply } from 'fastify'
import { follow } from '../foundation/signals.js'
import { ClientGoneError, RequestFailure } from './failure.js'

/** Aborted where a client goes away before it has its answer. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort(new ClientGoneError())
  })
  return controller.signal
}

/** A signal that ends work as one of some others is aborted. */
export function endSignal(others: readonly AbortSignal[]): AbortSignal & Disposable {
  const controller = new AbortController()
  return Object.assign(controller.signal, follow(controller, others))
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
  const following = follow(controller, others)
  return Object.assign(controller.signal, {
    [Symbol.dispose]() {
      clearTimeout(timer)
      following[Symbol.dispose]()
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
