import sharp from 'sharp'
import { type Attribution, renderAnimation, stepMaps } from '../../lib/index.js'
import { largest } from '../../lib/rendering/range.js'

/** A PNG as a WebP file, of a fraction of its bytes, since the page holds all it shows. */
export async function forPage(png: Uint8Array): Promise<Buffer> {
  return await sharp(png).webp({ quality: 88 }).toBuffer()
}

/** How a map came about, on the scale of its end: on that of the first steps, the end would not be seen. */
export async function stepsOf(attribution: Attribution): Promise<Buffer> {
  const { image, map } = attribution
  return await renderAnimation(image, stepMaps(attribution), { format: 'webp', maximum: largest([map]) })
}
