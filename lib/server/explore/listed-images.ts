import { basename } from 'node:path'
import sharp from 'sharp'
import { readBounded } from '../../foundation/bounded-reading.js'
import { withDecoded } from '../../images/decode.js'
import { RequestFailure } from '../failure.js'
import type { ServerLimits } from '../server-options.js'

/** Names to show for the paths; where two files have the same, the second is numbered. */
export function listedImages(paths: readonly string[]): string[] {
  const times = new Map<string, number>()
  return paths.map(path => {
    const name = basename(path)
    const before = times.get(name) ?? 0
    times.set(name, before + 1)
    return before === 0 ? name : `${name} (${before + 1})`
  })
}

/** The bytes of a listed image's file.
 * @throws RequestFailure there is none at this place; ImageError it can't be read */
export async function listedImage(
  paths: readonly string[],
  index: string,
  { bodyBytes }: ServerLimits,
): Promise<Buffer> {
  return await readBounded(pathAt(paths, index), { bytes: bodyBytes, of: 'an image of the page' })
}

/** A listed image as a small WebP, cut to a square.
 * @throws RequestFailure there is none at this place; ImageError it can't be read */
export async function thumbnail(
  paths: readonly string[],
  index: string,
  { pixels }: ServerLimits,
): Promise<Buffer> {
  return await withDecoded(pathAt(paths, index), { pixels }, async ({ pixels: data, width, height }) =>
    sharp(data, { raw: { width, height, channels: 3 } })
      .resize(side, side, { fit: 'cover' })
      .webp({ quality: 80 })
      .toBuffer(),
  )
}

/** In pixels: twice what the page shows, for screens that are dense. */
const side = 240

function pathAt(paths: readonly string[], index: string): string {
  const path = /^\d{1,6}$/.test(index) ? paths[Number(index)] : undefined
  if (path !== undefined) return path
  throw new RequestFailure(
    'NOT_FOUND',
    `There is no image ${index.slice(0, 20)} on this page.`,
    'Reload the page; it lists the images that were named as it was started.',
  )
}
