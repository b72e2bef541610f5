import type { XMLParser } from 'fast-xml-parser'
import { type ReadingLimit, readBoundedText } from '../foundation/bounded-reading.js'
import { DatasetError } from '../foundation/errors.js'
import { fileReason } from '../foundation/files.js'
import { completePreprocessing, type Preprocessing, preprocess } from '../images/preprocess.js'
import { sides } from '../images/size.js'

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

/** Where an image's objects are: boxes; or the path of an ILSVRC annotation that holds them; or boxes in pixels. All are
 * of the image as its file holds it, before an EXIF orientation turns it. */
export type Boxes = readonly Box[] | string | PixelBoxes

/** Boxes in pixels in place of shares. */
export interface PixelBoxes {
  /** Their sides, in pixels of the image as its file holds it. */
  readonly pixels: readonly Box[]
}

/** A decoded image, and how it was turned. */
interface DecodedSize {
  width: number
  height: number
  orientation: number
}

const limit: ReadingLimit = { bytes: 2 ** 22, of: 'an annotation' }
let parser: Promise<XMLParser> | undefined

/** Made for the first annotation: its library would slow down the start of every command. */
function annotationParser(): Promise<XMLParser> {
  parser ??= import('fast-xml-parser').then(
    ({ XMLParser }) =>
      new XMLParser({ isArray: name => name === 'object' || name === 'bndbox', parseTagValue: false }),
  )
  return parser
}

/** The boxes of all objects of an ILSVRC annotation, as shares of the size that it states. Without an object there is none.
 * @param image the size of the image as its file holds it, for annotations that state none
 * @throws DatasetError */
export async function readBoxes(path: string, image?: { width: number; height: number }): Promise<Box[]> {
  const text = await readBoundedText(path, limit).catch(error => {
    throw new DatasetError(`Can't read the annotation '${path}': ${fileReason(error)}`, { cause: error })
  })
  try {
    const { annotation } = (await annotationParser()).parse(text) as { annotation: Annotation }
    const stated = statedSize(annotation)
    const objects = annotation.object ?? []
    if (objects.length === 0) return []
    const { width, height } = stated ?? image ?? { width: 0, height: 0 }
    if (width === 0 || height === 0) throw new AnnotationError('it states no size of the image')
    return objects.flatMap(({ bndbox }) => bndbox.map(box => toShares(toBox(box), width, height)))
  } catch (error) {
    throw new DatasetError(
      `'${path}' is no ILSVRC annotation: expected <annotation> with <size> and <object><bndbox> in pixels` +
        `${error instanceof AnnotationError ? `, but ${error.message}` : ''}.`,
      { cause: error },
    )
  }
}

/** The boxes of a decoded image, turned along with it.
 * @throws DatasetError for an annotation that can't be read */
export async function boxesOf(boxes: Boxes, image: DecodedSize): Promise<Box[]> {
  const { width, height, orientation } = image
  const stored = isTransposed(orientation) ? { width: height, height: width } : { width, height }
  const read =
    typeof boxes === 'string'
      ? await readBoxes(boxes, stored)
      : 'pixels' in boxes
        ? boxes.pixels.map(box => toShares(box, stored.width, stored.height))
        : boxes
  return read.map(box => turned(box, orientation))
}

class AnnotationError extends Error {}

interface Annotation {
  size?: { width?: string; height?: string }
  object?: { bndbox: AnnotatedBox[] }[]
}

type AnnotatedBox = Record<'xmin' | 'ymin' | 'xmax' | 'ymax', string>

function statedSize({ size }: Annotation): { width: number; height: number } | undefined {
  const [width, height] = [toPixels(size?.width ?? '0'), toPixels(size?.height ?? '0')]
  return width > 0 && height > 0 ? { width, height } : undefined
}

function toBox({ xmin, ymin, xmax, ymax }: AnnotatedBox): Box {
  const box = { left: toPixels(xmin), top: toPixels(ymin), right: toPixels(xmax), bottom: toPixels(ymax) }
  if (box.left > box.right) throw new AnnotationError(`xmin is ${xmin} and xmax ${xmax}`)
  if (box.top > box.bottom) throw new AnnotationError(`ymin is ${ymin} and ymax ${ymax}`)
  return box
}

function toShares({ left, top, right, bottom }: Box, width: number, height: number): Box {
  return { left: left / width, top: top / height, right: right / width, bottom: bottom / height }
}

/** Where a box lies once an image is turned as its EXIF orientation says. */
function turned(box: Box, orientation: number): Box {
  const { left, top, right, bottom } = isTransposed(orientation)
    ? { left: box.top, top: box.left, right: box.bottom, bottom: box.right }
    : box
  const mirrorsX = [2, 3, 6, 7].includes(orientation)
  const mirrorsY = [3, 4, 7, 8].includes(orientation)
  return {
    left: mirrorsX ? 1 - right : left,
    right: mirrorsX ? 1 - left : right,
    top: mirrorsY ? 1 - bottom : top,
    bottom: mirrorsY ? 1 - top : bottom,
  }
}

function isTransposed(orientation: number): boolean {
  return orientation >= 5
}

/** The union of boxes on an image of a size, resized and cropped as the image itself is. What lies
 * beyond the image is cut off. A pixel belongs to the mask where more than half of it is covered. */
export async function seenMask(
  boxes: readonly Box[],
  { width, height }: { width: number; height: number },
  preprocessing: Partial<Preprocessing>,
): Promise<SeenMask> {
  const pixels = new Uint8Array(width * height * 3)
  for (const { left, top, right, bottom } of boxes) {
    const [begin, end] = [toIndex(left, width), toIndex(right, width)]
    for (let y = toIndex(top, height); y < toIndex(bottom, height); y++)
      pixels.fill(255, (y * width + begin) * 3, (y * width + Math.max(begin, end)) * 3)
  }
  const settings = completePreprocessing({ ...preprocessing, mean: [0], std: [1] }, 1)
  const [seenHeight, seenWidth] = sides(settings.crop)
  const { data } = (await preprocess({ pixels, width, height }, { ...settings, mirror: false })).input
  return {
    data: Uint8Array.from(data, value => (value > 0.5 ? 1 : 0)),
    width: seenWidth,
    height: seenHeight,
    share: data.reduce((sum, value) => sum + value, 0) / data.length,
  }
}

/** A share of an extent as a whole number of pixels, cut off; of what was whole pixels, these again. */
function toIndex(share: number, extent: number): number {
  return Math.min(Math.max(Math.floor(share * extent + 1e-6), 0), extent)
}

function toPixels(text: string): number {
  const value = Number(text)
  if (!/\d/.test(text) || !Number.isFinite(value)) throw new AnnotationError(`'${text}' is no number`)
  return value
}
