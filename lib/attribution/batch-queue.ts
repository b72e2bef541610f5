import { Listener } from '../foundation/callbacks.js'
import { NotFiniteError } from '../foundation/errors.js'

/** Told after every step of the work. */
export type OnStep = (step: number, steps: number) => void

/** What a batch runs with: `signal` is aborted once nobody waits for any of its results. */
export interface BatchContext {
  signal: AbortSignal
  onStep: OnStep
}

export interface BatchQueueOptions<Request, Result> {
  /** Requests that are run together at most. */
  maximum: number
  /** Only requests of equal keys share a batch. */
  key: (request: Request) => string
  run: (requests: Request[], context: BatchContext) => Promise<Result[]>
}

interface Waiting<Request, Result> {
  request: Request
  listener: Listener<Parameters<OnStep>>
  resolve: (result: Result) => void
  reject: (reason: unknown) => void
  /** Nobody waits for the result any more. */
  abandoned: boolean
}

/** Forms batches of single requests: what arrives while a batch runs is taken together in the next one. */
export class BatchQueue<Request, Result> {
  readonly #options: BatchQueueOptions<Request, Result>
  #waiting: Waiting<Request, Result>[] = []
  #running: { batch: Waiting<Request, Result>[]; controller: AbortController } | null = null
  #scheduled = false

  constructor(options: BatchQueueOptions<Request, Result>) {
    this.#options = options
  }

  /** Queues one request. An abort rejects it at once, and ends the batch when it was the last one in it. */
  submit(
    request: Request,
    { signal, onStep = () => {} }: { signal?: AbortSignal | undefined; onStep?: OnStep } = {},
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      // A callback that fails fails its own request alone.
      const listener = new Listener(onStep, error => this.#abandon(entry, error))
      const entry: Waiting<Request, Result> = { request, listener, resolve, reject, abandoned: false }
      if (signal) this.#abandonOn(signal, entry)
      this.#waiting.push(entry)
      this.#schedule()
    })
  }

  #abandonOn(signal: AbortSignal, entry: Waiting<Request, Result>): void {
    const { resolve, reject } = entry
    const onAbort = () => this.#abandon(entry, signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const settled = () => signal.removeEventListener('abort', onAbort)
    entry.resolve = result => {
      settled()
      resolve(result)
    }
    entry.reject = reason => {
      settled()
      reject(reason)
    }
  }

  #abandon(entry: Waiting<Request, Result>, reason: unknown): void {
    entry.abandoned = true
    entry.reject(reason)
    this.#waiting = this.#waiting.filter(other => other !== entry)
    if (this.#running?.batch.every(other => other.abandoned)) this.#running.controller.abort()
  }

  // Requests of one turn of the event loop belong together.
  #schedule(): void {
    if (this.#scheduled || this.#running || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#runNext()
    })
  }

  async #runNext(): Promise<void> {
    const batch = this.#takeBatch()
    if (batch.length === 0) return
    try {
      await this.#run(batch)
    } finally {
      this.#running = null
      this.#schedule()
    }
  }

  async #run(batch: Waiting<Request, Result>[]): Promise<void> {
    const controller = new AbortController()
    this.#running = { batch, controller }
    const onStep: OnStep = (step, steps) => {
      for (const entry of batch) if (!entry.abandoned) entry.listener.tell(step, steps)
    }
    try {
      const requests = batch.map(entry => entry.request)
      const results = await this.#options.run(requests, { signal: controller.signal, onStep })
      batch.forEach(({ listener, resolve }, i) => {
        void listener.answered().then(() => resolve(results[i]!))
      })
    } catch (error) {
      // Numbers that are not finite are those of one image: the others of its batch have their maps all the same.
      if (error instanceof NotFiniteError && batch.length > 1) await this.#runEach(batch)
      else for (const entry of batch) entry.reject(error)
    }
  }

  async #runEach(batch: Waiting<Request, Result>[]): Promise<void> {
    for (const entry of batch) if (!entry.abandoned) await this.#run([entry])
  }

  #takeBatch(): Waiting<Request, Result>[] {
    const [first] = this.#waiting
    if (!first) return []
    const key = this.#options.key(first.request)
    const batch = this.#waiting
      .filter(entry => this.#options.key(entry.request) === key)
      .slice(0, this.#options.maximum)
    this.#waiting = this.#waiting.filter(entry => !batch.includes(entry))
    return batch
  }
}
