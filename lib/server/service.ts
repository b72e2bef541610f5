import type { FastifyRequest } from 'fastify'
import { InvalidArgumentError } from '../foundation/errors.js'
import { invalid, suggestion } from '../foundation/validate.js'
import { clientAddress } from './client-address.js'
import { failureAnswer, RequestFailure } from './failure.js'
import { Monitor } from './monitor.js'
import { RemoteImages } from './remote-image.js'
import { workSignal } from './request-signal.js'
import { ServedModel } from './served-model.js'
import {
  type AttributionServerOptions,
  checkedOrigins,
  completeLimits,
  type ServerLimits,
} from './server-options.js'
import type { Settings } from './settings.js'
import { Turns } from './turns.js'

/** What all routes share: the models, the limits, how images are fetched, and how it ends. */
export class Service {
  /** By name; the first answers requests that name none. */
  readonly models: ReadonlyMap<string, ServedModel>
  readonly limits: ServerLimits
  readonly remote: RemoteImages
  readonly monitor: Monitor
  /** Who sends a request. */
  readonly clientOf: (request: FastifyRequest) => string
  /** Of answers, which are long. */
  readonly turns = new Turns()
  readonly #ending = new AbortController()
  #stopped: Promise<void> | undefined

  private constructor(
    models: ReadonlyMap<string, ServedModel>,
    limits: ServerLimits,
    origins: ReadonlySet<string>,
    { clientOf = ({ ip }) => clientAddress(ip) }: AttributionServerOptions,
  ) {
    this.clientOf = clientOf
    this.models = models
    this.limits = limits
    this.remote = new RemoteImages({ origins, bytes: limits.bodyBytes })
    this.monitor = new Monitor(models)
  }

  /** Reads what the models need, and checks the options.
   * @throws InvalidArgumentError; what reading a resource throws */
  static async open(options: AttributionServerOptions): Promise<Service> {
    const limits = completeLimits(options.limits)
    const origins = checkedOrigins(options.imageOrigins)
    return new Service(await openModels(options, limits), limits, origins, options)
  }

  /** Whether no more requests are taken. */
  get isStopping(): boolean {
    return this.#stopped !== undefined
  }

  /** Aborted where work that still runs has to end. */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  /** Explains a first image with each model, which makes all that the first request would have to wait for. What fails is told
   * by `ServedModel.problem`, and to the caller. */
  async warmUp(onFailure: (error: unknown, model: string) => void): Promise<void> {
    for (const model of this.models.values()) {
      try {
        await model.warmUp(this.ending)
      } catch (error) {
        // As where the port is taken: what ends with the server is no failure of the model.
        if (this.isStopping) return
        model.problem = failureAnswer(error).error.message
        onFailure(error, model.name)
      }
    }
  }

  /** The model that a request names, or the first.
   * @throws RequestFailure there is none of that name */
  find(name: string | undefined): ServedModel {
    const found = name === undefined ? this.models.values().next().value : this.models.get(name)
    if (found) return found
    const names = [...this.models.keys()]
    throw new RequestFailure(
      'NOT_FOUND',
      `There is no model '${name!.slice(0, 100)}' here.${suggestion(name!.slice(0, 100), names)}`,
      `The models are: ${names.join(', ')}.`,
    )
  }

  /** A signal that ends a request's work: with its deadline, with the server, or as its client is gone. */
  signalFor({ timeout }: Settings, gone: AbortSignal): AbortSignal & Disposable {
    return workSignal({ asked: timeout, allowed: this.limits.seconds }, [gone, this.ending])
  }

  /** @throws RequestFailure the server takes no more requests */
  requireRunning(): void {
    if (this.isStopping) throw stopping()
  }

  /** Takes no more requests, refuses those that wait, and lets what runs finish; what then still runs is ended.
   * @param seconds that it may take */
  stop(seconds = this.limits.graceSeconds): Promise<void> {
    this.#stopped ??= this.#stop(seconds)
    return this.#stopped
  }

  async #stop(seconds: number): Promise<void> {
    const queues = [...this.models.values()].map(({ queue }) => queue)
    for (const queue of queues) queue.close(stopping())
    const timer = setTimeout(() => this.#ending.abort(stopping()), seconds * 1000)
    await Promise.all(queues.map(queue => queue.idle()))
    clearTimeout(timer)
  }

  /** Ends what the service holds. */
  async close(): Promise<void> {
    await this.stop()
    this.monitor.close()
    for (const model of this.models.values()) model.dispose()
    await this.remote.close()
  }
}

async function openModels(
  { models, batch, rows }: AttributionServerOptions,
  limits: ServerLimits,
): Promise<Map<string, ServedModel>> {
  if (!Array.isArray(models) || models.length === 0)
    throw invalid('models', 'a list of at least one { model }', models)
  const opened = new Map<string, ServedModel>()
  try {
    for (const given of models) {
      const served = await ServedModel.open(given, { limits, batch, rows })
      const isTaken = opened.has(served.name)
      if (isTaken)
        throw new InvalidArgumentError(
          `Two models are called '${served.name}'. Give one of them another name.`,
        )
      opened.set(served.name, served)
    }
    return opened
  } catch (error) {
    for (const model of opened.values()) model.dispose()
    throw error
  }
}

function stopping(): RequestFailure {
  return new RequestFailure(
    'STOPPING',
    'The server is stopping.',
    'Try again: another replica answers, or this server once it has started anew.',
    1,
  )
}
