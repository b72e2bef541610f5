import sharp from 'sharp'
import { toBuffer } from '../foundation/realms.js'
import { requireInteger, requireKnownKeys, requireNumber, requireString } from '../foundation/validate.js'
import { displaySize, type Picture, requirePicture } from './picture.js'
import { escapeXml } from './svg.js'

/** A rectangle in pixels of the image; `x` and `y` are its upper left corner. */
export interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

export interface BoxOptions {
  /** Any CSS colour. Default: `#00d1ff`. */
  color?: string
  /** Width of the line in pixels of the result. Default: 4. */
  lineWidth?: number
}

/** Draws rectangles, such as an object's bounding boxes, on an image. The picture is as large as that of
 * {@link renderOverlay}, so the two can stand side by side.
 * @returns a PNG
 * @throws {InvalidArgumentError} image, boxes or options are out of range */
export async function renderBoxes(
  image: Picture,
  boxes: readonly Rectangle[],
  options: BoxOptions = {},
): Promise<Buffer> {
  requireKnownKeys('renderBoxes options', options, ['color', 'lineWidth'])
  requirePicture(image)
  const color = requireString('color', options.color ?? '#00d1ff')
  const lineWidth = requireInteger('lineWidth', options.lineWidth ?? 4, 1, 100)
  const size = displaySize(image)
  const scale = { x: size.width / image.width, y: size.height / image.height }
  const lines = boxes.map(box => rectangle(box, scale))
  // A dark line under the bright one keeps the box visible on any picture.
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" fill="none">` +
    `<g stroke="#000" stroke-opacity="0.55" stroke-width="${lineWidth + 2}">${lines.join('')}</g>` +
    `<g stroke="${escapeXml(color)}" stroke-width="${lineWidth}">${lines.join('')}</g></svg>`
  return await sharp(toBuffer(image.pixels), {
    raw: { width: image.width, height: image.height, channels: 3 },
  })
    .resize(size.width, size.height, { fit: 'fill' })
    .composite([{ input: Buffer.from(svg) }])
    .png()
    .toBuffer()
}

function rectangle(box: Rectangle, scale: { x: number; y: number }): string {
  const x = requireNumber('box.x', box.x) * scale.x
  const y = requireNumber('box.y', box.y) * scale.y
  const width = requireNumber('box.width', box.width, 0) * scale.x
  const height = requireNumber('box.height', box.height, 0) * scale.y
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}"/>`
}
