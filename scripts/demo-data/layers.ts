import sharp from 'sharp'
import type { Drawing } from './drawing.js'

/** Width and height of every image, in pixels. */
export const imageSize = 224

/** A box in pixels; `right` and `bottom` are the first column and row outside. */
export interface Box {
  left: number
  top: number
  right: number
  bottom: number
}

/** The whole image. */
export const frame: Box = { left: 0, top: 0, right: imageSize, bottom: imageSize }

/** Pixels with opacity, to be laid over a picture at a place. */
export interface Layer {
  pixels: Buffer
  box: Box
}

/** The part of a box in or near the image, at whole pixels. What lies far outside is dropped; the margin keeps
 * filters from seeing the image's rim. */
export function nearImage(box: Box): Box {
  const margin = 16
  const near = (value: number): number => Math.min(imageSize + margin, Math.max(-margin, value))
  return {
    left: near(Math.floor(box.left)),
    top: near(Math.floor(box.top)),
    right: near(Math.ceil(box.right)),
    bottom: near(Math.ceil(box.bottom)),
  }
}

/** Rasterises only the part of the image that `box` covers: filters cost as much as the canvas they run on. */
export async function rasterise(drawing: Drawing, content: string, box: Box): Promise<Layer> {
  const pixels = await sharp(drawing.document(box, content)).ensureAlpha().raw().toBuffer()
  return { pixels, box }
}

/** Lays a layer over red, green and blue pixels of the whole image, in place. */
export function layOver(picture: Buffer, { pixels, box }: Layer): void {
  const width = box.right - box.left
  const left = Math.max(0, box.left)
  const right = Math.min(imageSize, box.right)
  for (let y = Math.max(0, box.top); y < Math.min(imageSize, box.bottom); y++) {
    let from = ((y - box.top) * width + left - box.left) * 4
    let to = (y * imageSize + left) * 3
    for (let x = left; x < right; x++, from += 4, to += 3) {
      const part = pixels[from + 3]! / 255
      if (part === 0) continue
      picture[to] = picture[to]! * (1 - part) + pixels[from]! * part
      picture[to + 1] = picture[to + 1]! * (1 - part) + pixels[from + 1]! * part
      picture[to + 2] = picture[to + 2]! * (1 - part) + pixels[from + 2]! * part
    }
  }
}
