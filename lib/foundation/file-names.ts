import { isUtf8 } from 'node:buffer'
import { readdir } from 'node:fs/promises'

/** A path of the file system as a string. Bytes that are no UTF-8 are kept as Python keeps them (PEP 383): each as the code
 * unit 0xDC00 + byte, which no UTF-8 gives. {@link encodePath} makes the same bytes of it. */
export function decodePath(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString()
  let path = ''
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find(size => isUtf8(bytes.subarray(at, at + size)))
    path += length ? bytes.toString('utf8', at, at + length) : String.fromCharCode(0xdc00 + bytes[at]!)
    at += length ?? 1
  }
  return path
}

/** A lone surrogate, since `u` takes pairs for one character. */
const oddByte = /([\udc80-\udcff])/u

/** The bytes of a path, as the operating system takes them. */
export function encodePath(path: string): Buffer {
  if (!oddByte.test(path)) return Buffer.from(path)
  const parts = path.split(oddByte)
  return Buffer.concat(
    parts.map((part, i) => (i % 2 === 1 ? Buffer.of(part.charCodeAt(0) - 0xdc00) : Buffer.from(part))),
  )
}

/** What a folder holds. */
export interface FolderEntry {
  name: string
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

/** The entries of a folder, their names as `decodePath` gives them.
 * @throws the error of the operating system */
export async function listFolder(path: string): Promise<FolderEntry[]> {
  const folder = encodePath(path)
  const entries = await readdir(folder, { withFileTypes: true })
  if (!entries.some(({ name }) => name.includes('\ufffd'))) return entries
  const odd = await readdir(folder, { withFileTypes: true, encoding: 'buffer' })
  return odd.map(entry => ({
    name: decodePath(entry.name),
    isFile: () => entry.isFile(),
    isDirectory: () => entry.isDirectory(),
    isSymbolicLink: () => entry.isSymbolicLink(),
  }))
}
