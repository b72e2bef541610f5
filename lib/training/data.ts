import { invalid, requireInteger } from '../foundation/validate.js'

/** One labelled image of a data set, not read yet. */
export interface LabelledImage {
  /** What messages call it. */
  name: string
  /** The index of its class. */
  label: number
  /** Tells it from all others of the data set: its noise and its augmentation are drawn from this number. */
  id: number
  /** The path of the file, or its bytes. */
  source: string | Uint8Array
}

/** Which process of how many this is. */
export interface Share {
  /** From 0. */
  rank: number
  /** How many there are. */
  processes: number
}

/** The part of one process, or all of it where there are no others. */
export function shareOf(processes: { rank: number; size: number } | undefined): Share {
  return { rank: processes?.rank ?? 0, processes: processes?.size ?? 1 }
}

/** The epochs of what is no epoch of training. */
export const otherEpochs = { statistics: -1, validation: -2 }

/** Which batches are taken, in which order. */
export interface BatchOptions {
  /** The order of the images is drawn anew for each epoch. */
  epoch: number
  /** Draws the order. */
  seed: number
  /** Images of a batch of one process. */
  batch: number
  /** Which part of each batch this process takes. */
  share: Share
  /** Batches to pass over, which were taken before. */
  skip: number
}

/** Labelled images to train with. */
export interface TrainingData {
  /** Says what and how much it is, so that training isn't resumed with other data. */
  readonly fingerprint: string
  /** How many images there are, where that is known beforehand. */
  readonly size: number | undefined
  /** What there is to know about how they are read, in sentences. */
  readonly notes?: readonly string[]
  /** The batches of one process in one epoch, in an order that depends on the options alone. Images that don't fill a
   * batch are left out. */
  batches(options: BatchOptions): AsyncIterable<LabelledImage[]>
}

/** How many batches of each process an epoch has, where that is known beforehand. */
export function batchesPerEpoch(
  { size }: TrainingData,
  batch: number,
  processes: number,
): number | undefined {
  return size === undefined ? undefined : Math.floor(size / (batch * processes))
}

/** @throws InvalidArgumentError for a label that is no class of the network */
export function requireLabel(label: number, classes: number, name: string): number {
  if (!Number.isSafeInteger(label) || label < 0 || label >= classes) {
    throw invalid(`the label of '${name}'`, `a class of the network, 0 to ${classes - 1}`, label)
  }
  return label
}

export function requireBatchOptions({ epoch, seed, batch, share, skip }: BatchOptions): void {
  requireInteger('epoch', epoch)
  requireInteger('seed', seed, 0)
  requireInteger('batch', batch, 1)
  requireInteger('skip', skip, 0)
  requireInteger('share.rank', share.rank, 0, share.processes - 1)
}
