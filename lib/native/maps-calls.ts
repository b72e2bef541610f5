import type { ByteTensor, Tensor } from './values.js'

/** How alike two maps are. */
export interface MapSimilarity {
  /** Mean structural similarity, down from 1. */
  ssim: number
  /** Rank correlation, −1 to 1. */
  spearman: number
}

/** How much of a map lies on an object: high is good. */
export interface BoundingBoxScore {
  /** The share of the map's n highest pixels that lie in the mask of n pixels. */
  score: number
  /** The share of the map's sum that lies in the mask; values below 0 count as 0. */
  mass: number
  /** n */
  pixels: number
}

/** Maps and masks are (H, W). */
export interface MapCalls {
  ssim(call: { a: Tensor; b: Tensor; window: number; range: number }): number
  spearman(call: { a: Tensor; b: Tensor }): number
  compareMaps(call: { original: Tensor; map: Tensor }): MapSimilarity
  localise(call: { map: Tensor; mask: ByteTensor }): BoundingBoxScore
  pointsAt(call: { map: Tensor; mask: ByteTensor; tolerance: number }): boolean
}

/** A map or a mask as native calls take it. */
export function matrix<Data>({ data, height, width }: { data: Data; height: number; width: number }) {
  return { data, shape: [height, width] }
}
