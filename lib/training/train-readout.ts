import { existsSync } from 'node:fs'
import {
  AttributionError,
  ImageError,
  InvalidArgumentError,
  ProcessGroupError,
} from '../foundation/errors.js'
import { estimate, type Statistics } from '../learned/statistics.js'
import { loadReadout, TrainedReadout } from '../learned/trained-readout.js'
import type { Model } from '../model/model.js'
import { addon, type NativeReadoutOutcome, type ReadoutTrainerHandle } from '../native/addon.js'
import { callNative } from '../native/errors.js'
import {
  type Identity,
  identityOf,
  type Position,
  restoreCheckpoint,
  start,
  writeCheckpoint,
} from './checkpoint.js'
import { batchesPerEpoch, type Share, type TrainingData } from './data.js'
import { emptyBatch, type LoadedBatch, loadBatches } from './loading.js'
import { type Outcome, OutcomeSum, type TrainingStep } from './reports.js'
import { completeSettings, type Settings, type TrainReadoutOptions } from './settings.js'

/** The epochs of what is no epoch of training. */
const otherEpochs = { statistics: -1, validation: -2 }
const noAugmentation = { randomCrop: false, flip: false }

/** Trains a readout network for a model on labelled images (Schulz et al. 2020, section 3.3). The model doesn't change.
 *
 * What is drawn (the order of the images, their noise, their augmentation) depends on the seed and the place in the
 * training alone: on the CPU, training that is taken up again from a checkpoint ends with the same weights, bit for bit,
 * as one that was never stopped.
 * @throws InvalidArgumentError, ModelError, StatisticsError; ImageError where too many images are broken; WeightsError
 * where a checkpoint can't be written or is of another training; ProcessGroupError where another process is missing; the
 * signal's reason */
export async function trainReadout(model: Model, options: TrainReadoutOptions): Promise<TrainedReadout> {
  const settings = completeSettings(model, options)
  try {
    const training = await Training.begin(model, options, settings)
    try {
      return await training.run()
    } finally {
      training.dispose()
    }
  } catch (error) {
    throw error instanceof ProcessGroupError ? withRemedy(error, options) : error
  }
}

/** How to go on after another process was lost. */
function withRemedy(error: ProcessGroupError, { checkpoint }: TrainReadoutOptions): ProcessGroupError {
  const remedy =
    checkpoint !== undefined && existsSync(checkpoint)
      ? `Start all processes again and resume from '${checkpoint}'.`
      : 'Start all processes again; there is no checkpoint to resume from.'
  return new ProcessGroupError(`${error.message} ${remedy}`, { cause: error })
}

/** One training, from its start or a checkpoint to its end. */
class Training {
  readonly #model: Model
  readonly #options: TrainReadoutOptions
  readonly #settings: Settings
  readonly #trainer: ReadoutTrainerHandle
  readonly #identity: Identity
  readonly #neurons: number
  readonly #share: Share
  #position: Position

  private constructor(
    model: Model,
    options: TrainReadoutOptions,
    settings: Settings,
    trainer: ReadoutTrainerHandle,
    neurons: number,
    position: Position,
  ) {
    this.#model = model
    this.#options = options
    this.#settings = settings
    this.#trainer = trainer
    this.#identity = identityOf(model, options, settings)
    this.#neurons = neurons
    this.#share = shareOf(options)
    this.#position = position
  }

  static async begin(model: Model, options: TrainReadoutOptions, settings: Settings): Promise<Training> {
    const { checkpoint, resume } = options
    const resumed = resume && checkpoint !== undefined && existsSync(checkpoint) ? checkpoint : undefined
    await using readout = resumed
      ? await loadReadout(model, resumed)
      : await freshReadout(model, options, settings)
    const { beta, learningRate, precision } = settings
    const trainer = await callNative(() =>
      addon().createReadoutTrainer(model.handle, readout.handle, { beta, learningRate, precision }),
    )
    const identity = identityOf(model, options, settings)
    const position = resumed ? await restoreCheckpoint(trainer, resumed, identity) : start
    const training = new Training(model, options, settings, trainer, readout.description.neurons, position)
    // Found out before hours of work that it can't be written, rather than after them.
    if (!resumed) await training.#writeCheckpoint()
    return training
  }

