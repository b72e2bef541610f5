/** The first frame of a GIF: where it lies in the picture, and the colour of the rest. */
export interface GifFrame {
  /** The file, less the frame's transparent colour. */
  bytes: Uint8Array
  left: number
  top: number
  right: number
  bottom: number
  /** Red, green and blue. */
  background: Uint8Array
}

const block = { extension: 0x21, graphicControl: 0xf9, image: 0x2c }
const header = 13

/** A GIF whose first frame has no transparent colour. Decoders make transparent pixels black; Pillow keeps the colour that
 * the palette has for them, and fills what the frame leaves out with it, or with the palette's first. Undefined where there
 * is no frame. */
export function opaqueGif(given: Uint8Array): GifFrame | undefined {
  const bytes = Uint8Array.from(given)
  const view = new DataView(bytes.buffer)
  let palette = hasTable(bytes[10]) ? header : undefined
  let transparent = 0
  let at = header + (palette === undefined ? 0 : tableSize(bytes[10]!))
  while (bytes[at] === block.extension) {
    if (bytes[at + 1] === block.graphicControl && bytes[at + 3]! & 1) {
      transparent = bytes[at + 6] ?? 0
      bytes[at + 3]! &= ~1
    }
    at += 2
    while (bytes[at]) at += bytes[at]! + 1
    at++
  }
  if (bytes[at] !== block.image || at + 10 > bytes.length) return undefined
  if (hasTable(bytes[at + 9])) palette = at + 10
  const [left, top, width, height] = [1, 3, 5, 7].map(offset => view.getUint16(at + offset, true)) as Four
  const colour = palette === undefined ? bytes.length : palette + 3 * transparent
  const background = new Uint8Array(3)
  background.set(bytes.subarray(colour, colour + 3))
  return { bytes, left, top, right: left + width, bottom: top + height, background }
}

/** Fills what the frame leaves out of the picture. */
export function fillAround(
  { left, top, right, bottom, background }: GifFrame,
  pixels: Uint8Array,
  width: number,
): void {
  if (left === 0 && top === 0 && right >= width && bottom * width * 3 >= pixels.length) return
  for (let i = 0; i < pixels.length / 3; i++) {
    const [x, y] = [i % width, Math.floor(i / width)]
    if (x < left || x >= right || y < top || y >= bottom) pixels.set(background, i * 3)
  }
}

type Four = [number, number, number, number]

function hasTable(flags = 0): boolean {
  return (flags & 0x80) !== 0
}

function tableSize(flags: number): number {
  return 3 * (2 << (flags & 7))
}
