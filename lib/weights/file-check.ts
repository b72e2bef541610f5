import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'

/** Whether the file is there and its SHA-256 begins so. */
export async function hasHash(path: string, sha256Prefix: string): Promise<boolean> {
  if (!(await stat(path).catch(() => undefined))?.isFile()) return false
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk)
  return hash.digest('hex').startsWith(sha256Prefix.toLowerCase())
}
