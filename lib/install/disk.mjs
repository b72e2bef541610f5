import { mkdirSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { SetupFailure } from './failure.mjs'
import { megabytes } from './progress.mjs'

/** Makes a folder and checks that its disk has room, rather than to find out after minutes.
 * @param {string} folder
 * @param {number} bytes
 * @param {(folder: string) => Promise<number>} [free] */
export async function needSpace(folder, bytes, free = freeSpace) {
  mkdirSync(folder, { recursive: true })
  const available = await free(folder)
  if (available >= bytes) return
  throw new SetupFailure(
    `${folder} needs ${megabytes(bytes)}, but its disk has only ${megabytes(available)} left`,
    'Free some space, or let IBA_CACHE name a folder on another disk.',
  )
}

/** @param {string} folder */
async function freeSpace(folder) {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
