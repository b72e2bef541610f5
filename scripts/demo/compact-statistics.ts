import { readFile } from 'node:fs/promises'
import { writeFileAtomically } from '../../lib/foundation/files.js'

interface Entry {
  dtype: string
  shape: number[]
  data_offsets: [number, number]
}

/** Writes a file of statistics again, a third smaller, for the package: sums of squares keep 8 binary digits, which moves a
 * standard deviation by 0.2 % at most, and counts are 16 bits wide. */
export async function compactStatistics(path: string): Promise<void> {
  const bytes = new Uint8Array(await readFile(path)).buffer
  const headerLength = Number(new DataView(bytes).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, headerLength)))
  const { __metadata__, ...entries } = header as { __metadata__: object } & Record<string, Entry>
  const written: Record<string, object> = { __metadata__ }
  const pieces: Uint8Array[] = []
  let end = 0
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries)) {
    const values = bytes.slice(8 + headerLength + data_offsets[0], 8 + headerLength + data_offsets[1])
    const compact = compacted(name, dtype, values)
    const begin = end
    end += compact.data.length
    written[name] = { dtype: compact.dtype, shape, data_offsets: [begin, end] }
    pieces.push(compact.data)
  }
  await writeFileAtomically(path, [...encodedHeader(written), ...pieces])
}

function compacted(name: string, dtype: string, values: ArrayBuffer): { dtype: string; data: Uint8Array } {
  if (name.endsWith('.squared_deviations'))
    return { dtype: 'BF16', data: upperHalves(new Uint32Array(values)) }
  if (name.endsWith('.nonzero'))
    return { dtype: 'I16', data: asBytes(Int16Array.from(new Int32Array(values), within16Bits)) }
  return { dtype, data: new Uint8Array(values) }
}

/** A bfloat16 is the upper half of a float32. Half a unit of it is added, so that it is rounded. */
function upperHalves(floats: Uint32Array): Uint8Array {
  return asBytes(Uint16Array.from(floats, bits => (bits + 0x8000) >>> 16))
}

function within16Bits(count: number): number {
  if (count >= 2 ** 15) throw new RangeError(`A count of ${count} needs more than 16 bits.`)
  return count
}

function asBytes({ buffer }: Int16Array | Uint16Array): Uint8Array {
  return new Uint8Array(buffer)
}

/** The length and the text, padded so that the data are aligned. */
function encodedHeader(header: object): [Uint8Array, Uint8Array] {
  const text = JSON.stringify(header)
  const padded = new TextEncoder().encode(text.padEnd(Math.ceil(Buffer.byteLength(text) / 8) * 8))
  const length = new DataView(new ArrayBuffer(8))
  length.setBigUint64(0, BigInt(padded.length), true)
  return [new Uint8Array(length.buffer), padded]
}
