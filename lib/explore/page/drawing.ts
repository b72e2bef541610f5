import { blend, inkTable } from '../../rendering/blend.js'
import { type ColorMap, type ColorMapName, colorsOf } from '../../rendering/colors.js'
import { isSigned, largest, leastShown } from '../../rendering/range.js'
import { type Explanation, fromBase64, type MapData } from './api.js'

/** The colours that a reader can choose for maps without values below 0. */
export type MapColors = Exclude<ColorMapName, 'blue-red'>

export const mapColors: readonly { name: MapColors; title: string }[] = [
  { name: 'inferno', title: 'Inferno' },
  { name: 'viridis', title: 'Viridis' },
  { name: 'cividis', title: 'Cividis' },
]

/** What the network saw, to draw on: grey values, and the picture itself. */
export interface Ground {
  bitmap: ImageBitmap
  grey: Uint8Array
  width: number
  height: number
}

/** How a map is inked. */
export interface Inking {
  colors: ColorMap
  maximum: number
  /** Where colours begin, of a map without signs. */
  minimum: number
  signed: boolean
}

/** Prepares a picture (a PNG in base64) to be drawn on, at least as wide as is shown. */
export async function groundOf(png: string): Promise<Ground> {
  const bitmap = await createImageBitmap(new Blob([fromBase64(png)], { type: 'image/png' }))
  const scale = Math.max(1, Math.ceil(640 / Math.max(bitmap.width, bitmap.height)))
  const [width, height] = [bitmap.width * scale, bitmap.height * scale]
  const { data } = drawn(bitmap, width, height)
  const grey = new Uint8Array(width * height)
  for (let i = 0; i < grey.length; i++)
    grey[i] = 0.2126 * data[4 * i]! + 0.7152 * data[4 * i + 1]! + 0.0722 * data[4 * i + 2]!
  return { bitmap, grey, width, height }
}

/** Colours and scale of a map. */
export function inkingOf({ map, unit }: Pick<Explanation, 'map' | 'unit'>, name: MapColors): Inking {
  const signed = isSigned(map)
  const colors = colorsOf(signed ? 'blue-red' : name)
  return {
    colors,
    maximum: largest([map], signed),
    minimum: signed ? 0 : leastShown({ ...map, unit }),
    signed,
  }
}

/** What the ends of its scale are, in words. */
export function endsOf({ maximum, minimum, signed }: Inking): { least: string; most: string } {
  const text = (value: number) => value.toLocaleString('en', { maximumSignificantDigits: 2 })
  return { least: signed ? `−${text(maximum)}` : text(minimum), most: text(maximum) }
}

/** Draws a map over the grey picture. */
export function drawMap(
  canvas: HTMLCanvasElement,
  ground: Ground,
  map: MapData,
  inking: Inking,
  opacity: number,
): void {
  const { grey, width, height } = ground
  canvas.width = width
  canvas.height = height
  const table = inkTable({ ...inking, opacity })
  const { maximum, minimum } = inking
  const rgb = blend({ grey, size: { width, height }, map, maximum, minimum, table })
  const image = new ImageData(width, height)
  for (let i = 0; i < width * height; i++) {
    image.data[4 * i] = rgb[3 * i]!
    image.data[4 * i + 1] = rgb[3 * i + 1]!
    image.data[4 * i + 2] = rgb[3 * i + 2]!
    image.data[4 * i + 3] = 255
  }
  canvas.getContext('2d')!.putImageData(image, 0, 0)
}

/** Draws what is left where only some pixels are kept, on the colour that means nothing to the network. */
export function drawPart(
  canvas: HTMLCanvasElement,
  { bitmap }: Ground,
  isKept: (pixel: number) => boolean,
  fill: readonly number[],
): void {
  const { width, height } = bitmap
  canvas.width = width
  canvas.height = height
  const image = drawn(bitmap, width, height)
  for (let pixel = 0; pixel < width * height; pixel++) {
    if (isKept(pixel)) continue
    for (let channel = 0; channel < 3; channel++)
      image.data[4 * pixel + channel] = fill[channel] ?? fill[0] ?? 128
  }
  canvas.getContext('2d')!.putImageData(image, 0, 0)
}

function drawn(bitmap: ImageBitmap, width: number, height: number): ImageData {
  const context = new OffscreenCanvas(width, height).getContext('2d')!
  context.imageSmoothingQuality = 'high'
  context.drawImage(bitmap, 0, 0, width, height)
  return context.getImageData(0, 0, width, height)
}

/** What is marked of a map: the strongest pixels. */
export interface Marked {
  share: number
  /** Values from here on are in it. */
  threshold: number
  /** Of the map's sum, 0 to 1. */
  part: number
}

/** The strongest share (0 to 1) of a map's pixels. */
export function markedOf({ data }: MapData, share: number): Marked {
  const sorted = data.slice().sort()
  const count = Math.max(1, Math.round(share * data.length))
  const threshold = sorted[sorted.length - count]!
  const sum = (values: Float32Array) => values.reduce((total, value) => total + Math.max(0, value), 0)
  return { share, threshold, part: sum(sorted.subarray(sorted.length - count)) / (sum(sorted) || 1) }
}

/** The line around what is marked, as the path of an SVG in pixels of the map (marching squares). */
export function contourOf({ data, width, height }: MapData, threshold: number): string {
  const value = (x: number, y: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? -Infinity : data[y * width + x]!
  const cut = (a: number, b: number) =>
    Number.isFinite(a) && Number.isFinite(b) ? (threshold - a) / (b - a) : 0.5
  const isInside = (corner: number) => corner >= threshold
  const path: string[] = []
  for (let y = -1; y < height; y++) {
    for (let x = -1; x < width; x++) {
      const a = value(x, y)
      const b = value(x + 1, y)
      const c = value(x + 1, y + 1)
      const d = value(x, y + 1)
      // Almost all cells end here, before anything is made for them: the line follows a map while its steps come.
      if (isInside(a) === isInside(b) && isInside(a) === isInside(c) && isInside(a) === isInside(d)) continue
      const places = [
        isInside(a) !== isInside(b) && [x + 0.5 + cut(a, b), y + 0.5],
        isInside(b) !== isInside(c) && [x + 1.5, y + 0.5 + cut(b, c)],
        isInside(c) !== isInside(d) && [x + 0.5 + cut(d, c), y + 1.5],
        isInside(d) !== isInside(a) && [x + 0.5, y + 0.5 + cut(a, d)],
      ].filter(place => place !== false)
      for (let i = 0; i + 1 < places.length; i += 2)
        path.push(`M${places[i]!.map(short).join(' ')}L${places[i + 1]!.map(short).join(' ')}`)
    }
  }
  return path.join('')
}

/** What lies in a circle of a map. */
export function withinCircle(
  { data, width, height }: MapData,
  centre: { x: number; y: number },
  radius: number,
): { value: number; sum: number; part: number } {
  let [sum, all] = [0, 0]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = Math.abs(data[y * width + x]!)
      all += value
      if ((x + 0.5 - centre.x) ** 2 + (y + 0.5 - centre.y) ** 2 <= radius ** 2) sum += value
    }
  }
  const column = Math.min(width - 1, Math.max(0, Math.floor(centre.x)))
  const row = Math.min(height - 1, Math.max(0, Math.floor(centre.y)))
  return { value: data[row * width + column]!, sum, part: all === 0 ? 0 : sum / all }
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100)
}
