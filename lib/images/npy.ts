import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { ImageError } from '../foundation/errors.js'
import { encodePath } from '../foundation/file-names.js'
import { fileReason, writeFileAtomically } from '../foundation/files.js'
import { invalid, requireInteger } from '../foundation/validate.js'

/** The element types that are read: `<f4` float32, `<f8` float64, `|u1` uint8. */
export type NpyType = '<f4' | '<f8' | '|u1'

/** An array read whole: C order, converted to float32. */
export interface NpyArray {
  /** The elements in C order. */
  data: Float32Array
  /** The extent of each dimension. */
  shape: number[]
}

const bytesOf: Record<NpyType, number> = { '<f4': 4, '<f8': 8, '|u1': 1 }
const magic = Buffer.from('\x93NUMPY', 'latin1')

/** NumPy itself writes headers of some hundred bytes; structured types, which we don't read, are what makes long ones. */
const maximumHeader = 65_536

/** Reads an array that `numpy.save` wrote (format 1 to 3; float32, float64 or uint8; C order) as float32.
 * @throws {ImageError} the file is missing, broken, or holds another type or order */
export async function readNpy(path: string): Promise<NpyArray> {
  await using file = await openNpy(path)
  return { data: await file.read(0, elements(file.shape)), shape: [...file.shape] }
}

/** Writes float32 in C order as `numpy.save` does, atomically.
 * @throws {InvalidArgumentError} the data doesn't have the shape's length */
export async function writeNpy(path: string, data: Float32Array, shape: readonly number[]): Promise<void> {
  await writeFileAtomically(path, npyPieces(data, shape))
}

/** The bytes of such a file, in two pieces.
 * @throws {InvalidArgumentError} the data doesn't have the shape's length */
export function npyPieces(data: Float32Array, shape: readonly number[]): [Uint8Array, Uint8Array] {
  for (const size of shape) requireInteger('shape', size, 0)
  if (data.length !== elements(shape)) {
    throw invalid('data', `${elements(shape)} values (shape ${shapeText(shape)})`, data.length)
  }
  return [header(shape), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]
}

/** An open .npy file whose header is checked. Its parts are read on demand, so a large file needs no large memory. */
export class NpyFile {
  readonly path: string
  readonly type: NpyType
  readonly shape: readonly number[]
  readonly #file: FileHandle
  readonly #start: number

  /** Use {@link openNpy}. */
  constructor(path: string, file: FileHandle, type: NpyType, shape: readonly number[], start: number) {
    this.path = path
    this.type = type
    this.shape = shape
    this.#file = file
    this.#start = start
  }

