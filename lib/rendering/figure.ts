import sharp from 'sharp'
import { toBuffer } from '../foundation/realms.js'
import { type Ink, inked } from './blend.js'
import { lettering } from './lettering.js'
import type { Size } from './picture.js'
import type { text } from './svg.js'
import { labels, ticks } from './ticks.js'

/** What stands around a picture. */
export interface Frame {
  title?: string
  bar?: { ink: Ink; minimum: number; maximum: number; unit: string }
}

const margin = 16
const titleHeight = 30
const bar = { gap: 18, width: 16, labels: 10, unit: 26 }
const digitWidth = 8

/** A PNG of the picture (RGB pixels) with its title above and its colour bar beside it, on white. */
export async function drawFigure(pixels: Uint8Array, size: Size, frame: Frame): Promise<Buffer> {
  const bytes = toBuffer(pixels)
  const picture = sharp(bytes, { raw: { ...size, channels: 3 } })
  if (frame.title === undefined && frame.bar === undefined) return await picture.png().toBuffer()

  const write = await lettering()
  const left = margin
  const top = margin + (frame.title === undefined ? 0 : titleHeight)
  const width = left + size.width + (frame.bar ? bar.gap + barWidth(frame.bar) : 0) + margin
  const height = top + size.height + margin
  const decoration = [
    frame.title === undefined
      ? ''
      : write(fitted(frame.title, width - 2 * margin), left, margin + 15, { size: 16, weight: 600 }),
    frame.bar ? colorBar(write, left + size.width + bar.gap, top, size.height, frame.bar) : '',
  ]
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${decoration.join('')}</svg>`
  return await sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .composite([
      { input: Buffer.from(svg), left: 0, top: 0 },
      {
        input: bytes,
        raw: { ...size, channels: 3 },
        left,
        top,
      },
    ])
    .png()
    .toBuffer()
}

type Bar = NonNullable<Frame['bar']>

/** Width of the scale with its labels and its unit. */
function barWidth({ unit, ...scale }: Bar): number {
  const longest = Math.max(...labels(barTicks(scale)).map(label => label.length))
  return Math.ceil(bar.width + bar.labels + longest * digitWidth + (unit === '' ? 0 : bar.unit))
}

/** The values that are written beside the scale. */
function barTicks({ minimum, maximum, ink }: Omit<Bar, 'unit'>): number[] {
  if (!ink.signed) return ticks(maximum, minimum)
  const values = ticks(maximum)
  const above = values.slice(1)
  return [...above.map(value => -value).reverse(), ...values]
}

/** The scale: each colour as it looks on a middle grey, so that it can be compared with the picture. */
function colorBar(write: typeof text, x: number, top: number, height: number, scale: Bar): string {
  const { ink, maximum, unit } = scale
  const lowest = ink.signed ? -1 : 0
  const least = ink.signed ? -maximum : scale.minimum
  const stops = Array.from({ length: 33 }, (_, i) => {
    const color = inked(1 - ((1 - lowest) * i) / 32, 160, ink).join(',')
    return `<stop offset="${i / 32}" stop-color="rgb(${color})"/>`
  })
  const right = x + bar.width
  const values = barTicks(scale)
  const names = labels(values)
  const marks = values.map((value, i) => {
    const y = top + (height * (maximum - value)) / (maximum - least)
    const inside = Math.min(Math.max(y, top + 0.5), top + height - 0.5)
    return (
      `<line x1="${right}" x2="${right + 5}" y1="${inside}" y2="${inside}" stroke="#666"/>` +
      write(names[i]!, right + bar.labels, inside + 4.5, { size: 13 })
    )
  })
  return (
    `<defs><linearGradient id="scale" x1="0" y1="0" x2="0" y2="1">${stops.join('')}</linearGradient></defs>` +
    `<rect x="${x}" y="${top}" width="${bar.width}" height="${height}" fill="url(#scale)"/>` +
    marks.join('') +
    write(unit, x + barWidth(scale) - 5, top + height / 2, {
      size: 14,
      anchor: 'middle',
      turn: -90,
    })
  )
}

/** Cuts a text to what about fits into a width, at the size of a title. */
function fitted(title: string, width: number): string {
  const characters = [...title]
  const most = Math.max(8, Math.floor(width / 10))
  return characters.length <= most ? title : `${characters.slice(0, most - 1).join('')}…`
}
