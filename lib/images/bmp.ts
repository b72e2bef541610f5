/** Why a BMP can't be decoded. */
export class BmpError extends Error {}

/** What the header of a BMP says. */
export interface BmpHeader {
  width: number
  height: number
  isTopDown: boolean
  /** Bits of a pixel. */
  depth: number
  compression: number
  palette: { begin: number; entry: number; colours: number }
  /** Which bits of a pixel are red, green and blue. */
  masks: readonly number[]
  /** Where the pixels are. */
  begin: number
}

const compressions = { none: 0, rle8: 1, rle4: 2, masks: 3, alphaMasks: 6 }
const fileHeader = 14
/** The header of OS/2, with sizes of 16 bits and palettes without a fourth byte. */
const coreHeader = 12
const usualHeader = 40
const maskedHeader = 52

/** @throws BmpError */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const view = viewOf(bytes)
  if (bytes.length < fileHeader + coreHeader) throw new BmpError('it ends within its header')
  const size = view.getUint32(fileHeader, true)
  const isCore = size === coreHeader
  if (!isCore && (size < usualHeader || bytes.length < fileHeader + usualHeader))
    throw new BmpError('its header is damaged')

  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true)
  const height = isCore ? view.getUint16(20, true) : view.getInt32(22, true)
  const depth = view.getUint16(isCore ? 24 : 28, true)
  const compression = isCore ? compressions.none : view.getUint32(30, true)
  if (width < 1 || height === 0) throw new BmpError('its size is impossible')
  if (![1, 2, 4, 8, 16, 24, 32].includes(depth)) throw new BmpError(`it has ${depth} bits for each pixel`)
  const isMasked = compression === compressions.masks || compression === compressions.alphaMasks
  const masks = isMasked
    ? [54, 58, 62].map(at => (at + 4 <= bytes.length ? view.getUint32(at, true) : 0))
    : depth === 16
      ? [0x7c00, 0x3e0, 0x1f]
      : [0xff0000, 0xff00, 0xff]
  const masksBehind =
    isMasked && size < maskedHeader ? (compression === compressions.alphaMasks ? 16 : 12) : 0
  const given = isCore ? 0 : view.getUint32(46, true)
  return {
    width,
    height: Math.abs(height),
    isTopDown: height < 0,
    depth,
    compression,
    palette: {
      begin: fileHeader + size + masksBehind,
      entry: isCore ? 3 : 4,
      colours: depth > 8 ? 0 : Math.min(given || 256, 2 ** depth),
    },
    masks,
    begin: view.getUint32(10, true),
  }
}

/** The pixels of a BMP as RGB, row by row from the top. The fourth byte of a pixel is left out, as Pillow leaves it.
 * @throws BmpError */
export function decodeBmp(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { compression, depth } = header
  if (
    (compression === compressions.rle8 && depth === 8) ||
    (compression === compressions.rle4 && depth === 4)
  )
    return fromIndices(bytes, header, expandRuns(bytes, header))
  const isPlain = [compressions.none, compressions.masks, compressions.alphaMasks].includes(compression)
  if (!isPlain) throw new BmpError(`its compression ${compression} is not read`)
  const rowSize = Math.ceil((header.width * depth) / 32) * 4
  if (header.begin + rowSize * header.height > bytes.length) throw new BmpError('it ends too early')
  return depth <= 8
    ? fromIndices(bytes, header, unpackIndices(bytes, header, rowSize))
    : fromColours(bytes, header, rowSize)
}

/** The numbers of the pixels' colours, in the order of the file. */
function unpackIndices(bytes: Uint8Array, { width, height, depth, begin }: BmpHeader, rowSize: number) {
  const indices = new Uint8Array(width * height)
  const inByte = 8 / depth
  const mask = 2 ** depth - 1
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const byte = bytes[begin + y * rowSize + Math.floor(x / inByte)]!
      indices[y * width + x] = (byte >> (8 - depth * ((x % inByte) + 1))) & mask
    }
  }
  return indices
}

/** Run lengths. What a row leaves out is the first colour. */
function expandRuns(bytes: Uint8Array, { width, height, depth, begin }: BmpHeader): Uint8Array {
  const indices = new Uint8Array(width * height)
  const isNibbles = depth === 4
  let [x, y] = [0, 0]
  const put = (index: number) => {
    if (x < width && y < height) indices[y * width + x] = index
    x++
  }
  const nibble = (byte: number, i: number) => (i % 2 === 0 ? byte >> 4 : byte & 15)
  for (let at = begin; at + 1 < bytes.length && y < height; ) {
    const [count, value] = [bytes[at++]!, bytes[at++]!]
    if (count > 0) for (let i = 0; i < count; i++) put(isNibbles ? nibble(value, i) : value)
    else if (value === 0) [x, y] = [0, y + 1]
    else if (value === 1) return indices
    else if (value === 2) [x, y] = [x + (bytes[at++] ?? 0), y + (bytes[at++] ?? 0)]
    else {
      for (let i = 0; i < value; i++)
        put(isNibbles ? nibble(bytes[at + (i >> 1)] ?? 0, i) : (bytes[at + i] ?? 0))
      const used = isNibbles ? Math.ceil(value / 2) : value
      at += used + (used % 2)
    }
  }
  if (y < height - 1) throw new BmpError('it ends too early')
  return indices
}

function fromIndices(bytes: Uint8Array, header: BmpHeader, indices: Uint8Array): Uint8Array {
  const { begin, entry, colours } = header.palette
  const palette = new Uint8Array(256 * 3)
  for (let i = 0; i < colours; i++) {
    for (let c = 0; c < 3; c++) palette[i * 3 + c] = bytes[begin + i * entry + 2 - c] ?? 0
  }
  return mapPixels(header, (from, pixels, to) => {
    const colour = indices[from]! * 3
    pixels[to] = palette[colour]!
    pixels[to + 1] = palette[colour + 1]!
    pixels[to + 2] = palette[colour + 2]!
  })
}

function fromColours(bytes: Uint8Array, header: BmpHeader, rowSize: number): Uint8Array {
  const { width, begin, depth } = header
  const size = depth / 8
  const [red, green, blue] = header.masks.map(channelOf) as [Channel, Channel, Channel]
  return mapPixels(header, (from, pixels, to) => {
    let at = begin + Math.floor(from / width) * rowSize + (from % width) * size
    let value = 0
    for (let i = 0; i < size; i++) value += bytes[at++]! * 2 ** (8 * i)
    pixels[to] = red(value)
    pixels[to + 1] = green(value)
    pixels[to + 2] = blue(value)
  })
}

/** Makes the picture from the top: `put` gets the number of a pixel in the file, and where it goes. */
function mapPixels(
  { width, height, isTopDown }: BmpHeader,
  put: (from: number, pixels: Uint8Array, to: number) => void,
): Uint8Array {
  const pixels = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const row = (isTopDown ? y : height - 1 - y) * width
    for (let x = 0; x < width; x++) put(row + x, pixels, (y * width + x) * 3)
  }
  return pixels
}

type Channel = (pixel: number) => number

/** The bits of a mask, scaled to 0…255. */
function channelOf(mask: number): Channel {
  if (mask === 0) return () => 0
  const shift = 31 - Math.clz32(mask & -mask)
  const most = mask >>> shift
  return pixel => Math.floor((((pixel & mask) >>> shift) * 255) / most)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
