import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildFolder } from './paths.mjs'
import { say } from './process.mjs'

/** Lets one process at a time do the work: two builds in one folder would break each other.
 * @template T
 * @param {() => Promise<T>} work
 * @param {string} [file]
 * @returns {Promise<T>} */
export async function alone(work, file = join(buildFolder, '.lock')) {
  mkdirSync(join(file, '..'), { recursive: true })
  for (let waits = 0; !take(file); waits++) {
    if (waits === 0) say('waiting for another set-up in this folder')
    await sleep(500)
  }
  const release = () => rmSync(file, { force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

/** @param {string} file */
function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error
  }
  if (!ownerLives(file)) rmSync(file, { force: true })
  return false
}

/** @param {string} file */
function ownerLives(file) {
  try {
    const owner = Number(readFileSync(file, 'utf8'))
    return owner === 0 || process.kill(owner, 0)
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
