import sharp from 'sharp'
import type { HeatMap } from '../attribution/attribution.js'
import { invalid, requireInteger, requireKnownKeys, requireOneOf } from '../foundation/validate.js'
import { type OverlayOptions, renderOverlay } from './overlay.js'
import { type Picture, requireHeatMap } from './picture.js'
import { largest } from './range.js'

/** A map of one step, with the words shown above it, such as `step 3`. */
export interface AnimationStep extends HeatMap {
  /** The words above the picture. Default: none. */
  label?: string
}

/** Options of {@link renderAnimation}. */
export interface AnimationOptions extends Omit<OverlayOptions, 'title'> {
  /** Default: `gif`. */
  format?: 'gif' | 'webp'
  /** How long each step shows. The last one shows five times as long. Default: 300. */
  frameMilliseconds?: number
}

/** Draws the maps of several steps as one moving picture, all on the scale of the last one unless `maximum` is given: a bottleneck
 * begins with so much information that its end would not be seen on the scale of that.
 * @returns a GIF or WebP that repeats forever
 * @throws {InvalidArgumentError} there is no map, or as {@link renderOverlay} */
export async function renderAnimation(
  image: Picture,
  maps: readonly AnimationStep[],
  options: AnimationOptions = {},
): Promise<Buffer> {
  const { format = 'gif', frameMilliseconds = 300, ...overlay } = options
  requireKnownKeys('renderAnimation options', overlay, [
    'opacity',
    'colorMap',
    'colorBar',
    'maximum',
    'minimum',
  ])
  requireOneOf('format', format, ['gif', 'webp'])
  requireInteger('frameMilliseconds', frameMilliseconds, 20, 60_000)
  if (!Array.isArray(maps) || maps.length === 0) throw invalid('maps', 'at least one map', maps)
  maps.forEach(requireHeatMap)

  const maximum = overlay.maximum ?? largest(maps.slice(-1))
  const frames: Buffer[] = []
  for (const [i, map] of maps.entries()) {
    const title = map.label ?? `step ${i + 1} of ${maps.length}`
    frames.push(await renderOverlay(image, map, { ...overlay, maximum, title }))
  }
  const delay = maps.map((_, i) => (i === maps.length - 1 ? 5 : 1) * frameMilliseconds)
  const moving = frames.length === 1 ? sharp(frames[0]) : sharp(frames, { join: { animated: true } })
  return await (format === 'gif'
    ? moving.gif({ delay, loop: 0 })
    : moving.webp({ delay, loop: 0 })
  ).toBuffer()
}
