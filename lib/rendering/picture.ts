import { types } from 'node:util'
import sharp from 'sharp'
import type { HeatMap } from '../attribution/attribution.js'
import { toBuffer } from '../foundation/realms.js'
import { invalid, requireInteger } from '../foundation/validate.js'
import type { Picture } from '../images/decode.js'

export type { Picture }

export interface Size {
  width: number
  height: number
}

/** The size a picture is shown in: its longer side between 448 and 1024 pixels. */
export function displaySize({ width, height }: Size): Size {
  const longer = Math.max(width, height)
  const scale = Math.min(Math.max(longer, 448), 1024) / longer
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** The picture in grey, one byte a pixel, in another size. */
export async function toGrey({ pixels, width, height }: Picture, size: Size): Promise<Uint8Array> {
  return await sharp(toBuffer(pixels), { raw: { width, height, channels: 3 } })
    .resize(size.width, size.height, { fit: 'fill' })
    .greyscale()
    .raw()
    .toBuffer()
}

export function requirePicture(picture: Picture): void {
  requireInteger('image.width', picture.width, 1)
  requireInteger('image.height', picture.height, 1)
  const expected = picture.width * picture.height * 3
  if (!types.isUint8Array(picture.pixels) || picture.pixels.length !== expected) {
    throw invalid('image.pixels', `a Uint8Array of ${expected} bytes (RGB)`, picture.pixels)
  }
}

export function requireHeatMap(map: HeatMap): void {
  requireInteger('map.width', map.width, 1)
  requireInteger('map.height', map.height, 1)
  const expected = map.width * map.height
  if (!types.isFloat32Array(map.data) || map.data.length !== expected) {
    throw invalid('map.data', `a Float32Array of ${expected} values`, map.data)
  }
}