  async run(): Promise<TrainedReadout> {
    const { epochs, batch, reads, layer } = this.#settings
    const stepsPerEpoch = batchesPerEpoch(this.#options.data, batch, this.#share.processes)
    if (stepsPerEpoch === 0) {
      throw new InvalidArgumentError(
        `${this.#options.data.size} images don't fill one step of ${batch * this.#share.processes}. Give more, or a smaller batch.`,
      )
    }
    const { step } = this.#position
    await this.#options.onStart?.({ step, stepsPerEpoch, reads: [...reads], layer })
    while (this.#position.epoch < epochs) await this.#epoch()
    const trained = new TrainedReadout(await callNative(() => addon().trainedReadout(this.#trainer)))
    await this.#options.processes?.meet()
    return trained
  }

  dispose(): void {
    addon().disposeReadoutTrainer(this.#trainer)
  }

  async #epoch(): Promise<void> {
    const { epoch } = this.#position
    const began = performance.now()
    const sum = new OutcomeSum()
    let waited = 0
    for await (const step of this.#steps()) {
      sum.add(step)
      waited += step.waited
      this.#options.onStep?.(step)
    }
    const seconds = (performance.now() - began) / 1000
    const validation = this.#options.validation && (await this.#validate(this.#options.validation))
    this.#position = { ...this.#position, epoch: epoch + 1, stepInEpoch: 0 }
    await this.#writeCheckpoint()
    this.#options.onEpoch?.({
      epoch: epoch + 1,
      epochs: this.#settings.epochs,
      step: this.#position.step,
      training: sum.mean(),
      ...(validation && { validation }),
      seconds,
      waited,
    })
  }

  /** The steps of the epoch that are left to do. */
  async *#steps(): AsyncGenerator<TrainingStep, void, undefined> {
    const { epoch, stepInEpoch } = this.#position
    const batches = this.#load(this.#options.data, epoch, this.#settings, stepInEpoch)
    try {
      for (;;) {
        const began = performance.now()
        const next = await batches.next()
        const waited = (performance.now() - began) / 1000
        // With others, one that has no images left still takes part, until none has.
        if (next.done && this.#share.processes === 1) return
        const outcome = await this.#step(next.value ?? emptyBatch, next.done ?? false)
        if (outcome === undefined) return
        const seconds = (performance.now() - began) / 1000
        yield { ...outcome, step: this.#position.step, epoch: epoch + 1, seconds, waited }
      }
    } finally {
      await batches.return()
    }
  }

  /** One step; undefined where no process had images left. */
  async #step(
    batch: LoadedBatch,
    isFinished: boolean,
  ): Promise<(Outcome & { gradientNorm: number }) | undefined> {
    for (const error of batch.failed) this.#options.onBroken?.(error)
    const wantsStop = this.#options.signal?.aborted ?? false
    const { step, stepInEpoch, broken } = this.#position
    const extras = [Number(wantsStop), Number(isFinished), batch.failed.length, step]
    const { processes } = this.#options
    const outcome = await callNative(() =>
      addon().readoutStep(this.#trainer, batch, extras, processes?.handle ?? null),
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
      this.#options.signal?.throwIfAborted()
      throw new AttributionError('STOPPED', 'Another process was told to stop, and all have stopped.')
    }
    if (this.#position.step % this.#settings.checkpointEvery === 0) await this.#writeCheckpoint()
    const gradientNorm = Math.hypot(...outcome.gradientNorms)
    return { ...this.#meaning(outcome), gradientNorm }
  }

  async #validate(data: TrainingData): Promise<Outcome> {
    const sum = new OutcomeSum()
    const batches = this.#load(data, otherEpochs.validation, noAugmentation, 0)
    const { processes } = this.#options
    try {
      for (;;) {
        const next = await batches.next()
        if (next.done && this.#share.processes === 1) break
        const batch = next.value ?? emptyBatch
        for (const error of batch.failed) this.#options.onBroken?.(error)
        const outcome = await callNative(() =>
          addon().evaluateReadout(this.#trainer, batch, processes?.handle ?? null),
        )
        if (outcome.images === 0) break
        sum.add(this.#meaning(outcome))
        this.#options.signal?.throwIfAborted()
      }
    } finally {
      await batches.return()
    }
    return sum.mean()
  }

  #load(
    data: TrainingData,
    epoch: number,
    augmentation: { randomCrop: boolean; flip: boolean },
    skip: number,
  ): AsyncGenerator<LoadedBatch, void, undefined> {
    const { seed, batch } = this.#settings
    const batches = data.batches({ epoch, seed, batch, share: this.#share, skip })
    const { preprocessing, classes } = this.#model
    return loadBatches(batches, { preprocessing, classes, augmentation, epoch, seed })
  }

  #meaning({ images, loss, crossEntropy, information, correct }: NativeReadoutOutcome): Outcome {
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
    await writeCheckpoint(this.#trainer, path, this.#position, this.#identity)
    onCheckpoint?.({ path, step: this.#position.step })
  }
}

function shareOf({ processes }: TrainReadoutOptions): Share {
  return { rank: processes?.rank ?? 0, processes: processes?.size ?? 1 }
}

async function freshReadout(
  model: Model,
  options: TrainReadoutOptions,
  settings: Settings,
): Promise<TrainedReadout> {
  const { layer, reads, variant, preset, sigma, minimumStd, seed } = settings
  const given = options.statistics
  for (const name of given ? [layer, ...reads] : []) given?.requireFor(model, name)
  const statistics = given ?? (await estimateAll(model, options, settings))
  try {
    const kernelSize = 2 * Math.round(2 * sigma) + 1
    const design = { layer, reads, variant, preset, sigma, kernelSize, minimumStd, seed }
    return new TrainedReadout(
      await callNative(() => addon().createReadout(model.handle, statistics.handle, design)),
    )
  } finally {
    if (!given) statistics.dispose()
  }
}

/** The statistics of all layers that are needed, from images of all processes. */
async function estimateAll(
  model: Model,
  options: TrainReadoutOptions,
  { layer, reads, preset, samples, seed }: Settings,
): Promise<Statistics> {
  const { data, processes, signal, onStatistics, onBroken, onWarning } = options
  const share = shareOf(options)
  const images = (async function* () {
    const batches = { epoch: otherEpochs.statistics, seed, batch: 1, share, skip: 0 }
    for await (const [image] of data.batches(batches)) yield image!.source
  })()
  const own = await estimate(model, {
    images,
    layers: [layer, ...reads],
    samples: Math.ceil(samples / share.processes),
    preset,
    ...(signal && { signal }),
    ...(onStatistics && { onProgress: onStatistics }),
    onError: error => onBroken?.(error),
    ...(onWarning && { onWarning }),
  })
  if (!processes) return own
  try {
    return await processes.merge(own)
  } finally {
    own.dispose()
  }
}