  /** `count` elements from element `first` on, in C order, as float32. */
  async read(first: number, count: number): Promise<Float32Array> {
    const size = bytesOf[this.type]
    const bytes = new Uint8Array(count * size)
    await readFully(this.#file, bytes, this.#start + first * size, this.path)
    if (this.type === '<f4') return new Float32Array(bytes.buffer)
    return Float32Array.from(this.type === '<f8' ? new Float64Array(bytes.buffer) : bytes)
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** Opens a .npy file and checks its header against the file's size, before anything large is allocated. Close it.
 * @throws {ImageError} the file is missing, broken, or holds another type or order */
export async function openNpy(path: string): Promise<NpyFile> {
  // Opening a pipe would wait for its writer.
  const file = await open(encodePath(path), constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      throw new ImageError(`Can't read the array '${path}': ${fileReason(error)}`, {
        cause: error,
        source: path,
      })
    },
  )
  try {
    const status = await file.stat()
    if (!status.isFile() && !status.isDirectory()) throw broken(path, 'it is a pipe or a device')
    const { text, start } = await readHeader(file, path)
    const { type, shape } = parseHeader(text, path)
    const expected = start + elements(shape) * bytesOf[type]
    const { size } = status
    if (size !== expected) {
      throw broken(path, `shape ${shapeText(shape)} of ${type} needs ${expected} bytes, the file has ${size}`)
    }
    return new NpyFile(path, file, type, shape, start)
  } catch (error) {
    await file.close()
    throw error
  }
}

async function readHeader(file: FileHandle, path: string): Promise<{ text: string; start: number }> {
  const preamble = Buffer.alloc(8)
  await readFully(file, preamble, 0, path)
  if (!preamble.subarray(0, 6).equals(magic)) throw broken(path, "it doesn't start as a NumPy array does")
  const version = preamble[6]!
  if (version < 1 || version > 3) throw broken(path, `format version ${version} is unknown`)

  const lengthBytes = Buffer.alloc(version === 1 ? 2 : 4)
  await readFully(file, lengthBytes, 8, path)
  const length = version === 1 ? lengthBytes.readUInt16LE() : lengthBytes.readUInt32LE()
  if (length > maximumHeader) throw broken(path, `its header claims ${length} bytes`)

  const text = Buffer.alloc(length)
  await readFully(file, text, 8 + lengthBytes.length, path)
  return { text: text.toString(version === 3 ? 'utf8' : 'latin1'), start: 8 + lengthBytes.length + length }
}

function parseHeader(text: string, path: string): { type: NpyType; shape: number[] } {
  const type = /'descr':\s*'([^']{1,16})'/.exec(text)?.[1]
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1]
  const sizes = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1]
  if (order === undefined || sizes === undefined)
    throw broken(path, 'its header is not one that NumPy writes')
  if (type === undefined || !isNpyType(type)) {
    throw unsuitable(path, `type ${type ?? 'structured'}`, 'float32, float64 or uint8 (little-endian)')
  }
  if (order === 'True') throw unsuitable(path, 'Fortran order', 'C order (numpy.ascontiguousarray)')

  const shape = sizes
    .split(',')
    .filter(size => size.trim() !== '')
    .map(Number)
  if (shape.length > 32 || !shape.every(Number.isSafeInteger)) throw broken(path, 'its shape is impossible')
  return { type, shape }
}

function isNpyType(type: string): type is NpyType {
  return Object.hasOwn(bytesOf, type)
}

async function readFully(file: FileHandle, into: Uint8Array, position: number, path: string): Promise<void> {
  let filled = 0
  while (filled < into.length) {
    // One call of the operating system reads less than 2 GiB.
    const { bytesRead } = await file
      .read(into, filled, Math.min(into.length - filled, 2 ** 30), position + filled)
      .catch((error: unknown) => {
        throw new ImageError(`Can't read the array '${path}': ${fileReason(error)}`, {
          cause: error,
          source: path,
        })
      })
    if (bytesRead === 0) throw broken(path, 'it ends too early')
    filled += bytesRead
  }
}

function header(shape: readonly number[]): Uint8Array {
  const fields = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shapeText(shape)}, }`
  const preamble = 10
  // The data has to start at a multiple of 64, and the header ends with a line feed.
  const length = Math.ceil((preamble + fields.length + 1) / 64) * 64 - preamble
  const bytes = Buffer.alloc(preamble + length, ' ')
  magic.copy(bytes)
  bytes.writeUInt8(1, 6)
  bytes.writeUInt8(0, 7)
  bytes.writeUInt16LE(length, 8)
  bytes.write(fields, preamble, 'latin1')
  bytes.write('\n', preamble + length - 1)
  return bytes
}

/** How Python writes a tuple: `()`, `(3,)`, `(3, 224)`. */
function shapeText(shape: readonly number[]): string {
  return `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

function broken(path: string, why: string): ImageError {
  return new ImageError(`'${path}' is not a whole .npy file: ${why}. Save it again with numpy.save.`, {
    source: path,
  })
}

function unsuitable(path: string, found: string, expected: string): ImageError {
  return new ImageError(
    `Can't read '${path}': it holds ${found}, expected ${expected}. Convert it and save it again.`,
    {
      source: path,
    },
  )
}
