import { createHash } from 'node:crypto'
import { decodePath, encodePath } from '../foundation/file-names.js'
import { mixSeeds } from '../foundation/hash.js'
import { permutation } from '../foundation/random.js'
import { type BatchOptions, type LabelledImage, requireBatchOptions, type TrainingData } from './data.js'

/** Names of many files in one block of memory: about 10 bytes each beside the characters, where an array of strings
 * takes three times as much. */
export class NameTable {
  #bytes: Buffer = Buffer.allocUnsafe(1 << 16)
  #ends = new Float64Array(1 << 10)
  #length = 0

  get length(): number {
    return this.#length
  }

  add(name: string): void {
    const begin = this.#end(this.#length)
    const bytes = encodePath(name)
    const size = bytes.length
    while (begin + size > this.#bytes.length) this.#bytes = grown(this.#bytes)
    if (this.#length === this.#ends.length) {
      const ends = new Float64Array(this.#ends.length * 2)
      ends.set(this.#ends)
      this.#ends = ends
    }
    bytes.copy(this.#bytes, begin)
    this.#ends[this.#length++] = begin + size
  }

  at(index: number): string {
    return decodePath(this.#bytes.subarray(this.#end(index), this.#end(index + 1)))
  }

  /** A hash of all names in their order. */
  digest(): string {
    const used = this.#end(this.#length)
    const hash = createHash('sha256').update(this.#bytes.subarray(0, used))
    return hash.update(this.#ends.subarray(0, this.#length)).digest('hex').slice(0, 16)
  }

  #end(index: number): number {
    return index === 0 ? 0 : this.#ends[index - 1]!
  }
}

/** Image files with their labels, some tens of bytes each. */
export class ImageList implements TrainingData {
  readonly #names = new NameTable()
  #labels = new Uint32Array(1 << 10)
  readonly notes: readonly string[]
  readonly #path: (name: string, label: number) => string

  /** @param path makes a file's path of its name and label */
  constructor(path: (name: string, label: number) => string, notes: readonly string[] = []) {
    this.#path = path
    this.notes = notes
  }

  add(name: string, label: number): void {
    if (this.size === this.#labels.length) {
      const labels = new Uint32Array(this.#labels.length * 2)
      labels.set(this.#labels)
      this.#labels = labels
    }
    this.#labels[this.size] = label
    this.#names.add(name)
  }

  get fingerprint(): string {
    const labels = createHash('sha256').update(this.#labels.subarray(0, this.size)).digest('hex')
    return `${this.size} images ${this.#names.digest()}-${labels.slice(0, 16)}`
  }

  get size(): number {
    return this.#names.length
  }

  at(index: number): LabelledImage {
    const label = this.#labels[index]!
    const path = this.#path(this.#names.at(index), label)
    return { name: path, label, id: index, source: path }
  }

  async *batches(options: BatchOptions): AsyncGenerator<LabelledImage[], void, undefined> {
    requireBatchOptions(options)
    const { epoch, seed, batch, share, skip } = options
    const order = permutation(this.size, mixSeeds(seed, epoch))
    const together = batch * share.processes
    for (let step = skip; (step + 1) * together <= this.size; step++) {
      const begin = step * together + share.rank * batch
      yield Array.from(order.subarray(begin, begin + batch), index => this.at(index))
    }
  }
}

function grown(bytes: Buffer): Buffer {
  const larger = Buffer.allocUnsafe(bytes.length * 2)
  bytes.copy(larger)
  return larger
}
