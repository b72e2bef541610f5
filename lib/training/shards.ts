import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { archivePaths, imageEnding, readArchive } from '../datasets/archives.js'
import { ImageError, InvalidArgumentError } from '../foundation/errors.js'
import { textHash } from '../foundation/file-hash.js'
import { encodePath } from '../foundation/file-names.js'
import { mixSeeds } from '../foundation/hash.js'
import { permutation, randomIntegers } from '../foundation/random.js'
import { type BatchOptions, type LabelledImage, requireBatchOptions, type TrainingData } from './data.js'

/** In bytes, of all images that wait to be drawn. */
const mostHeld = 2 ** 28
/** Images of one shard have ids one after another; a shard holds fewer than this. */
const idsPerShard = 1_000_000

/** The tar archives of a WebDataset: a folder of them, one of them, or names with braces, as in
 * `train-{000000..001281}.tar`.
 * @param buffer how many images are held to draw the next one from
 * @throws ImageError where there are none */
export async function openShards(pattern: string, buffer: number): Promise<Shards> {
  return new Shards(await archivePaths(pattern), buffer)
}

/** Archives that are read as streams: each process takes its share of the archives, in an order drawn for each epoch, and
 * draws the next image out of a buffer that they fill. */
export class Shards implements TrainingData {
  readonly #paths: readonly string[]
  readonly #buffer: number
  readonly size = undefined
  readonly fingerprint: string

  constructor(paths: readonly string[], buffer: number) {
    this.#paths = paths
    this.#buffer = buffer
    this.fingerprint = `${paths.length} shards ${hashOfFiles(paths)}, buffer ${buffer}`
  }

  async *batches(options: BatchOptions): AsyncGenerator<LabelledImage[], void, undefined> {
    requireBatchOptions(options)
    let skip = options.skip
    let waiting: LabelledImage[] = []
    for await (const image of this.#shuffled(options)) {
      waiting.push(image)
      if (waiting.length < options.batch) continue
      if (skip > 0) skip--
      else yield waiting
      waiting = []
    }
  }

  async *#shuffled(options: BatchOptions): AsyncGenerator<LabelledImage, void, undefined> {
    const random = randomIntegers(mixSeeds(options.seed, options.epoch, options.share.rank))
    const held: LabelledImage[] = []
    let bytes = 0
    for await (const image of this.#inOrder(options)) {
      held.push(image)
      bytes += image.source.length
      while (held.length > this.#buffer || bytes > mostHeld) {
        const last = held.pop()!
        const drawn = random(Math.max(held.length, 1))
        const given = held[drawn] ?? last
        if (held.length > 0) held[drawn] = last
        bytes -= given.source.length
        yield given
      }
    }
    for (const index of permutation(held.length, random(2 ** 32))) yield held[index]!
  }

  async *#inOrder({ epoch, seed, share }: BatchOptions): AsyncGenerator<LabelledImage, void, undefined> {
    const { rank, processes } = share
    if (processes > this.#paths.length) {
      throw new InvalidArgumentError(
        `${processes} processes need at least as many shards, but there are ${this.#paths.length}.`,
      )
    }
    const order = permutation(this.#paths.length, mixSeeds(seed, epoch))
    for (let i = rank; i < order.length; i += processes) {
      const shard = order[i]!
      let index = 0
      for await (const { name, label, source } of readShard(this.#paths[shard]!)) {
        yield { name, label, source, id: shard * idsPerShard + index++ }
      }
    }
  }
}

type ShardImage = Omit<LabelledImage, 'id'>
type Bytes = Uint8Array

/** The images of one archive. Files that belong together follow each other and have the same name up to the first dot, by
 * WebDataset's rule: an image, and its class. Names with more dots, such as `photo.0001.jpg`, belong together by the rule of
 * their last ones, where the first one's gives neither an image nor a class. */
async function* readShard(path: string): AsyncGenerator<ShardImage, void, undefined> {
  const [byFirstDot, byLastDots] = [new Sample(path), new Sample(path)]
  let found = 0
  for await (const { key, ending, isFirst, content } of readArchive(path)) {
    const finished = (isFirst ? byFirstDot : byLastDots).add(key, ending, content, isFirst)
    if (!finished) continue
    found++
    yield finished
  }
  for (const last of [byFirstDot.finish(true), byLastDots.finish(false)]) {
    if (!last) continue
    found++
    yield last
  }
  if (found > 0) return
  throw new ImageError(
    `'${path}' holds no images with classes. Expected files such as 0001.jpg and 0001.cls, one behind the other.`,
    { source: path },
  )
}

/** What belongs together, as far as it was read. */
class Sample {
  readonly #path: string
  #key = ''
  #parts: { source?: Bytes; label?: number | undefined } = {}

  constructor(path: string) {
    this.#path = path
  }

  /** Adds a file; gives the image before it, if this begins another one. */
  add(key: string, ending: string, content: Bytes, isRequired: boolean): ShardImage | undefined {
    const before = key === this.#key ? undefined : this.finish(isRequired)
    this.#key = key
    if (imageEnding.test(ending)) this.#parts.source = content
    else this.#parts.label ??= parseLabel(content, ending, `${this.#path}:${key}.${ending}`)
    return before
  }

  /** @param isRequired whether one that lacks a part is an error */
  finish(isRequired: boolean): ShardImage | undefined {
    const { source, label } = this.#parts
    this.#parts = {}
    if (source !== undefined && label !== undefined)
      return { name: `${this.#path}:${this.#key}`, source, label }
    if (!isRequired || (source === undefined && label === undefined)) return undefined
    throw new ImageError(
      `In '${this.#path}', '${this.#key}' has no ${source ? 'class (.cls)' : 'image (.jpg, .png or .webp)'} beside it. Files ` +
        'that belong together must follow each other: sort them by name (tar --sort=name).',
      { source: this.#path },
    )
  }
}

/** A number as text, or the `label` of an object in JSON. */
function parseLabel(content: Bytes, ending: string, name: string): number | undefined {
  const text = Buffer.from(content)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trim()
  if (ending === 'json') return labelOf(text)
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new ImageError(`'${name}' holds '${text.slice(0, 40)}', expected the number of a class.`, {
    source: name,
  })
}

function labelOf(json: string): number | undefined {
  try {
    const { label } = JSON.parse(json) as { label?: unknown }
    return Number.isSafeInteger(label) ? (label as number) : undefined
  } catch {
    return undefined
  }
}

/** A hash of the archives' names and sizes; reading all of them would take hours. */
function hashOfFiles(paths: readonly string[]): string {
  const size = (path: string) => statSync(encodePath(path), { throwIfNoEntry: false })?.size
  return textHash(paths.map(path => `${basename(path)} ${size(path)}`).join('\n')).slice(0, 16)
}
