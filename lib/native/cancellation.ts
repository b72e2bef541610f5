import { Listener } from '../foundation/callbacks.js'
import { addon } from './addon.js'
import type { CancellationHandle } from './values.js'

/** What long native work is given. */
export interface RunningCall {
  cancellation: CancellationHandle
  onProgress: (done: number, total: number) => void
}

/** Runs native work that stops, within one of its steps, when the signal is aborted or `onProgress` fails; the latter's
 * error is then that of the work. */
export async function withCancellation<Result>(
  {
    signal,
    onProgress = () => {},
  }: {
    signal?: AbortSignal | undefined
    onProgress?: ((done: number, total: number) => unknown) | undefined
  },
  run: (call: RunningCall) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted()
  const cancellation = addon().createCancellation()
  const cancel = () => addon().cancel({ cancellation })
  let failure: { error: unknown } | undefined
  const listener = new Listener(onProgress, error => {
    failure ??= { error }
    cancel()
  })
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    const result = await run({ cancellation, onProgress: (done, total) => listener.tell(done, total) })
    await listener.answered()
    if (failure) throw failure.error
    return result
  } catch (error) {
    signal?.throwIfAborted()
    throw failure ? failure.error : error
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}
