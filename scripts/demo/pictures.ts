import sharp from 'sharp'
import { type Attribution, renderAnimation, stepMaps } from '../../lib/index.js'

/** A PNG as a WebP file, of a fraction of its bytes, since the page holds all it shows. */
export async function forPage(png: Uint8Array): Promise<Buffer> {
  return await sharp(png).webp({ quality: 88 }).toBuffer()
}

/** How a map came about. */
export async function stepsOf(attribution: Attribution): Promise<Buffer> {
  return await renderAnimation(attribution.image, stepMaps(attribution), { format: 'webp' })
}
