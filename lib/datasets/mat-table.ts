import { inflateSync } from 'node:zlib'

/** A value of a table: what is no text and no number is left out. */
export type MatValue = string | number | undefined

/** A MATLAB file that is damaged, or of another kind. */
export class MatError extends Error {}

/** What an element of a file is (MAT-File Level 5, table 1-1). */
const types = {
  int8: 1,
  uint8: 2,
  int16: 3,
  uint16: 4,
  int32: 5,
  uint32: 6,
  single: 7,
  double: 9,
  int64: 12,
  uint64: 13,
  matrix: 14,
  compressed: 15,
}
const textTypes = { utf8: 16, utf16: 17 }
/** What a matrix holds (table 1-3); numbers are the classes from `double` on. */
const classes = { struct: 2, char: 4, double: 6, uint64: 15 }
const headerSize = 128
/** Of an element that is compressed: the devkit's table has less than 1 MiB. */
const mostInflated = 2 ** 26

/** The rows of a struct array of a MATLAB level 5 file, by the names of its fields.
 * @throws MatError */
export function readMatTable(bytes: Uint8Array, name: string): Record<string, MatValue>[] {
  if (bytes.length < headerSize) throw new MatError('it ends within its header')
  const order = String.fromCharCode(bytes[126]!, bytes[127]!)
  if (order !== 'IM' && order !== 'MI') throw new MatError('it is no MATLAB level 5 file')
  const isLittle = order === 'IM'
  const file = new Elements(bytes.subarray(headerSize), isLittle)
  while (!file.isAtEnd) {
    const element = file.next()
    const matrix = element.type === types.compressed ? inflate(element.bytes, isLittle) : element
    if (matrix.type !== types.matrix) continue
    const parts = new Elements(matrix.bytes, isLittle)
    const header = readMatrixHeader(parts)
    if (header.name === name && header.class === classes.struct) return readRows(parts, header.count)
  }
  throw new MatError(`it holds no table '${name}'`)
}

interface Element {
  type: number
  bytes: Uint8Array
  isLittle: boolean
}

/** The elements of a file, or of a matrix, one after another. */
class Elements {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #isLittle: boolean
  #at = 0

  constructor(bytes: Uint8Array, isLittle: boolean) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#isLittle = isLittle
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  next(): Element {
    const tag = this.#word(0)
    // Up to four bytes lie within the tag itself, whose upper half then says how many.
    const small = tag >>> 16
    const [type, size, begin] = small > 0 ? [tag & 0xffff, small, 4] : [tag, this.#word(4), 8]
    const first = this.#at + begin
    const isPadded = type !== types.compressed && small === 0
    this.#at = first + (small > 0 ? 4 : isPadded ? Math.ceil(size / 8) * 8 : size)
    if (first + size > this.#bytes.length) throw new MatError('it ends too early')
    return { type, bytes: this.#bytes.subarray(first, first + size), isLittle: this.#isLittle }
  }

  #word(offset: number): number {
    if (this.#at + offset + 4 > this.#bytes.length) throw new MatError('it ends too early')
    return this.#view.getUint32(this.#at + offset, this.#isLittle)
  }
}

function inflate(bytes: Uint8Array, isLittle: boolean): Element {
  return new Elements(inflateSync(bytes, { maxOutputLength: mostInflated }), isLittle).next()
}

function readMatrixHeader(parts: Elements): { class: number; name: string; count: number } {
  const [flags = 0] = numbers(parts.next())
  const count = numbers(parts.next()).reduce((product, size) => product * size, 1)
  return { class: flags & 0xff, name: latin(parts.next().bytes), count }
}

/** Each row has a matrix for each field. */
function readRows(parts: Elements, count: number): Record<string, MatValue>[] {
  const [width = 0] = numbers(parts.next())
  const names = latin(parts.next().bytes)
  if (width < 1 || names.length < width) throw new MatError('its table has no fields')
  const fields = Array.from({ length: Math.floor(names.length / width) }, (_, i) =>
    names
      .slice(i * width, (i + 1) * width)
      .split('\0', 1)
      .join(''),
  )
  const rows: Record<string, MatValue>[] = []
  for (let row = 0; row < count; row++)
    rows.push(Object.fromEntries(fields.map(field => [field, readValue(parts.next())])))
  return rows
}

function readValue({ type, bytes, isLittle }: Element): MatValue {
  if (type !== types.matrix || bytes.length === 0) return undefined
  const parts = new Elements(bytes, isLittle)
  const header = readMatrixHeader(parts)
  if (header.count === 0) return header.class === classes.char ? '' : undefined
  if (header.class === classes.char) return text(parts.next())
  return header.class >= classes.double && header.class <= classes.uint64
    ? numbers(parts.next())[0]
    : undefined
}

function text(element: Element): string {
  if (element.type === textTypes.utf8) return Buffer.from(element.bytes).toString()
  if (element.type !== textTypes.utf16) return String.fromCharCode(...numbers(element))
  const pairs = Buffer.from(element.bytes)
  return (element.isLittle ? pairs : pairs.swap16()).toString('utf16le')
}

function latin(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

function numbers({ type, bytes, isLittle }: Element): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const all = (size: number, at: (offset: number) => number) =>
    Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => at(i * size))
  switch (type) {
    case types.int8:
      return all(1, i => view.getInt8(i))
    case types.uint8:
      return all(1, i => view.getUint8(i))
    case types.int16:
      return all(2, i => view.getInt16(i, isLittle))
    case types.uint16:
      return all(2, i => view.getUint16(i, isLittle))
    case types.int32:
      return all(4, i => view.getInt32(i, isLittle))
    case types.uint32:
      return all(4, i => view.getUint32(i, isLittle))
    case types.single:
      return all(4, i => view.getFloat32(i, isLittle))
    case types.double:
      return all(8, i => view.getFloat64(i, isLittle))
    case types.int64:
      return all(8, i => Number(view.getBigInt64(i, isLittle)))
    case types.uint64:
      return all(8, i => Number(view.getBigUint64(i, isLittle)))
    default:
      throw new MatError(`it holds an element of type ${type}, which is no number`)
  }
}
