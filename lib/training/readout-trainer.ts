import { ImageError, InvalidArgumentError, NotFiniteError, StoppedError } from '../foundation/errors.js'
import { loadReadout, TrainedReadout } from '../learned/trained-readout.js'
import type { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/call.js'
import type { ReadoutOutcome, ReadoutTrainerHandle } from '../native/readout-training-calls.js'
import {
  type Identity,
  identityOf,
  type Position,
  restoreCheckpoint,
  start,
  writeCheckpoint,
} from './checkpoint.js'
import { type Share, shareOf } from './data.js'
import { emptyBatch, type LoadedBatch } from './loading.js'
import { newReadout } from './new-readout.js'
import type { Outcome } from './reports.js'
import type { Settings, TrainReadoutOptions } from './settings.js'

/** A readout that is trained, and how far its training is: one step, one measured batch or one checkpoint at a time. */
export class ReadoutTrainer {
  readonly #handle: ReadoutTrainerHandle
  readonly #options: TrainReadoutOptions
  readonly #settings: Settings
  readonly #identity: Identity
  readonly #neurons: number
  readonly #share: Share
  #position: Position
  /** The step of the checkpoint that is there, and the last images: what is kept is tried on them. */
  #kept: number | undefined
  #lastBatch: LoadedBatch = emptyBatch

  private constructor(
    handle: ReadoutTrainerHandle,
    options: TrainReadoutOptions,
    settings: Settings,
    identity: Identity,
    neurons: number,
    position: Position,
  ) {
    this.#handle = handle
    this.#options = options
    this.#settings = settings
    this.#identity = identity
    this.#neurons = neurons
    this.#share = shareOf(options.processes)
    this.#position = position
  }

  /** From a checkpoint, or from the start. */
  static async open(
    model: Model,
    options: TrainReadoutOptions,
    settings: Settings,
    resumed: string | undefined,
  ): Promise<ReadoutTrainer> {
    await using readout = resumed
      ? await loadReadout(model, resumed)
      : await newReadout(model, options, settings)
    const handle = await callNative(() =>
      addon().createReadoutTrainer({ model: model.handle, readout: readout.handle, options: settings }),
    )
    const identity = identityOf(model, options, settings)
    const position = resumed ? await restoreCheckpoint(handle, resumed, identity) : start
    const { neurons } = readout.description
    const trainer = new ReadoutTrainer(handle, options, settings, identity, neurons, position)
    // Found out before hours of work that it can't be written, rather than after them.
    if (resumed) trainer.#kept = position.step
    else await trainer.#writeCheckpoint()
    return trainer
  }

  get position(): Position {
    return this.#position
  }

  /** One step; undefined where no process had images left. */
  async step(
    batch: LoadedBatch,
    isFinished: boolean,
  ): Promise<(Outcome & { gradientNorm: number }) | undefined> {
    const { processes, signal } = this.#options
    const { step, stepInEpoch, broken } = this.#position
    const extras = [Number(signal?.aborted ?? false), Number(isFinished), batch.failed.length, step]
    const outcome = await this.#finite(() =>
      addon().readoutStep({ trainer: this.#handle, batch, extras, group: processes?.handle }),
    )
    this.#lastBatch = batch
    const [stopping, finished, failed, steps] = outcome.extras as [number, number, number, number]
    if (steps !== step * this.#share.processes) {
      throw new InvalidArgumentError(
        'The processes began at different steps. The checkpoint must be in a folder that all of them share.',
      )
    }
    if (finished === this.#share.processes) return undefined
    this.#position = {
      ...this.#position,
      step: step + 1,
      stepInEpoch: stepInEpoch + 1,
      broken: broken + failed,
    }
    this.#requireReadable(batch.failed)
    if (stopping > 0) {
      await this.#writeCheckpoint()
      signal?.throwIfAborted()
      throw new StoppedError('Another process was told to stop, and all have stopped.')
    }
    if (this.#position.step % this.#settings.checkpointEvery === 0) await this.#writeCheckpoint()
    return { ...this.#outcomeOf(outcome), gradientNorm: Math.hypot(...outcome.gradientNorms) }
  }

  /** What a batch gives without a step; of no images where no process had any. */
  async measure(batch: LoadedBatch): Promise<Outcome> {
    const call = { trainer: this.#handle, batch, group: this.#options.processes?.handle }
    return this.#outcomeOf(await this.#finite(() => addon().evaluateReadout(call)))
  }

  /** Writes the checkpoint unless it is of this step already. */
  async keep(): Promise<void> {
    if (this.#kept !== this.#position.step) await this.#writeCheckpoint()
  }

  async endEpoch(): Promise<void> {
    this.#position = { ...this.#position, epoch: this.#position.epoch + 1, stepInEpoch: 0 }
    await this.#writeCheckpoint()
  }

  /** A copy of what was trained so far. */
  async readout(): Promise<TrainedReadout> {
    return new TrainedReadout(await callNative(() => addon().trainedReadout({ trainer: this.#handle })))
  }

  dispose(): void {
    addon().dispose(this.#handle)
  }

  /** Native work of a training. Where its numbers are not finite, the error says at which step, and what is left. */
  async #finite<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await callNative(work)
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error
      const left =
        this.#kept === undefined
          ? 'No checkpoint was written.'
          : `The last good checkpoint, of step ${this.#kept}, is '${this.#options.checkpoint}'.`
      throw new NotFiniteError(
        `Training diverged after step ${this.#position.step}. ${error.message} ${left}`,
        { cause: error },
      )
    }
  }

  #outcomeOf({ images, loss, crossEntropy, information, correct }: ReadoutOutcome): Outcome {
    const bits = (information * this.#neurons) / Math.LN2
    return { images, loss, crossEntropy, information, bits, accuracy: images > 0 ? correct / images : 0 }
  }

  #requireReadable(failed: readonly ImageError[]): void {
    const { broken } = this.#position
    const { maximumBroken } = this.#settings
    if (broken <= maximumBroken) return
    throw new ImageError(
      `${broken} images could not be read, more than the ${maximumBroken} that are passed over.` +
        `${failed[0] ? ` The last one: ${failed[0].message}` : ''} Check the data, or allow more.`,
    )
  }

  async #writeCheckpoint(): Promise<void> {
    const { checkpoint: path, onCheckpoint } = this.#options
    // The last step may have led where no loss is finite any more: that must not replace what is good.
    await this.#finite(() => addon().evaluateReadout({ trainer: this.#handle, batch: this.#lastBatch }))
    if (path === undefined || this.#share.rank !== 0) return
    await this.#finite(() => writeCheckpoint(this.#handle, path, this.#position, this.#identity))
    this.#kept = this.#position.step
    await onCheckpoint?.({ path, step: this.#position.step })
  }
}
