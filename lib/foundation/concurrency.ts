import { setMaxListeners } from 'node:events'

/** Applies an asynchronous function to a stream, several items at a time, and yields the results in the stream's
 * order. The source is read only as fast as results are taken: at most `limit` items are under way. `apply`
 * gets a signal that is aborted with the given one, and once nobody takes results any more or one failed. */
export async function* mapInOrder<Item, Result>(
  source: AsyncIterable<Item> | Iterable<Item>,
  limit: number,
  apply: (item: Item, signal: AbortSignal) => Promise<Result>,
  given?: AbortSignal,
): AsyncGenerator<Result, void, undefined> {
  const underWay: Promise<Result>[] = []
  const controller = new AbortController()
  const signal = given ? AbortSignal.any([given, controller.signal]) : controller.signal
  setMaxListeners(0, signal) // one for each item under way
  try {
    for await (const item of source) {
      const result = apply(item, signal)
      // A failure is met when its turn comes; until then it must not count as unhandled.
      result.catch(() => {})
      underWay.push(result)
      if (underWay.length >= limit) yield await underWay.shift()!
    }
    while (underWay.length > 0) yield await underWay.shift()!
  } finally {
    controller.abort()
    await Promise.allSettled(underWay)
  }
}
