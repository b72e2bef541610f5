import type { ByteTensor, Tensor } from './values.js'

/** How a picture becomes a network's input. The defaults are torchvision's for ImageNet, which the paper uses. */
export interface Preprocessing {
  /** The shorter side is resized to this many pixels (antialiased bilinear, as Pillow does). Default 256. */
  resize: number
  /** A centred square of this size is cut out. Default 224. */
  crop: number
  /** Cut out `resize` pixels first and resize them to `crop`, as the IBA package's loader does. Default false. */
  cropFirst: boolean
  /** Per channel, after scaling to [0, 1]; one value each for a grey network. */
  mean: readonly number[]
  /** Standard deviation per channel, after scaling to [0, 1]. */
  std: readonly number[]
}

/** A part of a picture, in pixels. */
export interface Region {
  left: number
  top: number
  width: number
  height: number
}

export interface PreprocessOptions extends Preprocessing {
  /** Resized to `crop`, in place of the usual part. */
  region?: Region
  mirror: boolean
}

export interface ImageCalls {
  /** A picture (height, width, 3) as a network's input (C, H, W), and the same part of it to draw on (H, W, 3). */
  preprocess(call: {
    picture: ByteTensor
    options: PreprocessOptions
  }): Promise<{ input: Tensor & { shape: [number, number, number] }; pixels: ByteTensor }>
}
