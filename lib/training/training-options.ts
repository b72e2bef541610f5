// Written by scripts/describe-methods.ts from what the training says of itself; `npm run describe` writes it anew.
/** What can be set for the training of a readout. */
export interface TrainingOptions {
  /** A: as in the paper's text; B: wider, as in the authors' library. Default B. */
  variant?: 'A' | 'B'
  /** Conventions of the authors' library or of the paper's code; the statistics' where it isn't given. */
  preset?: 'iba' | 'paper'
  /** Smoothing of the mask in neurons, 0 for none. Default 1. */
  sigma?: number
  /** Floor of the standard deviation in the iba preset. Default 0.01. */
  minimumStd?: number
  /** Passes over the images. Default 20. */
  epochs?: number
  /** Images of a step, of each process. Default 16. */
  batch?: number
  /** Learning rate of Adam. Default 0.00001. */
  learningRate?: number
  /** The price of information: higher lets less pass. Default 10. */
  beta?: number
  /** Of first weights, order, noise and augmentation. Default 0. */
  seed?: number
  /** Show a random part of each image, 8 % to 100 % of it. Default false. */
  randomCrop?: boolean
  /** Mirror half of the images. Default false. */
  flip?: boolean
  /** Images to estimate statistics from. Default 10000. */
  samples?: number
  /** More images than this that can’t be read end the training. Default 100. */
  maximumBroken?: number
  /** Steps between checkpoints. Default 500. */
  checkpointEvery?: number
}
