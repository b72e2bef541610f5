/** Who follows a signal, by one listener: more than ten of them would be warned of as a leak. */
const followersOf = new WeakMap<AbortSignal, Set<AbortController>>()

/** Aborts a controller as soon as one of some signals is, until this is disposed of. `AbortSignal.any` leaves a reference in each of them
 * for good: one that lives as long as a service would gather them from every call. */
export function follow(controller: AbortController, signals: readonly AbortSignal[]): Disposable {
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason)
    else followersFor(signal).add(controller)
  }
  return {
    [Symbol.dispose]() {
      for (const signal of signals) followersOf.get(signal)?.delete(controller)
    },
  }
}

function followersFor(signal: AbortSignal): Set<AbortController> {
  const known = followersOf.get(signal)
  if (known) return known
  const followers = new Set<AbortController>()
  followersOf.set(signal, followers)
  const abort = () => {
    for (const follower of followers) follower.abort(signal.reason)
    followers.clear()
  }
  signal.addEventListener('abort', abort, { once: true })
  return followers
}
