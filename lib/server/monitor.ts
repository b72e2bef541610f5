import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { BatchMessage } from '../attribution/diagnostics.js'
import { Metrics } from './metrics.js'
import type { Explained, ServedModel } from './served-model.js'

const channel = 'attribution-bottleneck:batch'
/** The time between two timers whose lateness is measured. Node counts it among their delays. */
const timerSeconds = 0.01
const secondsBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const sizeBounds = [1, 2, 4, 8, 16, 32, 64, 128]

/** The numbers that a server tells of itself. */
export class Monitor {
  readonly #metrics = new Metrics()
  readonly #models: ReadonlyMap<string, ServedModel>
  readonly #delay = monitorEventLoopDelay({ resolution: timerSeconds * 1000 })
  readonly #requests = this.#metrics.counter('iba_requests_total', 'Requests by route and status.')
  readonly #requestSeconds = this.#metrics.histogram(
    'iba_request_seconds',
    'Seconds from the head of a request to the end of its answer.',
    secondsBounds,
  )
  readonly #stages = this.#metrics.histogram(
    'iba_stage_seconds',
    'Seconds of a map by stage: waiting for its turn, decoding the image, explaining with its batch.',
    secondsBounds,
  )
  readonly #passes = this.#metrics.counter(
    'iba_rows_total',
    'About how many rows went through the networks, images or copies of them.',
  )
  readonly #batches = this.#metrics.histogram(
    'iba_batch_images',
    'Images that were explained together.',
    sizeBounds,
  )
  readonly #batchSeconds = this.#metrics.histogram('iba_batch_seconds', 'Seconds of a batch.', secondsBounds)

  constructor(models: ReadonlyMap<string, ServedModel>) {
    this.#models = models
    this.#delay.enable()
    subscribe(channel, this.#onBatch)
    this.#addQueues()
    this.#addProcess()
  }

  /** In the text format of Prometheus. */
  text(): string {
    const text = this.#metrics.text()
    this.#delay.reset()
    return text
  }

  answered(route: string, status: number, seconds: number): void {
    this.#requests.add({ route, status: String(status) })
    this.#requestSeconds.observe({ route }, seconds)
  }

  explained(model: string, { attribution, seconds, passes }: Explained): void {
    const { method } = attribution
    this.#passes.add({ model, method }, passes)
    const stages = { waiting: seconds.waiting, decoding: seconds.decoding, explaining: attribution.seconds }
    for (const [stage, value] of Object.entries(stages)) this.#stages.observe({ model, method, stage }, value)
  }

  close(): void {
    unsubscribe(channel, this.#onBatch)
    this.#delay.disable()
  }

  readonly #onBatch = (message: unknown) => {
    const { model, method, images, seconds } = message as BatchMessage
    const served = [...this.#models.values()].find(each => each.model === model)
    if (!served) return
    this.#batches.observe({ model: served.name, method }, images)
    this.#batchSeconds.observe({ model: served.name, method }, seconds)
  }

  #addQueues(): void {
    const gauge = (name: string, help: string, value: (model: ServedModel) => number) =>
      this.#metrics.gauge(name, help, () =>
        [...this.#models].map(([model, served]) => [{ model }, value(served)] as const),
      )
    gauge('iba_queue_waiting', 'Requests that wait for their turn.', ({ queue }) => queue.waiting)
    gauge('iba_queue_running', 'Requests that are explained.', ({ queue }) => queue.running)
    gauge('iba_queue_places', 'Requests that may wait.', ({ queue }) => queue.places)
    gauge('iba_ready', 'Whether the model has explained a first image.', ({ isReady }) => Number(isReady))
  }

  #addProcess(): void {
    const gauge = (name: string, help: string, value: () => number) =>
      this.#metrics.gauge(name, help, () => [[{}, value()]])
    gauge('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss())
    gauge('nodejs_heap_used_bytes', "Memory of JavaScript's objects.", () => process.memoryUsage().heapUsed)
    gauge('process_cpu_seconds', 'Processor time.', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
    for (const [name, percentile] of [
      ['p50', 50],
      ['p99', 99],
      ['p100', 100],
    ] as const)
      gauge(
        `nodejs_eventloop_delay_seconds_${name}`,
        `How late timers are, at the ${percentile}th percentile since the last reading.`,
        () => Math.max(0, this.#delay.percentile(percentile) / 1e9 - timerSeconds || 0),
      )
  }
}
