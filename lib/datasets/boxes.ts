import { readFile } from 'node:fs/promises'
import { XMLParser } from 'fast-xml-parser'
import { DatasetError } from '../foundation/errors.js'
import { fileReason } from '../foundation/files.js'
import { type Preprocessing, preprocess } from '../images/preprocess.js'

/** The place of an object, as shares of the image's width and height. */
export interface Box {
  /** 0 is the left edge of the image, 1 the right one. */
  left: number
  /** 0 is the upper edge of the image, 1 the lower one. */
  top: number
  /** Just outside of the box. */
  right: number
  /** Just outside of the box. */
  bottom: number
}

/** Where an object is in an image: 1 on its pixels, else 0, row by row. */
export interface ObjectMask {
  /** height × width values, row by row. */
  data: Uint8Array
  /** In pixels. */
  width: number
  /** In pixels. */
  height: number
}

/** A mask as the network sees the image. */
export interface SeenMask extends ObjectMask {
  /** The share of the image that the boxes cover, edges counted in part. */
  share: number
}

const parser = new XMLParser({ isArray: name => name === 'object', parseTagValue: false })

/** The boxes of all objects of an ILSVRC annotation.
 * @throws DatasetError */
export async function readBoxes(path: string): Promise<Box[]> {
  const text = await readFile(path, 'utf8').catch(error => {
    throw new DatasetError(`Can't read the annotation '${path}': ${fileReason(error)}`, { cause: error })
  })
  try {
    const { annotation } = parser.parse(text) as { annotation: Annotation }
    const [width, height] = [toPixels(annotation.size.width), toPixels(annotation.size.height)]
    return annotation.object.map(({ bndbox: { xmin, ymin, xmax, ymax } }) => ({
      left: toPixels(xmin) / width,
      top: toPixels(ymin) / height,
      right: toPixels(xmax) / width,
      bottom: toPixels(ymax) / height,
    }))
  } catch (error) {
    throw new DatasetError(
      `'${path}' is no ILSVRC annotation: expected <annotation> with <size> and <object><bndbox> of whole pixels.`,
      { cause: error },
    )
  }
}

interface Annotation {
  size: { width: string; height: string }
  object: { bndbox: { xmin: string; ymin: string; xmax: string; ymax: string } }[]
}

/** The union of boxes on an image of a size, resized and cropped as the image itself is. A pixel belongs to the mask
 * where more than half of it is covered. */
export async function seenMask(
  boxes: readonly Box[],
  { width, height }: { width: number; height: number },
  { resize, crop, cropFirst }: Preprocessing,
): Promise<SeenMask> {
  const pixels = new Uint8Array(width * height * 3)
  for (const { left, top, right, bottom } of boxes) {
    const [begin, end] = [Math.trunc(left * width), Math.trunc(right * width)]
    for (let y = Math.trunc(top * height); y < Math.trunc(bottom * height); y++)
      pixels.fill(255, (y * width + begin) * 3, (y * width + end) * 3)
  }
  const settings = { resize, crop, cropFirst, mean: [0], std: [1], mirror: false }
  const { data } = (await preprocess({ pixels, width, height }, settings)).input
  return {
    data: Uint8Array.from(data, value => (value > 0.5 ? 1 : 0)),
    width: crop,
    height: crop,
    share: data.reduce((sum, value) => sum + value, 0) / data.length,
  }
}

function toPixels(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`'${text}' is no whole number`)
  return Number(text)
}
