import { mixSeeds } from '../foundation/hash.js'
import { randomIntegers } from '../foundation/random.js'
import type { DecodedImage } from './decode.js'

/** What is drawn anew for each image and epoch; without any of it images are resized and cropped as for attribution. */
export interface Augmentation {
  /** A part of 8 % to 100 % of the image, of a ratio of 3:4 to 4:3, resized to the network's input. */
  randomCrop: boolean
  /** Half of the images are mirrored. */
  flip: boolean
}

/** A part of an image, in pixels. */
export interface Region {
  left: number
  top: number
  width: number
  height: number
}

/** Which part of an image is shown, and whether mirrored. */
export interface View {
  /** Undefined: the usual one. */
  region: Region | undefined
  mirror: boolean
}

const area = { smallest: 0.08, largest: 1 }
const ratio = { smallest: 3 / 4, largest: 4 / 3 }
const tries = 10

/** Draws a view as torchvision's RandomResizedCrop and RandomHorizontalFlip do; the same seeds give the same view. */
export function drawView(
  { width, height }: Pick<DecodedImage, 'width' | 'height'>,
  { randomCrop, flip }: Augmentation,
  ...seeds: number[]
): View {
  const draw = randomIntegers(mixSeeds(...seeds))
  const uniform = (from: number, to: number) => from + (draw(2 ** 32) / 2 ** 32) * (to - from)
  return {
    mirror: flip && draw(2) === 1,
    region: randomCrop ? drawRegion(width, height, uniform, draw) : undefined,
  }
}

function drawRegion(
  width: number,
  height: number,
  uniform: (from: number, to: number) => number,
  draw: (bound: number) => number,
): Region {
  for (let i = 0; i < tries; i++) {
    const size = width * height * uniform(area.smallest, area.largest)
    const shape = Math.exp(uniform(Math.log(ratio.smallest), Math.log(ratio.largest)))
    const w = Math.round(Math.sqrt(size * shape))
    const h = Math.round(Math.sqrt(size / shape))
    if (w < 1 || h < 1 || w > width || h > height) continue
    return { left: draw(width - w + 1), top: draw(height - h + 1), width: w, height: h }
  }
  return centre(width, height)
}

/** The largest part in the middle whose ratio is allowed. */
function centre(width: number, height: number): Region {
  const w = Math.min(width, Math.round(height * ratio.largest))
  const h = Math.min(height, Math.round(width / ratio.smallest))
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h }
}
