/** All items of a stream. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** A .npy file of any header and data. */
export function npyFile(fields: string, data: Uint8Array, version = 1): Buffer {
  const length = Buffer.alloc(version === 1 ? 2 : 4)
  if (version === 1) length.writeUInt16LE(fields.length)
  else length.writeUInt32LE(fields.length)
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
  return Buffer.concat([start, length, Buffer.from(fields, 'latin1'), data])
}

interface Bmp {
  width?: number
  /** Below 0: from the top. */
  height?: number
  depth: number
  compression?: number
  /** Blue, green and red of each colour. */
  palette?: readonly number[]
  data: readonly number[]
}

/** A BMP with the usual header. */
export function bmpFile({ width = 3, height = 2, depth, compression = 0, palette = [], data }: Bmp): Buffer {
  const colours = palette.flatMap((value, i) => (i % 3 === 2 ? [value, 0] : [value]))
  const header = Buffer.alloc(54)
  header.write('BM')
  header.writeUInt32LE(54 + colours.length, 10)
  header.writeUInt32LE(40, 14)
  header.writeInt32LE(width, 18)
  header.writeInt32LE(height, 22)
  header.writeUInt16LE(1, 26)
  header.writeUInt16LE(depth, 28)
  header.writeUInt32LE(compression, 30)
  header.writeUInt32LE(palette.length / 3, 46)
  return Buffer.concat([header, Buffer.from(colours), Buffer.from(data)])
}

/** A GIF of three pixels whose frame is the last two, with the colours 1 (40, 50, 60), transparent, and 0 (10, 20, 30). */
export function transparentGif(): Buffer {
  const palette = [10, 20, 30, 40, 50, 60, 0, 0, 0, 0, 0, 0]
  const control = [0x21, 0xf9, 4, 1, 0, 0, 1, 0]
  const frame = [0x2c, 1, 0, 0, 0, 2, 0, 1, 0, 0]
  // Codes of three bits: clear (4), 1, 0, end (5).
  const codes = 4 | (1 << 3) | (0 << 6) | (5 << 9)
  const screen = [3, 0, 1, 0, 0x81, 0, 0]
  return Buffer.concat([
    Buffer.from('GIF89a'),
    Buffer.from([...screen, ...palette, ...control, ...frame, 2, 2, codes & 255, codes >> 8, 0, 0x3b]),
  ])
}

/** A TIFF of inks (cyan, magenta, yellow, black), not compressed. */
export function cmykTiff(width: number, height: number, inks: readonly number[]): Buffer {
  const [short, long] = [3, 4]
  const bits = 8
  const entries: [tag: number, type: number, count: number, value: number][] = [
    [256, short, 1, width],
    [257, short, 1, height],
    [258, short, 4, 0], // bits of each ink, behind the table
    [259, short, 1, 1],
    [262, short, 1, 5],
    [273, long, 1, 0], // the inks, behind the bits
    [277, short, 1, 4],
    [278, short, 1, height],
    [279, long, 1, inks.length],
  ]
  const behind = 8 + 2 + entries.length * 12 + 4
  entries[2]![3] = behind
  entries[5]![3] = behind + 8
  const table = Buffer.alloc(behind)
  table.write('II*\0')
  table.writeUInt32LE(8, 4)
  table.writeUInt16LE(entries.length, 8)
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    table.writeUInt16LE(tag, 10 + i * 12)
    table.writeUInt16LE(type, 12 + i * 12)
    table.writeUInt32LE(count, 14 + i * 12)
    table.writeUInt32LE(value, 18 + i * 12)
  }
  const depths = Buffer.from([bits, 0, bits, 0, bits, 0, bits, 0])
  return Buffer.concat([table, depths, Buffer.from(inks)])
}
