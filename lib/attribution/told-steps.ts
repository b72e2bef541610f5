import { Listener } from '../foundation/callbacks.js'
import { follow } from '../foundation/signals.js'
import type { NativeStep } from '../native/attribution-calls.js'
import type { AttributeOptions, AttributionStep } from './attribution.js'

/** Tells a caller of the steps of its image, though the batch may be that of others as well. */
export class ToldSteps implements Disposable {
  /** Aborted as the caller's own is, and where the callback fails. */
  readonly signal: AbortSignal
  readonly onStep: ((step: NativeStep) => void) | undefined
  readonly #listener: Listener<[AttributionStep]> | undefined
  readonly #following: Disposable | undefined

  constructor(
    { onStep, stepMaps = false }: AttributeOptions,
    signal: AbortSignal,
    toldOf: (step: NativeStep) => AttributionStep,
  ) {
    this.signal = signal
    if (!onStep) return
    const controller = new AbortController()
    this.signal = controller.signal
    this.#following = follow(controller, [signal])
    const listener = new Listener(onStep, error => controller.abort(error))
    this.#listener = listener
    this.onStep = ({ map, ...step }) => {
      if (!this.signal.aborted) listener.tell(toldOf({ ...step, ...(map && stepMaps && { map }) }))
    }
  }

  /** Waits for the promises that the callback returned.
   * @throws what it failed with */
  async answered(): Promise<void> {
    if (!this.#listener) return
    await this.#listener.answered()
    this.signal.throwIfAborted()
  }

  [Symbol.dispose](): void {
    this.#following?.[Symbol.dispose]()
  }
}
