import sharp, { type OverlayOptions } from 'sharp'
import type { HeatMap } from '../attribution/attribution.js'
import { toBuffer } from '../foundation/realms.js'
import { type Ink, inkTable } from './blend.js'
import { blendOnThread } from './blend-thread.js'
import { colorMap } from './color-map.js'
import { lettering } from './lettering.js'
import { type Picture, type Size, toGrey } from './picture.js'
import { shownRange } from './range.js'
import type { text } from './svg.js'

/** One map of a comparison, with what is to be said below it. */
export interface ComparedMap {
  title: string
  map: HeatMap
  facts: readonly string[]
}

/** An image of a comparison with its maps. */
export interface ComparedImage {
  title: string
  image: Picture
  facts: readonly string[]
  maps: readonly ComparedMap[]
}

const cellWidth = 224
const gap = 16
const titleHeight = 22
const lineHeight = 17
const margin = 20
const mostColumns = 7

/** A contact sheet: each image with its maps beside it, and what there is to say below each.
 * @returns a PNG */
export async function renderSheet(images: readonly ComparedImage[]): Promise<Buffer> {
  const write = await lettering()
  const most = Math.max(...images.map(({ maps }) => maps.length)) + 1
  const columns = Math.ceil(most / Math.ceil(most / mostColumns))
  const pictures: OverlayOptions[] = []
  const words: string[] = []
  let top = margin
  for (const compared of images) {
    const size = shownSize(compared.image)
    const cells = await cellsOf(compared, size)
    const lines = Math.max(...cells.map(({ facts }) => facts.length))
    const height = size.height + titleHeight + lines * lineHeight + gap
    for (const [i, { pixels, ...said }] of cells.entries()) {
      const left = margin + (i % columns) * (cellWidth + gap)
      const y = top + Math.floor(i / columns) * height
      pictures.push({ input: toBuffer(pixels), raw: { ...size, channels: 3 }, left, top: y })
      words.push(...wordsBelow(write, said, left, y + size.height))
    }
    top += Math.ceil(cells.length / columns) * height
  }
  const [width, height] = [2 * margin + columns * (cellWidth + gap) - gap, top - gap + margin]
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${words.join('')}</svg>`
  return await sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .composite([...pictures, { input: Buffer.from(svg), left: 0, top: 0 }])
    .png()
    .toBuffer()
}

interface Cell {
  title: string
  facts: readonly string[]
  pixels: Uint8Array
}

async function cellsOf({ title, facts, image, maps }: ComparedImage, size: Size): Promise<Cell[]> {
  const shown = maps.map(async ({ map, ...said }) => ({ ...said, pixels: await shownMap(image, map, size) }))
  return [{ title, facts, pixels: await shrunk(image, size) }, ...(await Promise.all(shown))]
}

function wordsBelow(
  write: typeof text,
  { title, facts }: Omit<Cell, 'pixels'>,
  left: number,
  top: number,
): string[] {
  const lines = facts.map((fact, line) =>
    write(fitted(fact), left, top + titleHeight + line * lineHeight + 12, { size: 12, color: '#666' }),
  )
  return [write(fitted(title), left, top + 17, { size: 14, weight: 600 }), ...lines]
}

function shownSize({ width, height }: Size): Size {
  return { width: cellWidth, height: Math.max(1, Math.round((cellWidth * height) / width)) }
}

/** RGB pixels of a map over its image as comparisons show it: signed maps in blue and red, others from dark to light,
 * each on a scale of its own that leaves outliers out. */
export async function shownMap(image: Picture, map: HeatMap, size: Size): Promise<Uint8Array> {
  const { signed, minimum, maximum } = shownRange(map)
  const ink: Ink = { colors: colorMap(signed ? 'blue-red' : 'inferno'), opacity: 0.9, signed }
  const grey = await toGrey(image, size)
  return await blendOnThread({ grey, size, map, maximum, minimum, table: inkTable(ink) })
}

/** RGB pixels of an image in another size. */
export async function shrunk({ pixels, width, height }: Picture, size: Size): Promise<Uint8Array> {
  return await sharp(toBuffer(pixels), { raw: { width, height, channels: 3 } })
    .resize(size.width, size.height, { fit: 'fill' })
    .raw()
    .toBuffer()
}

/** Cuts a text to what about fits below a picture. */
function fitted(text: string): string {
  const most = Math.floor(cellWidth / 7)
  return text.length <= most ? text : `…${text.slice(1 - most)}`
}
