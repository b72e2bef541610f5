import { existsSync } from 'node:fs'
import { ImageError, InvalidArgumentError, StoppedError } from '../foundation/errors.js'
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
import type { LoadedBatch } from './loading.js'
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

  /** From the checkpoint to resume from, where there is one, or else from the start. */
  static async open(model: Model, options: TrainReadoutOptions, settings: Settings): Promise<ReadoutTrainer> {
    const { checkpoint, resume } = options
    const resumed = resume && checkpoint !== undefined && existsSync(checkpoint) ? checkpoint : undefined
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
    if (!resumed) await trainer.#writeCheckpoint()
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
    const outcome = await callNative(() =>
      addon().readoutStep({ trainer: this.#handle, batch, extras, group: processes?.handle }),
    )
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
    return this.#outcomeOf(await callNative(() => addon().evaluateReadout(call)))
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
    if (path === undefined || this.#share.rank !== 0) return
    await writeCheckpoint(this.#handle, path, this.#position, this.#identity)
    onCheckpoint?.({ path, step: this.#position.step })
  }
}
