/** What images gave, as means over them, those of all processes together. */
export interface Outcome {
  /** How many images. */
  images: number
  /** `crossEntropy` + β · `information`. */
  loss: number
  /** In nats. */
  crossEntropy: number
  /** Mean capacity of the bottleneck's neurons, in nats. */
  information: number
  /** What passes of an image in all, in bits. */
  bits: number
  /** Share of images that are classified as labelled behind the bottleneck. */
  accuracy: number
}

/** One step of training. */
export interface TrainingStep extends Outcome {
  /** Steps done since the start of training. */
  step: number
  /** From 1. */
  epoch: number
  /** Of all weights and biases of the readout network together. */
  gradientNorm: number
  /** How long the step took, and how much of that it waited for images. */
  seconds: number
  /** In seconds. */
  waited: number
}

/** One pass over the images. */
export interface TrainingEpoch {
  /** From 1. */
  epoch: number
  /** How many there will be. */
  epochs: number
  /** Steps done since the start of training. */
  step: number
  /** Of the images that were trained with. */
  training: Outcome
  /** Where there are images to validate with. */
  validation?: Outcome
  /** How long it took, and how much of that it waited for images. */
  seconds: number
  /** In seconds. */
  waited: number
}

/** Adds up outcomes. */
export class OutcomeSum {
  #images = 0
  #loss = 0
  #crossEntropy = 0
  #information = 0
  #bits = 0
  #correct = 0

  add(outcome: Outcome): void {
    const { images } = outcome
    this.#images += images
    this.#loss += images * outcome.loss
    this.#crossEntropy += images * outcome.crossEntropy
    this.#information += images * outcome.information
    this.#bits += images * outcome.bits
    this.#correct += images * outcome.accuracy
  }

  mean(): Outcome {
    const count = Math.max(this.#images, 1)
    return {
      images: this.#images,
      loss: this.#loss / count,
      crossEntropy: this.#crossEntropy / count,
      information: this.#information / count,
      bits: this.#bits / count,
      accuracy: this.#correct / count,
    }
  }
}
