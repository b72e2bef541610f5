import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rename, stat, truncate } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { pack } from '#tar-stream'
import { exists, fileError } from '../foundation/files.js'
import { UsageError } from './exit.js'

/** What all shards of a run have in common; results of other settings aren't mixed. */
export interface ShardRun {
  format: 1
  /** The archive's name without its ending. */
  shard: string
  /** Which of how many shards it is, from 0. */
  position: number
  of: number
  /** Of the network, the method and what is explained. */
  settings: unknown
}

/** What an image of a shard is told by: its record, or why there is none. */
export type ShardLine = { key: string } & (Record<string, unknown> | { error: string })

/** The results of one shard: an archive, and a line of JSON for each image. Both grow under names that end in `.part`, and what is
 * done of them survives a process that is killed. */
export class ShardResults {
  /** Images that are done. */
  done: number
  readonly #path: string
  readonly #archive: FileHandle
  readonly #lines: FileHandle
  #length: number

  private constructor(path: string, archive: FileHandle, lines: FileHandle, done: number, length: number) {
    this.#path = path
    this.#archive = archive
    this.#lines = lines
    this.done = done
    this.#length = length
  }

  /** Goes on where an earlier process stopped; undefined where the shard is done.
   * @param path of the results without their endings
   * @throws UsageError results of other settings are there; FileError */
  static async open(path: string, run: ShardRun): Promise<ShardResults | undefined> {
    const header = JSON.stringify(run)
    const [finished, unfinished] = [`${path}.jsonl`, `${path}.jsonl.part`]
    if (await exists(finished)) {
      requireSame(finished, await firstLine(finished), header)
      return undefined
    }
    try {
      const found = (await exists(unfinished)) ? await whole(`${path}.tar.part`, unfinished) : undefined
      if (found) requireSame(unfinished, found.header, header)
      if (found?.isComplete) {
        await finish(path)
        return undefined
      }
      const archive = await open(`${path}.tar.part`, found ? 'r+' : 'w')
      const lines = await open(unfinished, found ? 'a' : 'w')
      if (!found) await lines.appendFile(`${header}\n`)
      return new ShardResults(path, archive, lines, found?.done ?? 0, found?.length ?? 0)
    } catch (error) {
      if (error instanceof UsageError) throw error
      throw fileError(`Can't write '${path}.tar.part'`, error)
    }
  }

  /** Adds what belongs to an image: files by their endings, and its line. */
  async add(
    line: ShardLine,
    files: readonly (readonly [ending: string, bytes: Uint8Array])[],
  ): Promise<void> {
    const bytes = await archiveEntries(files.map(([ending, content]) => [`${line.key}.${ending}`, content]))
    await this.#archive.write(bytes, 0, bytes.length, this.#length)
    this.#length += bytes.length
    this.done++
    // Only what the lines tell of counts.
    await this.#lines.appendFile(`${JSON.stringify({ ...line, end: this.#length })}\n`)
  }

  /** Ends the archive, and gives both files their names. */
  async finish(): Promise<void> {
    await this.#archive.write(endOfArchive, 0, endOfArchive.length, this.#length)
    await this.#archive.sync()
    await this.#lines.appendFile('{"complete":true}\n')
    await this.#lines.sync()
    await this.close()
    await finish(this.#path)
  }

  async close(): Promise<void> {
    await this.#archive.close()
    await this.#lines.close()
  }
}

/** The lines of a finished shard behind its first, without what is of the archive alone. */
export async function* shardLines(path: string): AsyncGenerator<ShardLine, void, undefined> {
  let isFirst = true
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    if (!isFirst) {
      const {
        end: _,
        complete,
        ...line
      } = JSON.parse(text) as ShardLine & { end?: number; complete?: boolean }
      if (complete === undefined) yield line as ShardLine
    }
    isFirst = false
  }
}

/** What a finished shard begins with.
 * @throws UsageError the file is none of a shard */
export async function shardRun(path: string): Promise<ShardRun> {
  try {
    const run = JSON.parse(await firstLine(path)) as ShardRun
    if (run.format === 1 && Number.isSafeInteger(run.position) && Number.isSafeInteger(run.of)) return run
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new UsageError(`'${path}' is no file that \`iba attribute\` wrote of a shard.`)
}

/** Two blocks of zeros. */
const endOfArchive = Buffer.alloc(1024)

/** What of two unfinished files belongs together; the rest is cut off. */
async function whole(
  archive: string,
  lines: string,
): Promise<{ header: string; done: number; length: number; isComplete: boolean } | undefined> {
  const text = await readFile(lines, 'utf8')
  const size = await stat(archive).then(
    found => found.size,
    () => 0,
  )
  const [header, ...others] = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)
  if (header === undefined) return undefined
  let [done, length, kept] = [0, 0, Buffer.byteLength(header) + 1]
  for (const other of others) {
    const { end, complete } = JSON.parse(other) as { end?: number; complete?: boolean }
    if (complete) return { header, done, length, isComplete: true }
    if (end === undefined || end > size) break
    done++
    length = end
    kept += Buffer.byteLength(other) + 1
  }
  await truncate(lines, kept)
  if (size > length) await truncate(archive, length)
  return { header, done, length, isComplete: false }
}

/** The archive first: lines without it would count as done. */
async function finish(path: string): Promise<void> {
  if (await exists(`${path}.tar.part`)) await rename(`${path}.tar.part`, `${path}.tar`)
  await rename(`${path}.jsonl.part`, `${path}.jsonl`)
}

async function archiveEntries(
  files: readonly (readonly [name: string, content: Uint8Array])[],
): Promise<Buffer> {
  const archive = pack()
  // Without the time of writing, so that the same results are the same bytes.
  for (const [name, content] of files) archive.entry({ name, mtime: new Date(0) }, Buffer.from(content))
  archive.finalize()
  const pieces: Buffer[] = []
  for await (const piece of archive) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).subarray(0, -endOfArchive.length)
}

async function firstLine(path: string): Promise<string> {
  for await (const line of createInterface({ input: createReadStream(path) })) return line
  return ''
}

function requireSame(path: string, found: string, expected: string): void {
  if (found === expected) return
  throw new UsageError(
    `'${path}' holds results of another network, other settings or other shards. Give the same ones to go on, or another --out.`,
  )
}
