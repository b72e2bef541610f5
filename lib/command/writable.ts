import { randomBytes } from 'node:crypto'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'
import { fileError } from '../foundation/files.js'
import { UsageError } from './exit.js'
import { isStandardOutput } from './standard-streams.js'

// Permissions, read-only mounts, quotas and full disks are known for sure only by writing.

/** Refuses a file that could not be written, before hours of work rather than after them.
 * @param option that names it
 * @throws UsageError where its folder is missing, FileError where nothing can be written there */
export async function requireWritableFile(option: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) throw new UsageError(`${option} '${path}' is a folder. Give the path of a file.`)
  const folder = await stat(dirname(path)).catch(() => undefined)
  if (!folder?.isDirectory())
    throw new UsageError(`${option} '${path}': there is no folder '${dirname(path)}'.`)
  await writeAndRemove(dirname(path), `${option} '${path}' can't be written`)
}

/** Makes a folder, where it is missing, and refuses one in which nothing can be written.
 * @throws UsageError where it is a file, FileError */
export async function requireWritableFolder(option: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found && !found.isDirectory()) throw new UsageError(`${option} '${path}' is a file. Expected a folder.`)
  const complaint = `${option}: nothing can be written into '${path}'`
  // Node tries for ever to make a folder where the system says that its parent, which is there, is missing.
  if (!found) await writeAndRemove(await nearestFolder(dirname(path)), complaint)
  await mkdir(path, { recursive: true }).catch(error => {
    throw fileError(`${option}: can't make the folder '${path}'`, error)
  })
  await writeAndRemove(path, complaint)
}

/** Refuses tensors that could not be written: to a file, or to standard output.
 * @throws UsageError, FileError */
export async function requireSafetensorsOut(out: string | undefined): Promise<void> {
  if (out === undefined || isStandardOutput(out)) return
  requireSafetensors(out)
  await requireWritableFile('--out', out)
}

/** Refuses what doesn't end as such files do. */
export function requireSafetensors(out: string | undefined): void {
  if (out !== undefined && extname(out) !== '.safetensors')
    throw new UsageError(`--out '${out}' must end in .safetensors.`)
}

/** The path, or the part of it that is there. */
async function nearestFolder(path: string): Promise<string> {
  const isThere = await stat(path).catch(() => undefined)
  return isThere || dirname(path) === path ? path : await nearestFolder(dirname(path))
}

async function writeAndRemove(folder: string, complaint: string): Promise<void> {
  const path = join(folder, `.iba-${randomBytes(6).toString('hex')}.tmp`)
  try {
    await writeFile(path, 'can this be written?', { flag: 'wx', flush: true })
  } catch (error) {
    throw fileError(complaint, error)
  } finally {
    await rm(path, { force: true }).catch(() => {})
  }
}
