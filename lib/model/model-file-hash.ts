import { dirname, join } from 'node:path'
import { fileHash, textHash } from '../foundation/file-hash.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/call.js'
import { isFolder, readModelFolder } from './model-folder.js'

/** SHA-256 in hexadecimal digits of all that a model is read from: of its file, or that of its folder, or where tensors of
 * it lie in files beside it, of the hashes of all of them.
 * @throws FileError where one can't be read, WeightsError where the model's file is broken */
export async function modelFileHash(fileOrFolder: string): Promise<string> {
  const path = isFolder(fileOrFolder) ? await fileIn(fileOrFolder) : fileOrFolder
  const own = await fileHash(path)
  const beside = await callNative(() => addon().externalFiles({ file: path }))
  if (beside.length === 0) return own
  const lines = [own]
  for (const name of beside) lines.push(`${await fileHash(join(dirname(path), name))} ${name}`)
  return textHash(lines.join('\n'))
}

async function fileIn(folder: string): Promise<string> {
  const { network } = await readModelFolder(folder)
  return 'file' in network ? network.file : network.weights
}
