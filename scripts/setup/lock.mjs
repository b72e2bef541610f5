import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SetupFailure } from '../../lib/install/failure.mjs'
import { say } from '../../lib/install/process.mjs'
import { buildFolder } from './paths.mjs'

/** @typedef {{ heartbeat?: number, patience?: number, limit?: number }} Times in milliseconds: between two signs of life; without any
 * until an owner is taken for dead; and that one waits at most */

/** Lets one process at a time do the work: two builds in one folder would break each other. Whoever has the lock touches it again
 * and again. An owner that stopped doing so is dead, whatever its process number, which another process may have by
 * now, and whatever machine or container it ran in.
 * @template T
 * @param {() => Promise<T>} work
 * @param {string} [file]
 * @param {Times} [times]
 * @returns {Promise<T>}
 * @throws {SetupFailure} where a living owner is not done in time */
export async function alone(
  work,
  file = join(buildFolder, '.lock'),
  { heartbeat = 2000, patience = 30_000, limit = 2 * 3600_000 } = {},
) {
  mkdirSync(join(file, '..'), { recursive: true })
  const own = `process ${process.pid} on ${hostname()}, ${randomBytes(6).toString('hex')}`
  await take(file, own, { heartbeat, patience, limit })
  const beating = setInterval(() => touch(file), heartbeat).unref()
  const release = () => {
    clearInterval(beating)
    if (ownerOf(file) === own) rmSync(file, { force: true })
  }
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

/** @param {string} file
 * @param {string} own
 * @param {Required<Times>} times */
async function take(file, own, { heartbeat, patience, limit }) {
  const started = performance.now()
  let seen = ''
  let seenAt = started
  while (!make(file, own)) {
    const now = performance.now()
    const state = stateOf(file)
    if (seen === '') say(`waiting for another set-up in this folder (${describe(file)})`)
    if (state !== seen) [seen, seenAt] = [state, now]
    if (now - seenAt > patience) remove(file, state)
    if (now - started > limit)
      throw new SetupFailure(
        `another set-up in this folder is not done (${describe(file)})`,
        `Wait for it, or end it. If there is none, remove ${file}.`,
      )
    await sleep(Math.min(heartbeat, 500))
  }
}

/** @param {string} file
 * @param {string} own
 * @returns {boolean} whether the lock is ours */
function make(file, own) {
  try {
    writeFileSync(file, own, { flag: 'wx' })
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false
    // On a full disk it was made, but not written.
    if (ownerOf(file) !== null) rmSync(file, { force: true })
    throw error
  }
}

/** Puts a dead owner's lock away. Another that waits may have done so before, and the lock be a new one by now: that one is put
 * back.
 * @param {string} file
 * @param {string} state */
function remove(file, state) {
  const aside = `${file}.${randomBytes(6).toString('hex')}`
  try {
    renameSync(file, aside)
    if (stateOf(aside) === state) rmSync(aside, { recursive: true, force: true })
    else renameSync(aside, file)
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error
  }
}

/** @param {string} file */
function touch(file) {
  const now = new Date()
  try {
    utimesSync(file, now, now)
  } catch {
    // A folder that is gone is told of by the work itself.
  }
}

/** What changes with each sign of life.
 * @param {string} file */
function stateOf(file) {
  const { mtimeMs, ino } = statSync(file, { throwIfNoEntry: false }) ?? {}
  return `${ownerOf(file)} ${mtimeMs} ${ino}`
}

/** @param {string} file */
function ownerOf(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

/** @param {string} file */
function describe(file) {
  const owner = ownerOf(file)?.split(',')[0]
  return `${owner || 'of an unknown process'}; its lock is ${file}`
}
