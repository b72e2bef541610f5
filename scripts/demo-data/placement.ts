import sharp from 'sharp'
import { type Colour, channels, Drawing, type Palette, randomPalette, round } from './drawing.js'
import { type Box, frame, imageSize } from './layers.js'
import type { ObjectKind } from './objects.js'
import type { Random } from './random.js'

/** Share of the image's area that the object's box is given, at least and at most. */
export const areaShare = { least: 0.13, most: 0.31 } as const

/** An object drawn at its place, unlit, with the tight box of its visible pixels. */
export interface PlacedObject {
  drawing: Drawing
  content: string
  box: Box
}

/** A palette whose main colour stands off from the background. */
function contrasting(random: Random, tone: Colour): Palette {
  const [red, green, blue] = channels(tone)
  let best = randomPalette(random)
  let bestDistance = 0
  for (let attempt = 0; attempt < 6 && bestDistance < 110; attempt++) {
    const palette = randomPalette(random)
    const [r, g, b] = channels(palette.main)
    const distance = Math.hypot(r - red, g - green, b - blue)
    if (distance > bestDistance) {
      best = palette
      bestDistance = distance
    }
  }
  return best
}

/** Turns, scales and moves the object so that its box has the wished area and lies inside the image. `tone` is
 * the background's colour. */
export async function placeObject(
  kind: ObjectKind,
  stream: (name: string) => Random,
  tone: Colour,
): Promise<PlacedObject> {
  const random = stream('place')
  const turn = random.range(-kind.turn, kind.turn)
  const mirror = random.chance(0.5) ? -1 : 1
  const stretch = random.range(0.9, 1.12)
  const skew = random.range(-8, 8)
  const share = random.range(areaShare.least, areaShare.most)
  const [across, down] = [random.range(0, 1), random.range(0, 1)]
  const transform = (x: number, y: number, scale: number): string =>
    `translate(${x.toFixed(3)} ${y.toFixed(3)}) rotate(${round(turn)}) skewX(${round(skew)}) scale(${(scale * mirror * stretch).toFixed(4)} ${(scale / stretch).toFixed(4)})`

  const drawing = new Drawing()
  const palette = contrasting(stream('palette'), tone)
  const shape = kind.shape(drawing, stream('shape'), palette)
  const measure = (placed: string): Promise<Box> =>
    alphaBox(drawing.document(frame, `<g transform="${placed}">${shape}</g>`))
  const middle = imageSize / 2
  const unit = 1.3
  const first = await measure(transform(middle, middle, unit))
  const margin = 4
  const [width, height] = [first.right - first.left, first.bottom - first.top]
  const factor = Math.min(
    Math.sqrt((share * imageSize * imageSize) / (width * height)),
    (imageSize - 2 * margin) / Math.max(width, height),
  )
  const spot = (low: number, high: number, part: number): number => {
    const length = (high - low) * factor
    const start = margin + part * Math.max(0, imageSize - 2 * margin - length)
    return start - (low - middle) * factor
  }
  const placed = transform(
    spot(first.left, first.right, across),
    spot(first.top, first.bottom, down),
    unit * factor,
  )
  return { drawing, content: `<g transform="${placed}">${shape}</g>`, box: await measure(placed) }
}

/** The tight box of all pixels that are more than faintly covered. */
async function alphaBox(svg: Buffer): Promise<Box> {
  const { data, info } = await sharp(svg).ensureAlpha().extractChannel('alpha').raw().toBuffer({
    resolveWithObject: true,
  })
  const box = { left: info.width, top: info.height, right: 0, bottom: 0 }
  for (let y = 0; y < info.height; y++)
    for (let x = 0; x < info.width; x++)
      if (data[y * info.width + x]! > 16) {
        box.left = Math.min(box.left, x)
        box.right = Math.max(box.right, x + 1)
        box.top = Math.min(box.top, y)
        box.bottom = y + 1
      }
  return box
}
