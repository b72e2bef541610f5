import { randomBytes } from 'node:crypto'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FileError } from './errors.js'
import { isError } from './realms.js'
import { count } from './text.js'

/** Writes a file under a temporary name in the same folder and renames it, so that a killed run leaves no half file.
 * What such a run left is removed by the next writer of the same file.
 * @param data text, bytes, or pieces of bytes that are written one after the other
 * @throws FileError where the folder is missing, not writable or full */
export async function writeFileAtomically(
  path: string,
  data: string | Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const pieces = Array.isArray(data) ? data : [data]
  try {
    await removeAbandoned(path)
    // A writer that was stopped for long may find its temporary taken for abandoned, and writes it again.
    while (!(await writeBeside(path, pieces)));
    await syncFolder(dirname(path))
  } catch (error) {
    const bytes = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0)
    throw fileError(`Can't write the ${count(bytes, 'byte')} of '${path}'`, error)
  }
}

/** Seconds without a change after which a temporary's writer is taken for dead: each is written in one go. */
const abandonedAfter = 60

/** @returns false where the temporary was removed by another writer of the file */
async function writeBeside(path: string, pieces: readonly (string | Uint8Array)[]): Promise<boolean> {
  const temporary = join(dirname(path), `${prefixOf(path)}${randomBytes(6).toString('hex')}.tmp`)
  try {
    const file = await open(temporary, 'wx')
    try {
      for (const piece of pieces) await file.writeFile(piece)
      await file.sync()
    } finally {
      await file.close()
    }
    return await rename(temporary, path).then(
      () => true,
      async error => {
        if (errorCode(error) === 'ENOENT' && !(await exists(temporary))) return false
        throw error
      },
    )
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

/** What the names of a file's temporaries begin with. A long name is cut, since names are bounded. */
function prefixOf(path: string): string {
  return `.${[...basename(path)].slice(0, 50).join('')}.`
}

async function removeAbandoned(path: string): Promise<void> {
  const folder = dirname(path)
  const prefix = prefixOf(path)
  for (const name of await earlierTemporaries(folder)) {
    if (!name.startsWith(prefix) || name.length !== prefix.length + suffixLength) continue
    const temporary = join(folder, name)
    const changed = await stat(temporary).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    )
    if (Date.now() - changed > 1000 * abandonedAfter) await rm(temporary, { force: true }).catch(() => {})
  }
}

/** Temporaries that were in a folder when this process first wrote there: many files are written to one folder, and reading
 * it before each would take ever longer. */
async function earlierTemporaries(folder: string): Promise<readonly string[]> {
  const known = temporaries.get(folder)
  if (known !== undefined) return await known
  if (temporaries.size >= mostFolders) temporaries.clear()
  const found = readdir(folder).then(
    names => names.filter(name => temporaryName.test(name)),
    () => [],
  )
  temporaries.set(folder, found)
  return await found
}

const temporaries = new Map<string, Promise<readonly string[]>>()
const mostFolders = 100
const temporaryName = /^\..*\.[0-9a-f]{12}\.tmp$/s
const suffixLength = '0123456789ab.tmp'.length

/** A rename survives a power cut only once its folder is on the disk. Some file systems can't sync a folder, and the file is
 * in place all the same. */
async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder, 'r').catch(() => undefined)
  await opened?.sync().catch(() => {})
  await opened?.close()
}

/** Whether there is a file or folder of that path. */
export async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

/** The operating system's code of a failed call, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  const code = isError(error) && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Why reading or writing failed and what to do, in words. */
export function fileReason(error: unknown): string {
  const code = errorCode(error)
  return (code && reasons[code]) ?? (isError(error) ? error.message : String(error))
}

/** The error for a failed call of the operating system. */
export function fileError(what: string, error: unknown): FileError {
  return new FileError(`${what}: ${fileReason(error)}`, { cause: error })
}

const reasons: Record<string, string> = {
  EACCES: 'permission denied. Choose another folder or change its permissions.',
  EDQUOT: 'the disk quota is used up. Free some space or choose another folder.',
  EISDIR: 'it is a folder. Give the path of a file.',
  EIO: 'the device failed. Check the disk or the connection to it.',
  EMFILE: 'too many open files. Raise the limit (ulimit -n).',
  ENOENT: 'no such file or folder. Check the path.',
  ENOSPC: 'the disk is full. Free some space or choose another folder.',
  ENXIO: 'it is a socket or a device without a driver. Give the path of a file.',
  ENOTDIR: 'a part of the path is a file, not a folder. Check the path.',
  EPERM: 'the operation is not permitted. Choose another folder or change its permissions.',
  EROFS: 'the file system is read-only. Choose another folder.',
  ESPIPE: 'it is a pipe. Save it as a file first, and give that.',
  ESTALE: 'the connection to the network drive was lost. Mount it again.',
  ETXTBSY: 'it is a program that runs. Choose another name.',
}
