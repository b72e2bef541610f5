import { dirname, join } from 'node:path'
import { fileHash, textHash } from '../foundation/file-hash.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/call.js'

/** SHA-256 in hexadecimal digits of all that a model is read from: of its file, or where tensors of it lie in files beside
 * it, of the hashes of all of them.
 * @throws FileError where one can't be read, WeightsError where the model's file is broken */
export async function modelFileHash(path: string): Promise<string> {
  const own = await fileHash(path)
  const beside = await callNative(() => addon().externalFiles({ file: path }))
  if (beside.length === 0) return own
  const lines = [own]
  for (const name of beside) lines.push(`${await fileHash(join(dirname(path), name))} ${name}`)
  return textHash(lines.join('\n'))
}
