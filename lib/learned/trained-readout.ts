import { DisposedError, WeightsError } from '../foundation/errors.js'
import { requireString } from '../foundation/validate.js'
import { demo } from '../model/demo.js'
import type { Model } from '../model/model.js'
import { addon, type NativeReadoutDescription, type ReadoutHandle } from '../native/addon.js'
import { callNative } from '../native/errors.js'

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
  get description(): NativeReadoutDescription {
    return addon().describeReadout(this.handle)
  }

  /** Writes it as safetensors with metadata. */
  async save(path: string): Promise<void> {
    await callNative(() => addon().saveReadout(this.handle, requireString('path', path)))
  }

  /** @throws WeightsError where it was trained on another model */
  requireFor(model: Model): void {
    const made = this.description
    const isOther = made.weightHash !== '' && made.weightHash !== model.weightHash
    if (made.model === model.architecture && !isOther) return
    throw new WeightsError(
      `This readout was trained on ${made.model} (weights ${made.weightHash || 'not known'}), not on this ` +
        `${model.architecture} (weights ${model.weightHash}). Load it with its model, or train one on this.`,
    )
  }

  /** Frees the native memory now. Safe to call twice. */
  dispose(): void {
    this.#disposed = true
    addon().disposeReadout(this.#handle)
  }

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
  const readout = new TrainedReadout(await callNative(() => addon().loadReadout(model.handle, file)))
  try {
    readout.requireFor(model)
    return readout
  } catch (error) {
    readout.dispose()
    throw error
  }
}
