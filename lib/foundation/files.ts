import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FileError } from './errors.js'

/** Writes a file under a temporary name in the same folder and renames it, so that a killed run leaves no half file.
 * @param data text, bytes, or pieces of bytes that are written one after the other
 * @throws FileError where the folder is missing, not writable or full */
export async function writeFileAtomically(
  path: string,
  data: string | Uint8Array | readonly Uint8Array[],
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    const file = await open(temporary, 'wx')
    try {
      for (const piece of Array.isArray(data) ? data : [data]) await file.writeFile(piece)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw fileError(`Can't write '${path}'`, error)
  }
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
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Why reading or writing failed and what to do, in words. */
export function fileReason(error: unknown): string {
  const code = errorCode(error)
  return (code && reasons[code]) ?? (error instanceof Error ? error.message : String(error))
}

/** The error for a failed call of the operating system. */
export function fileError(what: string, error: unknown): FileError {
  return new FileError(`${what}: ${fileReason(error)}`, { cause: error })
}

const reasons: Record<string, string> = {
  EACCES: 'permission denied. Choose another folder or change its permissions.',
  EDQUOT: 'the disk quota is used up. Free some space or choose another folder.',
  EISDIR: 'it is a folder. Give the path of a file.',
  EMFILE: 'too many open files. Raise the limit (ulimit -n).',
  ENOENT: 'no such file or folder. Check the path.',
  ENOSPC: 'the disk is full. Free some space or choose another folder.',
  ENOTDIR: 'a part of the path is a file, not a folder. Check the path.',
  EPERM: 'the operation is not permitted. Choose another folder or change its permissions.',
  EROFS: 'the file system is read-only. Choose another folder.',
}
