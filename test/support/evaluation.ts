import type { HeatMap, PreparedImage } from '../../lib/index.js'
import { seededNormal } from '../../scripts/testing/module.js'
import { noiseImages } from './small-model.js'

/** The side of the images in pixels. */
export const size = 64
export const images = noiseImages(2)
export const maps = images.map((_, i) => noiseMap(`map ${i}`))

export function noiseMap(name: string, side = size): HeatMap {
  return {
    data: seededNormal(name, 0, [side, side]),
    width: side,
    height: side,
    unit: 'relative',
  }
}

/** Each pixel of an image changed where `change` says so. */
export function changed(
  image: PreparedImage,
  change: (value: number, pixel: number, channel: number) => number,
) {
  const pixels = size * size
  const data = image.data.map((value, i) => change(value, i % pixels, Math.floor(i / pixels)))
  return { ...image, data }
}

export function softmax(logits: ArrayLike<number>, target: number): number {
  const sum = Array.from(logits).reduce((total, value) => total + Math.exp(value), 0)
  return Math.exp(logits[target]!) / sum
}

export function closeTo(a: number, b: number, tolerance: number): boolean {
  return Math.abs(a - b) <= tolerance
}
