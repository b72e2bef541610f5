import { addon } from './addon.js'
import type { CancellationHandle } from './values.js'

/** Runs native work that stops, within one of its steps, when the signal is aborted. */
export async function withCancellation<Result>(
  signal: AbortSignal | undefined,
  run: (cancellation: CancellationHandle) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted()
  const cancellation = addon().createCancellation()
  const cancel = () => addon().cancel({ cancellation })
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    return await run(cancellation)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}
