import { toldLoad } from '../foundation/diagnostics.js'
import { DisposedError, WeightsError } from '../foundation/errors.js'
import { requireString } from '../foundation/validate.js'
import { demo } from '../model/demo.js'
import type { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/call.js'
import type { ReadoutDescription, ReadoutHandle } from '../native/readout-calls.js'
import { requireSameModel } from './origin.js'

/** A readout network with the statistics of the layers that it reads. */
export class TrainedReadout {
  readonly #handle: ReadoutHandle
  #disposed = false

  /** Use `loadReadout` or `trainReadout`. */
  constructor(handle: ReadoutHandle) {
    this.#handle = handle
  }

  /** @internal The native readout. @throws DisposedError after `dispose` */
  get handle(): ReadoutHandle {
    if (this.#disposed) throw new DisposedError('This readout was disposed of. Load it again to use it.')
    return this.#handle
  }

  /** The model it was trained on (the hash of its weights is empty where the file doesn't say), the conventions it
   * follows, where the bottleneck is and which layers are read. */
  get description(): ReadoutDescription {
    return addon().describeReadout({ readout: this.handle })
  }

  /** Writes it as safetensors with metadata. */
  async save(path: string): Promise<void> {
    requireString('path', path)
    await callNative(() => addon().saveReadout({ readout: this.handle, path }))
  }

  /** @throws WeightsError where it was trained on another model */
  requireFor(model: Model): void {
    requireSameModel('This readout was trained on', this.description, model, WeightsError)
  }

  /** Frees the native memory now. Safe to call twice. */
  dispose(): void {
    this.#disposed = true
    addon().dispose(this.#handle)
  }

  /** As `dispose`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose()
  }
}

/** Reads a readout for a model: what `TrainedReadout.save` or `iba train-readout` wrote, or a file that the paper's authors
 * published, such as `readout_resnet50_epoch20.torch`; 'demo' means that of the demo network.
 * @throws WeightsError where the file is broken or of another model */
export async function loadReadout(model: Model, path: string): Promise<TrainedReadout> {
  requireString('path', path)
  const file = path === 'demo' ? demo.readout : path
  const load = () => callNative(() => addon().loadReadout({ model: model.handle, path: file }))
  const readout = new TrainedReadout(await toldLoad('readout', file, load))
  try {
    readout.requireFor(model)
    return readout
  } catch (error) {
    readout.dispose()
    throw error
  }
}
