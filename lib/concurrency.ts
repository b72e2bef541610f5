/** Applies an asynchronous function to a stream, several items at a time, and yields the results in the stream's
 * order. The source is read only as fast as results are taken: at most `limit` items are under way. */
export async function* mapInOrder<Item, Result>(
  source: AsyncIterable<Item> | Iterable<Item>,
  limit: number,
  apply: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const underWay: Promise<Result>[] = []
  try {
    for await (const item of source) {
      const result = apply(item)
      // A failure is met when its turn comes; until then it must not count as unhandled.
      result.catch(() => {})
      underWay.push(result)
      if (underWay.length >= limit) yield await underWay.shift()!
    }
    while (underWay.length > 0) yield await underWay.shift()!
  } finally {
    await Promise.allSettled(underWay)
  }
}
