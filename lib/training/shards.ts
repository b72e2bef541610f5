import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { ImageError, InvalidArgumentError } from '../foundation/errors.js'
import { fileReason } from '../foundation/files.js'
import { mixSeeds } from '../foundation/hash.js'
import { permutation, randomIntegers } from '../foundation/random.js'
import { type BatchOptions, type LabelledImage, requireBatchOptions, type TrainingData } from './data.js'

const imageEnding = /^(jpe?g|png|webp)$/i
const archiveName = /\.tar(\.gz)?$/i
/** Images of one shard have ids one after another; a shard holds fewer than this. */
const idsPerShard = 1_000_000

/** The tar archives of a WebDataset: a folder of them, one of them, or names with braces, as in
 * `train-{000000..001281}.tar`.
 * @param buffer how many images are held to draw the next one from
 * @throws ImageError where there are none */
export async function openShards(pattern: string, buffer: number): Promise<Shards> {
  const paths = expandBraces(pattern)
  if (paths.length > 1) return new Shards(paths, buffer)
  const found = await stat(pattern).catch(error => {
    throw new ImageError(`Can't read '${pattern}': ${fileReason(error)}`, { cause: error, source: pattern })
  })
  if (!found.isDirectory()) return new Shards(paths, buffer)
  const archives = (await readdir(pattern)).filter(name => archiveName.test(name)).sort()
  if (archives.length === 0) {
    throw new ImageError(`'${pattern}' holds no .tar archives.`, { source: pattern })
  }
  return new Shards(
    archives.map(name => join(pattern, name)),
    buffer,
  )
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
    this.fingerprint = `${paths.length} shards from ${basename(paths[0]!)}, buffer ${buffer}`
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
    for await (const image of this.#inOrder(options)) {
      if (held.length < this.#buffer) {
        held.push(image)
        continue
      }
      const drawn = random(held.length)
      yield held[drawn]!
      held[drawn] = image
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

/** The images of one archive. Files that belong together follow each other and have the same name up to the first dot:
 * an image, and `cls` with its class as text. */
async function* readShard(path: string): AsyncGenerator<ShardImage, void, undefined> {
  let key = ''
  let parts: Partial<ShardImage> = {}
  const finished = (): ShardImage | undefined => {
    const { source, label } = parts
    if (source === undefined && label === undefined) return undefined
    if (source !== undefined && label !== undefined) return { name: `${path}:${key}`, source, label }
    throw new ImageError(
      `In '${path}', '${key}' has no ${source ? 'class (.cls)' : 'image (.jpg, .png or .webp)'}.`,
      { source: path },
    )
  }
  for await (const { name, content } of readArchive(path)) {
    const file = basename(name)
    const dot = file.indexOf('.')
    const stem = name.slice(0, name.length - file.length + dot)
    if (stem !== key) {
      const image = finished()
      if (image) yield image
      parts = {}
      key = stem
    }
    const ending = file.slice(dot + 1)
    if (imageEnding.test(ending)) parts.source = content
    else if (ending === 'cls') parts.label = parseLabel(content, `${path}:${name}`)
  }
  const image = finished()
  if (image) yield image
}

async function* readArchive(
  path: string,
): AsyncGenerator<{ name: string; content: Uint8Array }, void, undefined> {
  const file = createReadStream(path)
  const archive = extract()
  const stream: Readable = /\.gz$/i.test(path) ? file.pipe(createGunzip()) : file
  const forward = (error: Error) => archive.destroy(error)
  file.on('error', forward)
  stream.on('error', forward)
  stream.pipe(archive)
  try {
    for await (const entry of archive) {
      const { name, type } = entry.header
      if (type !== 'file' || !basename(name).includes('.')) {
        entry.resume()
        continue
      }
      const pieces: Uint8Array[] = []
      for await (const piece of entry) pieces.push(piece as Uint8Array)
      yield { name, content: Buffer.concat(pieces) }
    }
  } catch (error) {
    throw new ImageError(`Can't read the archive '${path}': ${fileReason(error)}`, {
      cause: error,
      source: path,
    })
  } finally {
    file.destroy()
  }
}

function parseLabel(content: Uint8Array, name: string): number {
  const text = Buffer.from(content).toString('latin1').trim()
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new ImageError(`'${name}' holds '${text.slice(0, 40)}', expected the number of a class.`, {
    source: name,
  })
}

/** 'a-{08..11}.tar' as a-08.tar to a-11.tar, and 'a-{x,y}.tar' as both. */
export function expandBraces(pattern: string): string[] {
  const match = /^(.*?)\{([^{}]*)\}(.*)$/.exec(pattern)
  if (!match) return [pattern]
  const [, before, inside, after] = match as unknown as [string, string, string, string]
  const range = /^(\d+)\.\.(\d+)$/.exec(inside)
  const choices = range ? numbersFrom(range[1]!, range[2]!) : inside.split(',')
  return choices.flatMap(choice => expandBraces(`${before}${choice}${after}`))
}

function numbersFrom(first: string, last: string): string[] {
  const count = Number(last) - Number(first) + 1
  return Array.from({ length: Math.max(count, 0) }, (_, i) =>
    String(Number(first) + i).padStart(first.length, '0'),
  )
}
