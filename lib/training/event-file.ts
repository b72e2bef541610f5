import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileError } from '../foundation/files.js'

/** A file of events that TensorBoard shows: records with check sums, each a message of protocol buffers (event.proto and
 * summary.proto of TensorFlow). */
export class EventFile {
  readonly #file: FileHandle
  readonly #path: string
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(file: FileHandle, path: string) {
    this.#file = file
    this.#path = path
  }

  /** Makes a new file in a folder. TensorBoard leaves out what older files there say of steps from `step` on.
   * @throws AttributionError code `FILE` */
  static async create(folder: string, step: number): Promise<EventFile> {
    const seconds = Math.floor(Date.now() / 1000)
    const path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}`)
    try {
      await mkdir(folder, { recursive: true })
      const events = new EventFile(await open(path, 'a'), path)
      events.#append(message([text(3, 'brain.Event:2')], 0))
      const started = 1
      events.#append(message([bytes(7, integer(1, started))], step))
      return events
    } catch (error) {
      throw fileError(`Can't write '${path}'`, error)
    }
  }

  /** Adds numbers by name; `close` tells of a failure. */
  write(step: number, values: Readonly<Record<string, number>>): void {
    const summary = Object.entries(values).map(([tag, value]) =>
      bytes(1, Buffer.concat([text(1, tag), float(2, value)])),
    )
    this.#append(message([bytes(5, Buffer.concat(summary))], step))
  }

  async close(): Promise<void> {
    try {
      await this.#writing
    } catch (error) {
      throw fileError(`Can't write '${this.#path}'`, error)
    } finally {
      await this.#file.close()
    }
  }

  #append(event: Buffer): void {
    const record = framed(event)
    this.#writing = this.#writing.then(() => this.#file.appendFile(record))
    this.#writing.catch(() => {})
  }
}

/** An event: its time, its step, and what happened. */
function message(what: readonly Buffer[], step: number): Buffer {
  const time = Buffer.alloc(9)
  time[0] = (1 << 3) | 1
  time.writeDoubleLE(Date.now() / 1000, 1)
  return Buffer.concat([time, integer(2, step), ...what])
}

// Fields of protocol buffers: a number and a kind in one varint, then the value.

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)])
}

function bytes(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content])
}

function text(field: number, content: string): Buffer {
  return bytes(field, Buffer.from(content))
}

function float(field: number, value: number): Buffer {
  const encoded = Buffer.alloc(5)
  encoded[0] = (field << 3) | 5
  encoded.writeFloatLE(value, 1)
  return encoded
}

function varint(value: number): Buffer {
  const encoded: number[] = []
  let rest = value
  while (rest >= 128) {
    encoded.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...encoded, rest])
}

/** A record: the length, and a check sum of it and of the content. */
function framed(content: Buffer): Buffer {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(content.length))
  return Buffer.concat([length, checkSum(length), content, checkSum(content)])
}

/** Rotated and shifted, as sums of sums are no good. */
function checkSum(content: Buffer): Buffer {
  const sum = crc32c(content)
  const masked = (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0
  const encoded = Buffer.alloc(4)
  encoded.writeUInt32LE(masked)
  return encoded
}

const castagnoli = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++)
    remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1
  return remainder >>> 0
})

/** CRC-32 with the polynomial of Castagnoli. */
export function crc32c(content: Uint8Array): number {
  let remainder = 0xffffffff
  for (const byte of content) remainder = castagnoli[(remainder ^ byte) & 255]! ^ (remainder >>> 8)
  return (remainder ^ 0xffffffff) >>> 0
}
