import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { extract } from '#tar-stream'
import { openStream } from '../foundation/bounded-reading.js'
import { ImageError } from '../foundation/errors.js'
import { encodePath, listFolder } from '../foundation/file-names.js'
import { fileReason } from '../foundation/files.js'

/** What images are called in archives. */
export const imageEnding = /^(jpe?g|png|webp)$/
const labelEndings = ['cls', 'cls.txt', 'json']
/** In bytes: of one file of an archive, and of what lies between two of them. */
const limits = { file: 2 ** 26, headers: 2 ** 24 }
/** How much of a packed byte: images hardly shrink. */
const unpacking = { start: 2 ** 26, ratio: 200 }
/** How archives are called. */
export const archiveName = /\.tar(\.gz)?$/i

/** The paths of a WebDataset's archives: those of a folder, one of them, or names with braces, as in `train-{000000..001281}.tar`.
 * @throws ImageError where there are none */
export async function archivePaths(pattern: string): Promise<string[]> {
  const paths = expandBraces(pattern)
  if (paths.length > 1) return paths
  const found = await stat(encodePath(pattern)).catch(error => {
    throw new ImageError(`Can't read '${pattern}': ${fileReason(error)}`, { cause: error, source: pattern })
  })
  if (!found.isDirectory()) return paths
  const archives = (await listFolder(pattern))
    .map(({ name }) => name)
    .filter(name => archiveName.test(name) && !name.startsWith('.'))
    .sort()
  if (archives.length === 0) {
    throw new ImageError(`'${pattern}' holds no .tar archives.`, { source: pattern })
  }
  return archives.map(name => join(pattern, name))
}

/** What a file of an archive is called. */
export interface MemberName {
  key: string
  ending: string
  /** Whether the first dot parts them. */
  isFirst: boolean
}

/** Undefined for what is neither an image nor a class. */
function parseName(name: string): MemberName | undefined {
  const file = basename(name)
  if (file.startsWith('.')) return undefined
  return [...file.matchAll(/\./g)]
    .map(({ index }, i) => ({
      key: name.slice(0, name.length - file.length + index),
      ending: file.slice(index + 1).toLowerCase(),
      isFirst: i === 0,
    }))
    .find(({ ending }) => imageEnding.test(ending) || labelEndings.includes(ending))
}

/** The images and classes of an archive, in its order.
 * @throws ImageError it can't be read, or holds something that is too large */
export async function* readArchive(
  path: string,
): AsyncGenerator<MemberName & { content: Uint8Array }, void, undefined> {
  const archive = extract()
  let unaccounted = 0
  try {
    const file = await openStream(path)
    let unpacked = 0
    const meter = new Transform({
      transform(piece: Buffer, _, done) {
        unaccounted += piece.length
        unpacked += piece.length
        if (unaccounted > limits.headers)
          done(new ImageError(`it has ${limits.headers / 2 ** 20} MiB without a file, more than the limit`))
        else if (unpacked > unpacking.start + unpacking.ratio * file.bytesRead)
          done(
            new ImageError(
              `it unpacks to more than ${unpacking.ratio} times its size, the limit of an archive`,
            ),
          )
        else done(null, piece)
      },
    })
    const stages = /\.gz$/i.test(path) ? [createGunzip(), meter] : [meter]
    // Errors of each stage end the archive, which is what is read below.
    pipeline([file, ...stages, archive], () => {})
    for await (const entry of archive) {
      const { name, type, size = 0 } = entry.header
      unaccounted = 0
      const wanted = type === 'file' ? parseName(name) : undefined
      if (wanted && size > limits.file)
        throw new ImageError(`'${name}' has ${size} bytes, more than the limit of ${limits.file}`)
      const pieces: Uint8Array[] = []
      for await (const piece of entry) {
        unaccounted = 0
        if (wanted) pieces.push(piece as Uint8Array)
      }
      if (wanted) yield { ...wanted, content: Buffer.concat(pieces) }
    }
  } catch (error) {
    throw new ImageError(`Can't read the archive '${path}': ${fileReason(error)}`, {
      cause: error,
      source: path,
    })
  } finally {
    archive.destroy()
  }
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
