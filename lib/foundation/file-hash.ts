import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { fileError } from './files.js'

/** SHA-256 of a file's content in hexadecimal digits. A file that wasn't touched since is not read again in this process.
 * @throws FileError where it can't be read */
export async function fileHash(path: string): Promise<string> {
  try {
    const { size, mtimeMs, ctimeMs, ino } = await stat(path)
    const state = [size, mtimeMs, ctimeMs, ino].join()
    const known = hashes.get(path)
    if (known?.state === state) return known.hash
    const hash = await hashOfContent(path)
    if (hashes.size >= mostKnown) hashes.clear()
    hashes.set(path, { state, hash })
    return hash
  } catch (error) {
    throw fileError(`Can't read '${path}'`, error)
  }
}

/** SHA-256 of a text in hexadecimal digits. */
export function textHash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** As many as an evaluation has images, and some. */
const mostKnown = 200_000
const hashes = new Map<string, { state: string; hash: string }>()

async function hashOfContent(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}
