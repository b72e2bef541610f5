import { RequestFailure } from './failure.js'

export interface FairQueueOptions {
  /** Tasks that wait, at most. */
  places: number
}

/** Whose task it is, and how much of the device it takes. */
export interface QueuedTask {
  /** Tasks of all clients take turns. */
  client: string
  /** Its part of a batch: 1 for a method whose images are explained one by one, 1/8 where eight go together. */
  weight: number
  signal: AbortSignal
}

interface Waiting extends QueuedTask {
  start: () => void
  refuse: (reason: unknown) => void
}

/** Two batches: one is explained while the images of the next are read. */
const mostRunning = 2

/** Tasks of many clients for one device. Clients take turns, so that who sends much waits longest; and where all places are
 * taken, who has the most tasks loses its last one that waits to who has few. */
export class FairQueue {
  /** Tasks that wait, at most. */
  readonly places: number
  /** By client, in the order of their turns. */
  readonly #waiting = new Map<string, Waiting[]>()
  readonly #runningOf = new Map<string, number>()
  #load = 0
  #closed: { reason: unknown } | undefined
  #onIdle: (() => void)[] = []
  /** Seconds that a whole batch takes, as a moving mean. */
  #batchSeconds = 1

  constructor({ places }: FairQueueOptions) {
    this.places = places
  }

  /** How many tasks wait. */
  get waiting(): number {
    let count = 0
    for (const tasks of this.#waiting.values()) count += tasks.length
    return count
  }

  /** How many tasks run. */
  get running(): number {
    let count = 0
    for (const tasks of this.#runningOf.values()) count += tasks
    return count
  }

  /** Seconds after which there should be a place again. */
  get retryAfter(): number {
    const batches = [...this.#waiting.values()].flat().reduce((sum, { weight }) => sum + weight, this.#load)
    return Math.min(60, Math.max(1, Math.ceil(batches * this.#batchSeconds)))
  }

  /** Runs a task when its turn comes.
   * @throws RequestFailure no place is left; or the signal's reason */
  async run<Result>(task: QueuedTask, work: () => Promise<Result>): Promise<Result> {
    const { client, weight, signal } = task
    signal.throwIfAborted()
    if (this.#closed) throw this.#closed.reason
    if (this.waiting >= this.places) this.#makePlace(client)
    await this.#turn(task)
    const started = performance.now()
    try {
      const result = await work()
      const seconds = (performance.now() - started) / 1000
      this.#batchSeconds += 0.2 * (seconds - this.#batchSeconds)
      return result
    } finally {
      this.#load -= weight
      this.#count(client, -1)
      this.#startNext()
      if (this.running === 0) for (const told of this.#onIdle.splice(0)) told()
    }
  }

  /** Takes no more tasks, and refuses those that wait. */
  close(reason: unknown): void {
    this.#closed = { reason }
    for (const entry of [...this.#waiting.values()].flat()) {
      this.#remove(entry)
      entry.refuse(reason)
    }
  }

  /** Until nothing runs. */
  idle(): Promise<void> {
    if (this.running === 0) return Promise.resolve()
    return new Promise(resolve => this.#onIdle.push(resolve))
  }

  #turn(task: QueuedTask): Promise<void> {
    const { client, signal } = task
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#remove(entry)
        reject(signal.reason)
      }
      const settled = (settle: () => void) => () => {
        signal.removeEventListener('abort', leave)
        settle()
      }
      const entry: Waiting = {
        ...task,
        start: settled(resolve),
        refuse: reason => settled(() => reject(reason))(),
      }
      signal.addEventListener('abort', leave, { once: true })
      const own = this.#waiting.get(client)
      if (own) own.push(entry)
      else this.#waiting.set(client, [entry])
      this.#startNext()
    })
  }

  #startNext(): void {
    for (const [client, [next]] of this.#waiting) {
      if (!next) return
      const fits = this.#load === 0 || this.#load + next.weight <= mostRunning + 1e-9
      if (!fits) return
      this.#remove(next)
      // Its turn is over: its other tasks wait behind those of the others.
      const others = this.#waiting.get(client)
      if (others) {
        this.#waiting.delete(client)
        this.#waiting.set(client, others)
      }
      this.#load += next.weight
      this.#count(client, 1)
      next.start()
      this.#startNext()
      return
    }
  }

  #makePlace(client: string): void {
    const own = this.#tasksOf(client)
    const [greediest, most] = [...this.#waiting.keys()]
      .map((other): [string, number] => [other, this.#tasksOf(other)])
      .reduce((a, b) => (b[1] > a[1] ? b : a))
    if (most > own + 1) {
      const last = this.#waiting.get(greediest)!.at(-1)!
      this.#remove(last)
      last.refuse(this.#tooMany())
    } else if (own >= most && this.#hasOthers(client)) {
      throw this.#tooMany()
    } else {
      throw new RequestFailure(
        'OVERLOADED',
        `All ${this.places} places of this model are taken.`,
        'Try again after the seconds that Retry-After tells.',
        this.retryAfter,
      )
    }
  }

  #tooMany(): RequestFailure {
    return new RequestFailure(
      'TOO_MANY_REQUESTS',
      'You have as many requests waiting or running as any other client, and others need a place.',
      'Send fewer at a time, and try again after the seconds that Retry-After tells.',
      this.retryAfter,
    )
  }

  #tasksOf(client: string): number {
    return (this.#waiting.get(client)?.length ?? 0) + (this.#runningOf.get(client) ?? 0)
  }

  #hasOthers(client: string): boolean {
    return [...this.#waiting.keys(), ...this.#runningOf.keys()].some(other => other !== client)
  }

  #remove(entry: Waiting): void {
    const left = this.#waiting.get(entry.client)?.filter(other => other !== entry) ?? []
    if (left.length > 0) this.#waiting.set(entry.client, left)
    else this.#waiting.delete(entry.client)
  }

  #count(client: string, change: number): void {
    const count = (this.#runningOf.get(client) ?? 0) + change
    if (count > 0) this.#runningOf.set(client, count)
    else this.#runningOf.delete(client)
  }
}
