import { mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileError } from '../foundation/files.js'
import { crc32c } from '../foundation/hash.js'
import { AppendFile } from './append-file.js'

/** A file of events that TensorBoard shows: records with check sums, each a message of protocol buffers (event.proto and
 * summary.proto of TensorFlow). */
export class EventFile {
  readonly #file: AppendFile

  private constructor(file: AppendFile) {
    this.#file = file
  }

  /** Makes a new file in a folder. TensorBoard leaves out what older files there say of steps from `step` on.
   * @throws FileError */
  static async create(folder: string, step: number): Promise<EventFile> {
    const seconds = Math.floor(Date.now() / 1000)
    const path = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}`)
    await mkdir(folder, { recursive: true }).catch(error => {
      throw fileError(`Can't write '${path}'`, error)
    })
    const events = new EventFile(await AppendFile.open(path))
    events.#append(message([text(3, 'brain.Event:2')], 0))
    const started = 1
    events.#append(message([bytes(7, integer(1, started))], step))
    return events
  }

  /** Adds numbers by name; `close` tells of a failure. */
  write(step: number, values: Readonly<Record<string, number>>): void {
    const summary = Object.entries(values).map(([tag, value]) =>
      bytes(1, Buffer.concat([text(1, tag), float(2, value)])),
    )
    this.#append(message([bytes(5, Buffer.concat(summary))], step))
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  #append(event: Buffer): void {
    this.#file.append(framed(event))
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
