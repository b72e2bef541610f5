import type { ModelHandle } from './model-calls.js'
import type { NativeTarget } from './target.js'
import type { ByteTensor, Cancellable, InputTensor, Tensor } from './values.js'

/** The softmax probability of a class at each point of `shares`. */
export interface DegradationCurves {
  /** The tiles of the highest mean in the map go first. */
  mostRelevantFirst: ArrayLike<number>
  /** The tiles of the lowest mean in the map go first. */
  leastRelevantFirst: ArrayLike<number>
}

/** What became of one image's prediction. */
export interface ImageDegradation {
  /** The index of the explained class; -1 for another target. */
  target: number
  /** The class predicted for the image as it is. */
  top1: number
  /** The degraded share of the image at each point, 0 to 1. */
  shares: ArrayLike<number>
  /** The curves of the explained class. */
  ofTarget: DegradationCurves
  /** The curves of the class predicted for the image as it is. */
  ofTop1: DegradationCurves
}

/** The target's softmax probability as pixels come and go, the most relevant first. */
export interface ImageInsertionDeletion {
  /** The index of the class that is looked at; -1 for another target. */
  target: number
  /** The changed share of the pixels at each point, 0 to 1. */
  shares: ArrayLike<number>
  /** The probability at each point, as pixels are put into a blurred image. */
  insertion: ArrayLike<number>
  /** The probability at each point, as pixels are set to 0. */
  deletion: ArrayLike<number>
  /** The area under `insertion`: high is good. */
  insertionArea: number
  /** The area under `deletion`: low is good. */
  deletionArea: number
}

/** The probability of a class as an image's regions are replaced, one after another. */
export interface RegionCurves {
  /** The index of the class that is looked at; -1 for another target. */
  target: number
  /** How many regions the image has. */
  regions: number
  /** The replaced share of the regions at each point, 0 to 1. */
  shares: ArrayLike<number>
  /** The target's softmax probability at each point; `leastRelevantFirst` is empty unless it was asked for. */
  probability: DegradationCurves
}

/** What becomes of one image's prediction as a share of its pixels is imputed. */
export interface ImageRoad {
  /** The index of the class that is looked at; -1 for another target. */
  target: number
  /** Its softmax probability for the image as it is. */
  clean: number
  /** Its softmax probability at each share. */
  probability: DegradationCurves
  /** At each share 1 where it is the predicted class, else 0. */
  kept: DegradationCurves
}

/** A square Gaussian kernel of an odd number of pixels. */
export interface NativeBlur {
  size: number
  deviation: number
  tails: 'cut' | 'folded'
  border: 'zero' | 'mirror'
}

/** How regions are replaced: by a baseline of Occlusion's, `most` of them, in the other order as well. */
export interface NativeReplacement {
  baseline: string
  seed: number
  most: number
  bothEnds: boolean
}

/** One image under the masks of one n: the fall of the target's logit where the masked pixels are 0, and the sum of the
 * map in each mask. */
export interface MaskedDrops {
  /** The index of the class that is looked at; -1 for another target. */
  target: number
  /** For each mask, the fall of the target's logit. */
  drop: ArrayLike<number>
  /** For each mask, the sum of the map inside. */
  relevance: ArrayLike<number>
  /** Pearson's correlation of both; 0 where one of them is constant. */
  correlation: number
}

/** The mean squared gap of one image: low is good. */
export interface ImageInfidelity {
  /** The index of the class that is looked at; -1 for another target. */
  target: number
  /** With the map as it is. */
  value: number
  /** With the map times the factor that makes it least, which is what maps of other scales are compared by. */
  scaled: number
}

/** One image (C, H, W) with its map (H, W), and how its changed versions are run. */
export interface NativeSubject {
  model: ModelHandle
  image: Tensor
  map: Tensor
  /** -1: the predicted class. */
  target: NativeTarget
  /** Images that go through the network together; by default as many as suit the device. */
  rows?: number | undefined
}

export type SubjectCall = { subject: NativeSubject } & Cancellable

export interface EvaluationCalls {
  degradation(call: SubjectCall & { tile: number; points: number }): Promise<ImageDegradation>
  /** `deleted`: what the channels of a deleted pixel are. */
  insertionDeletion(
    call: SubjectCall & { step: number; blur: NativeBlur; deleted: readonly number[] },
  ): Promise<ImageInsertionDeletion>
  replaceTiles(call: SubjectCall & NativeReplacement & { tile: number }): Promise<RegionCurves>
  /** Segments are (H, W), each pixel's number. */
  replaceSegments(call: SubjectCall & NativeReplacement & { segments: Tensor }): Promise<RegionCurves>
  road(call: SubjectCall & { shares: readonly number[]; noise: number; seed: number }): Promise<ImageRoad>
  /** Of an image (H, W, 3), the number of each pixel's superpixel (H, W). */
  superpixels(call: { image: ByteTensor; count: number; compactness: number }): Tensor
  /** The target's probability for each of some images (N, C, H, W) or texts, or its score where it has none; the first one
   * settles the target. */
  strengths(call: {
    model: ModelHandle
    images: InputTensor
    target: NativeTarget
  }): Promise<{ target: number; strengths: number[] }>
  /** Masks are (count, tiles). */
  maskedDrops(call: SubjectCall & { masks: ByteTensor; tile: number }): Promise<MaskedDrops>
  infidelity(
    call: SubjectCall & { deviation: number; samples: number; sharedNoise: boolean; seed: number },
  ): Promise<ImageInfidelity>
  /** One number for each mask. */
  relevanceInMasks(call: { map: Tensor; masks: ByteTensor; tile: number }): number[]
  randomMasks(call: { tiles: number; chosen: number; count: number; seed: number }): ByteTensor
  /** Images (count, C, H, W) around one. */
  neighbours(call: { image: Tensor; radius: number; count: number; seed: number }): Tensor
}
