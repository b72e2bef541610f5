import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { require } from './paths.mjs'
import { Progress } from './progress.mjs'

/** @typedef {{ status: number, headers: { get(name: string): string | null },
 *   body: AsyncIterable<Uint8Array> | null }} Answer */
/** @typedef {(url: string, options: { headers: Record<string, string>, redirect: 'manual' }) => Promise<Answer>} Fetch */
/** @typedef {{ fetch: Fetch, most: number, slowest: number }} Limits */

/** A download that can't be had; `again` says whether another try may help. */
export class DownloadFailure extends Error {
  /** @param {string} message
   * @param {boolean} again
   * @param {ErrorOptions} [options] */
  constructor(message, again, options) {
    super(message, options)
    this.again = again
  }
}

/** Downloads a file and returns the SHA-256 of it. What an interrupted download left in `file` is continued; a
 * connection that breaks is taken up again, one that can't be made fails at once.
 * @param {string} url https, or http on this machine
 * @param {string} file
 * @param {{ fetch?: Fetch, pause?: number, tries?: number, most?: number, slowest?: number }} [options] `pause` is in
 * milliseconds; more than `most` bytes are not taken; a minute with fewer than `slowest` ends a try
 * @returns {Promise<string>} */
export async function download(
  url,
  file,
  { fetch = throughProxies(), pause = 2000, tries = 5, most = 4e9, slowest = 60_000 } = {},
) {
  mkdirSync(dirname(file), { recursive: true })
  for (let tried = 1; ; tried++) {
    try {
      await transfer(url, file, { fetch, most, slowest })
      return await sha256(file)
    } catch (error) {
      const fatal = !(error instanceof DownloadFailure) || !error.again
      if (fatal || tried >= tries) throw error
      await sleep(pause * tried)
    }
  }
}

/** @param {string} file
 * @returns {Promise<string>} */
export async function sha256(file) {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest('hex')
}

/** Removes a file and what is known about its origin.
 * @param {string} file */
export function forget(file) {
  for (const path of [file, tagFile(file)]) rmSync(path, { force: true })
}

/** @param {string} url
 * @param {string} file
 * @param {Limits} limits */
async function transfer(url, file, limits) {
  const held = heldBytes(file)
  const answer = await request(url, file, held, limits.fetch)
  const first = answer.status === 206 ? held : 0
  const total = first + Number(answer.headers.get('content-length') ?? 0)
  const tag = answer.headers.get('etag')
  if (tag) writeFileSync(tagFile(file), tag)
  else rmSync(tagFile(file), { force: true })
  if (total > limits.most) throw tooLong(file, limits)
  const bytes = await save(answer, file, first, total, limits)
  if (total > first && bytes !== total)
    throw new DownloadFailure(`the connection ended after ${bytes} bytes`, true)
}

/** Only what is known to be the beginning of the same file is continued.
 * @param {string} file */
function heldBytes(file) {
  return existsSync(file) && existsSync(tagFile(file)) ? statSync(file).size : 0
}

/** @param {string} url
 * @param {string} file
 * @param {number} held
 * @param {Fetch} fetch */
async function request(url, file, held, fetch) {
  /** @type {Record<string, string>} */
  const headers = held > 0 ? { range: `bytes=${held}-`, 'if-range': readFileSync(tagFile(file), 'utf8') } : {}
  const answer = await follow(url, headers, fetch)
  if (answer.status === 200 || answer.status === 206) return answer
  if (answer.status === 416) forget(file) // it was whole already, or longer: begin again
  throw new DownloadFailure(
    `the server answered ${answer.status}`,
    answer.status === 416 || answer.status >= 500,
  )
}

/** Follows redirections, but never to where others can read along or change what comes.
 * @param {string} url
 * @param {Record<string, string>} headers
 * @param {Fetch} fetch */
async function follow(url, headers, fetch) {
  let at = new URL(url)
  for (let redirected = 0; ; redirected++) {
    if (!isSafe(at, redirected > 0 ? new URL(url) : at))
      throw new DownloadFailure(`${at.href} is not https, so that it could be changed on the way`, false)
    const answer = await fetch(at.href, { headers, redirect: 'manual' }).catch(error => {
      throw new DownloadFailure(reasonOf(error), false, { cause: error })
    })
    const location = answer.headers.get('location')
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === null) return answer
    if (redirected === mostRedirections)
      throw new DownloadFailure(`the server redirects more than ${mostRedirections} times`, false)
    if (!URL.canParse(location, at.href))
      throw new DownloadFailure('the server redirects to what is no address', false)
    at = new URL(location, at.href)
  }
}

const mostRedirections = 5

/** Whether a server is on this machine, or what it sends can't be changed on the way.
 * @param {URL} url
 * @param {URL} first where the way began */
function isSafe({ protocol, hostname }, first) {
  if (protocol === 'https:') return true
  return protocol === 'http:' && first.protocol === 'http:' && /^(127\.|localhost$|\[::1\]$)/.test(hostname)
}

/** @param {string} file
 * @param {Limits} limits */
function tooLong(file, { most }) {
  forget(file)
  return new DownloadFailure(`the server sends more than ${most} bytes, which is no such file`, false)
}

/** @param {Answer} answer
 * @param {string} file
 * @param {number} first
 * @param {number} total
 * @param {Limits} limits
 * @returns {Promise<number>} the bytes that the file has now */
async function save({ body }, file, first, total, limits) {
  const handle = await open(file, first > 0 ? 'a' : 'w')
  const progress = new Progress(first, total)
  let bytes = first
  let minute = { began: performance.now(), bytes: first }
  try {
    for await (const chunk of body ?? []) {
      await handle.writeFile(chunk)
      bytes += chunk.length
      if (bytes > limits.most) throw tooLong(file, limits)
      if (performance.now() - minute.began > 60_000) {
        if (bytes - minute.bytes < limits.slowest) throw new Error('the server hardly sends anything')
        minute = { began: performance.now(), bytes }
      }
      progress.update(bytes)
    }
  } catch (error) {
    if (error instanceof DownloadFailure) throw error
    if (/** @type {NodeJS.ErrnoException} */ (error).syscall === 'write') throw error
    throw new DownloadFailure(reasonOf(error), true, { cause: error })
  } finally {
    await handle.close()
    progress.end(bytes)
  }
  return bytes
}

/** fetch that goes through HTTP_PROXY and HTTPS_PROXY, and gives up soon where there is no network.
 * @returns {Fetch} */
function throughProxies() {
  const undici = /** @type {typeof import('undici')} */ (require('undici'))
  const dispatcher = new undici.EnvHttpProxyAgent({ connect: { timeout: 5000 }, bodyTimeout: 30_000 })
  return (url, options) => undici.fetch(url, { ...options, dispatcher })
}

/** @param {string} file */
function tagFile(file) {
  return `${file}.etag`
}

/** fetch hides what happened in the cause of its error.
 * @param {unknown} error
 * @returns {string} */
function reasonOf(error) {
  if (!(error instanceof Error)) return String(error)
  return error.cause ? reasonOf(error.cause) : error.message || error.name
}
