import { existsSync } from 'node:fs'
import { InvalidArgumentError, ProcessGroupError } from '../foundation/errors.js'
import type { Augmentation } from '../images/augmentation.js'
import type { TrainedReadout } from '../learned/trained-readout.js'
import type { Model } from '../model/model.js'
import { requireSameTraining, resumedCheckpoint } from './agreement.js'
import { batchesPerEpoch, otherEpochs, shareOf, type TrainingData } from './data.js'
import { emptyBatch, type LoadedBatch, loadBatches } from './loading.js'
import { ReadoutTrainer } from './readout-trainer.js'
import { type Outcome, OutcomeSum, type TrainingStep } from './reports.js'
import { completeSettings, type Settings, type TrainReadoutOptions } from './settings.js'

const noAugmentation = { randomCrop: false, flip: false }

/** Trains a readout network for a model on labelled images (Schulz et al. 2020, section 3.3). The model doesn't change.
 *
 * What is drawn (the order of the images, their noise, their augmentation) depends on the seed and the place in the
 * training alone: on the CPU, training that is taken up again from a checkpoint ends with the same weights, bit for bit,
 * as one that was never stopped.
 * @throws InvalidArgumentError, ModelError, StatisticsError; ImageError where too many images are broken; WeightsError
 * where a checkpoint can't be written or is of another training; ProcessGroupError where another process is missing or was not
 * started alike; the signal's reason */
export async function trainReadout(model: Model, options: TrainReadoutOptions): Promise<TrainedReadout> {
  const settings = completeSettings(model, options)
  const resumed = resumedCheckpoint(options)
  await requireSameTraining(model, options, settings, resumed)
  try {
    const trainer = await ReadoutTrainer.open(model, options, settings, resumed)
    try {
      return await train({ model, trainer, options, settings })
    } finally {
      trainer.dispose()
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

interface Training {
  model: Model
  trainer: ReadoutTrainer
  options: TrainReadoutOptions
  settings: Settings
}

/** The epochs that are left. */
async function train(training: Training): Promise<TrainedReadout> {
  const { trainer, options, settings } = training
  const { epochs, batch, reads, layer } = settings
  const { processes: size } = shareOf(options.processes)
  const stepsPerEpoch = batchesPerEpoch(options.data, batch, size)
  if (stepsPerEpoch === 0) {
    throw new InvalidArgumentError(
      `${options.data.size} images don't fill one step of ${batch * size}. Give more, or a smaller batch.`,
    )
  }
  await options.onStart?.({ step: trainer.position.step, stepsPerEpoch, reads: [...reads], layer })
  try {
    while (trainer.position.epoch < epochs) await trainEpoch(training)
  } catch (error) {
    // One process alone stops while it waits for images, too; several stop together, after a step.
    if (size === 1 && options.signal?.aborted) await trainer.keep()
    throw error
  }
  const readout = await trainer.readout()
  await options.processes?.barrier()
  return readout
}

async function trainEpoch(training: Training): Promise<void> {
  const { trainer, options, settings } = training
  const began = performance.now()
  const sum = new OutcomeSum()
  let waited = 0
  for await (const step of steps(training)) {
    sum.add(step)
    waited += step.waited
    await options.onStep?.(step)
  }
  const seconds = (performance.now() - began) / 1000
  const validation = options.validation && (await validate(training, options.validation))
  await trainer.endEpoch()
  const { epoch, step } = trainer.position
  await options.onEpoch?.({
    epoch,
    epochs: settings.epochs,
    step,
    training: sum.mean(),
    ...(validation && { validation }),
    seconds,
    waited,
  })
}

/** The steps of the epoch that are left to do. */
async function* steps(training: Training): AsyncGenerator<TrainingStep, void, undefined> {
  const { trainer, options, settings } = training
  const { epoch, stepInEpoch } = trainer.position
  for await (const { batch, isFinished, began } of batchesOf(
    training,
    options.data,
    epoch,
    settings,
    stepInEpoch,
  )) {
    const waited = (performance.now() - began) / 1000
    const outcome = await trainer.step(batch, isFinished)
    if (outcome === undefined) return
    const seconds = (performance.now() - began) / 1000
    yield { ...outcome, step: trainer.position.step, epoch: epoch + 1, seconds, waited }
  }
}

async function validate(training: Training, data: TrainingData): Promise<Outcome> {
  const sum = new OutcomeSum()
  for await (const { batch } of batchesOf(training, data, otherEpochs.validation, noAugmentation, 0)) {
    const outcome = await training.trainer.measure(batch)
    if (outcome.images === 0) break
    sum.add(outcome)
    training.options.signal?.throwIfAborted()
  }
  return sum.mean()
}

/** The batches of this process, each with when it was asked for. With other processes, one that has no images left still
 * takes part, with empty batches, until none has any. */
async function* batchesOf(
  { model: { preprocessing, classes }, options, settings: { seed, batch } }: Training,
  data: TrainingData,
  epoch: number,
  augmentation: Augmentation,
  skip: number,
): AsyncGenerator<{ batch: LoadedBatch; isFinished: boolean; began: number }, void, undefined> {
  const share = shareOf(options.processes)
  const batches = data.batches({ epoch, seed, batch, share, skip })
  const loading = { preprocessing, classes, augmentation, epoch, seed }
  const loaded = loadBatches(batches, loading, share.processes === 1 ? options.signal : undefined)
  try {
    for (;;) {
      const began = performance.now()
      const next = await loaded.next()
      const isFinished = next.done ?? false
      if (isFinished && share.processes === 1) return
      const given = next.value ?? emptyBatch
      for (const error of given.failed) await options.onBroken?.(error)
      yield { batch: given, isFinished, began }
    }
  } finally {
    await loaded.return()
  }
}
