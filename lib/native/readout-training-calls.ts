import type { ModelHandle } from './model-calls.js'
import type { ProcessGroupHandle } from './processes-calls.js'
import type { ReadoutHandle } from './readout-calls.js'
import type { Handle, Tensor } from './values.js'

export type ReadoutTrainerHandle = Handle<'readout trainer'>

/** Images (N, C, H, W) with a label and a noise seed each. */
export interface ReadoutBatch {
  images: Tensor
  labels: readonly number[]
  seeds: readonly number[]
}

/** Means over the images of a batch, those of all processes together; nats. */
export interface ReadoutOutcome {
  images: number
  loss: number
  crossEntropy: number
  information: number
  /** Images that were classified as labelled, behind the bottleneck. */
  correct: number
  /** Of weight and bias of the three convolutions in turn; empty for an evaluation. */
  gradientNorms: number[]
  extras: number[]
}

export interface ReadoutTrainingCalls {
  createReadoutTrainer(call: {
    model: ModelHandle
    readout: ReadoutHandle
    options: { beta: number; learningRate: number }
  }): Promise<ReadoutTrainerHandle>
  /** One step of training; `extras` are numbers that are summed over the processes on the way. */
  readoutStep(call: {
    trainer: ReadoutTrainerHandle
    batch: ReadoutBatch
    extras: readonly number[]
    group?: ProcessGroupHandle | undefined
  }): Promise<ReadoutOutcome>
  evaluateReadout(call: {
    trainer: ReadoutTrainerHandle
    batch: ReadoutBatch
    group?: ProcessGroupHandle | undefined
  }): Promise<ReadoutOutcome>
  /** A copy of what was trained so far. */
  trainedReadout(call: { trainer: ReadoutTrainerHandle }): Promise<ReadoutHandle>
  saveReadoutTraining(call: {
    trainer: ReadoutTrainerHandle
    path: string
    metadata: Readonly<Record<string, string>>
  }): Promise<void>
  /** Gives the file's metadata. */
  restoreReadoutTraining(call: {
    trainer: ReadoutTrainerHandle
    path: string
  }): Promise<Record<string, string>>
}
