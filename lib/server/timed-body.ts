import { Readable } from 'node:stream'
import { ClientGoneError, RequestFailure } from './failure.js'

export interface TimeForBody {
  seconds: number
  /** Whether each piece has the time to itself, as in a long stream, or all have it together. */
  renews: boolean
}

/** A body that has to arrive in time. Only the time counts in which it is waited for.
 * @returns a stream that fails with a RequestFailure where it takes too long, and with a ClientGoneError where it breaks off */
export function timedBody(body: Readable, time: TimeForBody): Readable {
  return Readable.from(pieces(body, time), { objectMode: false })
}

async function* pieces(
  body: Readable,
  { seconds, renews }: TimeForBody,
): AsyncGenerator<Buffer, void, undefined> {
  // The socket has to live on for the answer.
  const source = body.iterator({ destroyOnReturn: false })
  let left = seconds * 1000
  while (true) {
    const started = performance.now()
    const { done, value } = await within(source.next(), left, seconds)
    if (done) return
    if (!renews) left -= performance.now() - started
    yield value
  }
}

function within<Value>(promise: Promise<Value>, left: number, seconds: number): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(tooSlow(seconds)), Math.max(0, left))
    promise.then(resolve, () => reject(new ClientGoneError())).finally(() => clearTimeout(timer))
  })
}

function tooSlow(seconds: number): RequestFailure {
  return new RequestFailure(
    'RECEIVING',
    `The body of the request didn't arrive within ${seconds} seconds.`,
    'Send it faster, or a smaller image.',
  )
}
