import type { HeatMap } from '../attribution/attribution.js'
import { type ColorMap, mix, type Rgb } from './colors.js'
import type { Size } from './picture.js'

/** How a value looks on the picture: its colour, and how much it covers the grey below it. */
export interface Ink {
  colors: ColorMap
  /** Cover of the strongest value, 0 to 1. */
  opacity: number
  /** Whether values below 0 are drawn too: 0 is then in the middle of the colours. */
  signed: boolean
}

/** The colour that a value (0 to 1, or -1 to 1 if signed) gives on a grey (0 to 255). Cover starts at nothing and grows
 * fast, so that weak values tint the picture and strong ones show their colour. That of signed values grows evenly: their weak
 * colours are almost white, and on a dark picture a line would seem to run wherever the sign changes. */
export function inked(value: number, grey: number, ink: Ink): Rgb {
  return mix([grey, grey, grey], colorOf(value, ink), coverOf(value, ink))
}

function colorOf(value: number, { colors, signed }: Ink): Rgb {
  return colors(signed ? (value + 1) / 2 : value)
}

function coverOf(value: number, { opacity, signed }: Ink): number {
  return opacity * (signed ? Math.abs(value) : Math.sqrt(value))
}

/** What a picture under a map is made of: nothing but numbers, so that another thread can be given it. */
export interface Blending {
  /** The picture, one byte a pixel. */
  grey: Uint8Array
  size: Size
  /** Stretched over the whole picture. */
  map: Pick<HeatMap, 'data' | 'width' | 'height'>
  /** The value that gets the strongest colour; values that aren't numbers count as 0, and so do values below 0 unless
   * they are signed. */
  maximum: number
  /** The value that gets the weakest colour, below `maximum`; signed values have theirs at 0. */
  minimum: number
  table: InkTable
}

/** RGB pixels of the grey picture under the map. */
export function blend({ grey, size, map, maximum, minimum, table }: Blending): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(size.width * size.height * 3)
  const columns = cells(size.width, map.width)
  const rows = cells(size.height, map.height)
  const lowest = table.signed ? -1 : 0
  const start = table.signed ? 0 : minimum
  const values = map.data.map(value =>
    Number.isNaN(value) ? 0 : Math.min(Math.max((value - start) / (maximum - start), lowest), 1),
  )
  let at = 0
  for (const row of rows) {
    const upper = row.first * map.width
    const lower = row.second * map.width
    for (const column of columns) {
      const above = between(values[upper + column.first]!, values[upper + column.second]!, column.amount)
      const below = between(values[lower + column.first]!, values[lower + column.second]!, column.amount)
      const value = between(above, below, row.amount)
      const level = Math.round(((value - lowest) / (1 - lowest)) * steps)
      const shade = grey[at]!
      const cover = table.cover[level]!
      for (let channel = 0; channel < 3; channel++) {
        pixels[at * 3 + channel] = shade + (table.colors[level * 3 + channel]! - shade) * cover
      }
      at++
    }
  }
  return pixels
}

// Even, so that 0 of signed values is a level of its own.
const steps = 1024

/** An ink's colours and cover for each level that is told apart. */
export interface InkTable {
  colors: Uint8Array
  cover: Float32Array
  signed: boolean
}

/** Works an ink out once for all levels: a picture has far more pixels. */
export function inkTable(ink: Ink): InkTable {
  const table = {
    colors: new Uint8Array((steps + 1) * 3),
    cover: new Float32Array(steps + 1),
    signed: ink.signed,
  }
  for (let level = 0; level <= steps; level++) {
    const value = ink.signed ? (2 * level) / steps - 1 : level / steps
    table.colors.set(colorOf(value, ink), level * 3)
    table.cover[level] = coverOf(value, ink)
  }
  return table
}

interface Cell {
  first: number
  second: number
  amount: number
}

/** For each pixel of a side the two cells of the map whose centres it lies between (bilinear). */
function cells(pixels: number, count: number): Cell[] {
  return Array.from({ length: pixels }, (_, i) => {
    const place = Math.min(Math.max(((i + 0.5) * count) / pixels - 0.5, 0), count - 1)
    const first = Math.floor(place)
    return { first, second: Math.min(first + 1, count - 1), amount: place - first }
  })
}

function between(first: number, second: number, amount: number): number {
  return first + (second - first) * amount
}
