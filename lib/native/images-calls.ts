import type { ByteTensor, Tensor } from './values.js'

/** The height and width of an image in pixels, or one number for both. */
export type ImageSize = number | readonly [height: number, width: number]

/** How a resized pixel is made of those around it; each antialiased, as Pillow does. */
export type Interpolation = 'bilinear' | 'bicubic' | 'lanczos'

/** Of a network that takes token ids rather than images. */
export interface TokenSettings {
  /** How many tokens it knows: ids are from 0 to below it. */
  vocabulary: number
  /** How many it takes at once; null for any number. */
  length: number | null
}

/** How a picture becomes a network's input. The defaults are torchvision's for ImageNet, which the paper uses. */
export interface Preprocessing {
  /** The picture is resized in proportion until it just covers this size, so that a number is the length of its shorter
   * side. Default 256, or as much larger than a `crop` that is no square; with `squash`, the crop. */
  resize: ImageSize
  /** A centred part of this size is cut out. Default 224. */
  crop: ImageSize
  /** Cut out `resize` pixels first and resize them to `crop`, as the IBA package's loader does. Default false. */
  cropFirst: boolean
  /** Resize to exactly `resize`, whatever the picture's proportion. Default false. */
  squash: boolean
  /** Default 'bilinear'. */
  interpolation: Interpolation
  /** The order of the input's channels. Default 'rgb'. */
  channelOrder: 'rgb' | 'bgr'
  /** Per channel in that order, after scaling to [0, 1]; one value each for a grey network. */
  mean: readonly number[]
  /** Standard deviation per channel, after scaling to [0, 1]. */
  std: readonly number[]
  /** Of a network that takes token ids, for which all else means nothing; told by the model, and can't be given. */
  tokens?: TokenSettings
}

/** A part of a picture, in pixels. */
export interface Region {
  left: number
  top: number
  width: number
  height: number
}

export interface PreprocessOptions extends Omit<Preprocessing, 'resize' | 'crop'> {
  resize: [height: number, width: number]
  crop: [height: number, width: number]
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
