import { setMaxListeners } from 'node:events'
import { follow } from './signals.js'

/** What `for await` takes. */
export type Source<Item> = AsyncIterable<Item> | Iterable<Item>

/** Applies an asynchronous function to a stream, several items at a time, and yields the results in the stream's
 * order, each as soon as it and those before it are there. The source is read only as fast as results are taken: at most
 * `limit` items are under way. `apply` gets a signal that is aborted with the given one, and once nobody takes results any
 * more or one failed. An abort waits neither for the source nor for `apply`.
 * @param source or what makes it for that signal */
export async function* mapInOrder<Item, Result>(
  source: Source<Item> | ((signal: AbortSignal) => Source<Item>),
  limit: number,
  apply: (item: Item, signal: AbortSignal) => Promise<Result>,
  given?: AbortSignal,
): AsyncGenerator<Result, void, undefined> {
  const controller = new AbortController()
  const { signal } = controller
  using _following = follow(controller, given ? [given] : [])
  setMaxListeners(0, signal) // one for each item under way
  const items = untilAborted(typeof source === 'function' ? source(signal) : source, signal)
  const underWay: Promise<Result>[] = []
  let coming: Promise<IteratorResult<Item>> | undefined
  let isEnded = false
  try {
    while (true) {
      if (!isEnded && underWay.length < limit) coming ??= handled(items.next())
      const [first] = underWay
      if (first !== undefined && !(await isAhead(coming, first))) {
        void underWay.shift()
        yield await first
        continue
      }
      if (coming === undefined) return
      const arrived = coming
      coming = undefined
      try {
        const { done, value } = await arrived
        if (done) isEnded = true
        else underWay.push(handled(orAborted(apply(value, signal), signal)))
      } catch (error) {
        // Met when its turn comes, as any other failure.
        isEnded = true
        underWay.push(handled(Promise.reject(error)))
      }
    }
  } finally {
    if (coming !== undefined) controller.abort()
    await items.return()
    controller.abort()
    await Promise.allSettled(underWay)
  }
}

/** The items of a source until the signal is aborted, which rejects at once, with its reason: a source that is waited for
 * then is told to end, and nobody waits for that. */
export async function* untilAborted<Item>(
  source: Source<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item, void, undefined> {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  let state: 'waits' | 'yields' | 'ended' = 'yields'
  const next = async () => {
    const { done, value } = await iterator.next()
    return { done, value: await value }
  }
  const end = async () => void (await iterator.return?.())
  try {
    while (true) {
      state = 'waits'
      const { done, value } = await orAborted(next(), signal)
      state = 'yields'
      if (done) {
        state = 'ended'
        return
      }
      yield value
    }
  } finally {
    // A source that failed has ended.
    if (signal.aborted && state !== 'ended') void handled(end())
    else if (state === 'yields') await end()
  }
}

/** What a promise gives, or the signal's reason where that is aborted first. */
export function orAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Whether there is a promise that settles before another one, or both have. */
async function isAhead(promise: Promise<unknown> | undefined, other: Promise<unknown>): Promise<boolean> {
  if (promise === undefined) return false
  const settled = (each: Promise<unknown>, answer: boolean) =>
    each.then(
      () => answer,
      () => answer,
    )
  return await Promise.race([settled(promise, true), settled(other, false)])
}

/** The promise, whose failure must not count as unhandled until its turn comes. */
function handled<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {})
  return promise
}
/** An amount that tasks under way share, such as memory. Tasks wait for their part in the order in which they came. */
export class Budget {
  readonly #total: number
  #left: number
  readonly #waiting: { amount: number; start: () => void }[] = []

  constructor(total: number) {
    this.#total = total
    this.#left = total
  }

  /** Runs a task once there is as much left as it takes; one that takes more than all runs alone. */
  async spend<Result>(amount: number, task: () => Promise<Result>): Promise<Result> {
    const part = Math.min(amount, this.#total)
    await new Promise<void>(start => {
      this.#waiting.push({ amount: part, start })
      this.#startNext()
    })
    try {
      return await task()
    } finally {
      this.#left += part
      this.#startNext()
    }
  }

  #startNext(): void {
    while (this.#waiting.length > 0 && this.#waiting[0]!.amount <= this.#left) {
      const { amount, start } = this.#waiting.shift()!
      this.#left -= amount
      start()
    }
  }
}
