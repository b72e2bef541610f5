// Plain JavaScript, because the set-up needs it before TypeScript is compiled.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { types } from 'node:util'

/** @typedef {import('undici').Dispatcher} Dispatcher */
/** @typedef {import('node:fs/promises').FileHandle} FileHandle */

/** How far a download is, in bytes. `total` is absent if the server doesn't say.
 * @typedef {{ received: number, total?: number }} Received */

/** @typedef {object} TransferOptions
 * @property {string} [sha256Prefix] the first hex digits of the file's SHA-256. With it, a part that an earlier run left is
 * continued
 * @property {(progress: Received) => unknown} [onProgress] called as bytes arrive
 * @property {AbortSignal} [signal] stops the download; what has arrived stays for the next try
 * @property {number} [retries] how often a broken connection is tried again; 5
 * @property {number} [maximumBytes] more than these are not taken, whatever the server says or sends; 4 GB
 * @property {number} [idleTimeout] milliseconds after which a connection counts as broken on which nothing, or less than
 * 1 kB a second, arrives; 60,000
 * @property {Dispatcher} [dispatcher] makes the connections; undici's, through the proxy that http_proxy, https_proxy and
 * no_proxy name */

/** A download that can't be had. `why` is the reason alone; with `resumes`, running it again continues where it broke. */
export class TransferFailure extends Error {
  /** @param {string} why
   * @param {{ cause?: unknown, resumes?: boolean, isNetwork?: boolean }} [options] */
  constructor(why, { cause, resumes = false, isNetwork = false } = {}) {
    super(why, { cause })
    this.why = why
    this.resumes = resumes
    this.isNetwork = isNetwork
  }
}

/** A file that can't be written; `cause` is the system's error. */
export class DiskFailure extends Error {
  /** @param {string} path
   * @param {unknown} cause */
  constructor(path, cause) {
    super(`${path}: ${types.isNativeError(cause) ? cause.message : cause}`, { cause })
    this.path = path
    this.code = codeOf(cause)
  }
}

/** A file that arrived whole, but isn't what was published. */
export class WrongHash extends TransferFailure {}

/** Downloads a file into `destination + '.part'`, checks it and renames it. A broken connection is continued where it
 * broke, if the server can; two processes may download the same file at the same time. Redirections are followed five
 * times, and never from https to http.
 * @param {string} url https; http on this machine alone
 * @param {string} destination
 * @param {TransferOptions} [options]
 * @throws {TransferFailure} no network, an answer other than success, more bytes than allowed, or a wrong hash
 * @throws {DiskFailure}
 * @throws the signal's reason if it is aborted */
export async function fetchFile(url, destination, options = {}) {
  options.signal?.throwIfAborted()
  // Loaded when it is needed: it would make up a sixth of the time that every command takes to start.
  const { EnvHttpProxyAgent } = await import('undici')
  const agent = options.dispatcher ?? new EnvHttpProxyAgent({ connect: { timeout: 5000 } })
  const retries = options.retries ?? 5
  try {
    const wasContinued = await new Transfer(url, `${destination}.part`, options, agent).run(retries)
    if (await finish(url, destination, options.sha256Prefix, wasContinued)) return
    // What an earlier run left was of another file.
    await new Transfer(url, `${destination}.part`, options, agent).run(retries)
    await finish(url, destination, options.sha256Prefix, false)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error
  } finally {
    if (!options.dispatcher) await agent.destroy()
  }
}

/** @param {string} file
 * @returns {Promise<string>} its SHA-256 in hex digits */
export async function sha256(file) {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk)
  return hash.digest('hex')
}

/** Whether the file is there and its SHA-256 begins so.
 * @param {string} path
 * @param {string} sha256Prefix */
export async function hasHash(path, sha256Prefix) {
  if (!(await stat(path).catch(() => undefined))?.isFile()) return false
  return (await sha256(path)).startsWith(sha256Prefix.toLowerCase())
}

/** Whether nobody on the way can read along or change what comes: https, or a server on this machine.
 * @param {URL} url */
export function isSafe({ protocol, hostname }) {
  if (protocol === 'https:') return true
  return protocol === 'http:' && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(hostname)
}

/** @param {string} url
 * @param {string} destination
 * @param {string | undefined} sha256Prefix
 * @param {boolean} canTryAgain whether a wrong hash is no failure yet
 * @returns {Promise<boolean>} false where the hash was wrong and the part was removed */
async function finish(url, destination, sha256Prefix, canTryAgain) {
  const part = `${destination}.part`
  if (sha256Prefix === undefined) {
    await rename(part, destination).catch(error => diskFailed(destination, error))
    return true
  }
  try {
    if (await hasHash(part, sha256Prefix)) {
      await rename(part, destination)
      return true
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') diskFailed(destination, error)
  }
  // Another process that downloaded the same file may have finished it.
  if (await hasHash(destination, sha256Prefix)) return true
  await rm(part, { force: true })
  if (canTryAgain) return false
  throw new WrongHash(
    `What arrived from ${url} is not what was published: its SHA-256 doesn't begin with ${sha256Prefix}. ` +
      'It was removed. Try again; if it happens again, a proxy on the way may answer in its place.',
  )
}

/** One download, over as many connections as it takes. */
class Transfer {
  #url
  #part
  #options
  #dispatcher
  /** The server's name for the version of the file that arrives.
   * @type {string | undefined} */
  #version
  #received = 0
  #wasContinued = false

  /** @param {string} url
   * @param {string} part
   * @param {TransferOptions} options
   * @param {Dispatcher} agent */
  constructor(url, part, options, agent) {
    this.#url = url
    this.#part = part
    this.#options = options
    this.#dispatcher = agent
  }

  /** @param {number} retries
   * @returns {Promise<boolean>} whether it began with what an earlier run left */
  async run(retries) {
    // Opened to read and write at a place: two processes that download the same file write the same bytes.
    const file = await openPart(this.#part)
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          await this.#attempt(file)
          return this.#wasContinued
        } catch (error) {
          if (!isTransient(error) || this.#options.signal?.aborted) throw error
          if (attempt >= retries || this.#isUnreachable(error)) throw this.#unreachable(error)
          await sleep(Math.min(250 * 2 ** attempt, 8000), undefined, abortable(this.#options.signal))
        }
      }
    } finally {
      await file.close()
    }
  }

  /** @param {FileHandle} file */
  async #attempt(file) {
    const start = await this.#resumeFrom(file)
    const response = await this.#request(this.#headers(start))
    if (response.statusCode === 416) {
      await response.body.dump()
      return await this.#restartUnlessWhole(file, start, response.headers['content-range'])
    }
    if (response.statusCode !== 200 && response.statusCode !== 206) {
      await response.body.dump()
      throw refused(response.statusCode)
    }
    if (response.statusCode === 206 && !startsAt(response.headers['content-range'], start)) {
      await response.body.dump()
      throw new TransientError('the server sent another part than the one asked for')
    }
    this.#version = strongTag(response.headers.etag)
    await this.#receive(response, file, response.statusCode === 206 ? start : 0)
  }

  /** The answer behind all redirections.
   * @param {Record<string, string>} headers */
  async #request(headers) {
    const { request } = await import('undici')
    let url = new URL(this.#url)
    for (let redirections = 0; ; redirections++) {
      const response = await request(url, {
        ...abortable(this.#options.signal),
        dispatcher: this.#dispatcher,
        headers,
        headersTimeout: this.#idleTimeout,
        bodyTimeout: this.#idleTimeout,
      })
      const { location } = response.headers
      if (!redirecting.has(response.statusCode) || typeof location !== 'string') return response
      await response.body.dump()
      if (redirections === mostRedirections)
        throw new TransferFailure(`the server redirects more than ${mostRedirections} times`)
      if (!URL.canParse(location, url.href))
        throw new TransferFailure(`the server redirects to '${location}'`)
      const next = new URL(location, url)
      if (!isSafe(next) || (url.protocol === 'https:' && next.protocol !== 'https:'))
        throw new TransferFailure(
          `the server redirects to ${next.href}, which is not https: it could be changed on the way`,
        )
      url = next
    }
  }

  get #idleTimeout() {
    return this.#options.idleTimeout ?? defaultIdleTimeout
  }

  /** Bytes that can be kept: those of this version of the file, or any if a hash will judge the whole.
   * @param {FileHandle} file */
  async #resumeFrom(file) {
    if (this.#version === undefined && this.#options.sha256Prefix === undefined) return 0
    if (this.#received > 0) return this.#received
    const left = this.#options.sha256Prefix === undefined ? 0 : (await file.stat()).size
    this.#wasContinued = left > 0
    return left
  }

  /** @param {number} start */
  #headers(start) {
    /** @type {Record<string, string>} */
    const headers = { 'accept-encoding': 'identity' }
    if (start > 0) headers.range = `bytes=${start}-`
    if (start > 0 && this.#version !== undefined) headers['if-range'] = this.#version
    return headers
  }

  /** @param {import('undici').Dispatcher.ResponseData} response
   * @param {FileHandle} file
   * @param {number} start */
  async #receive({ body, headers }, file, start) {
    const length = Number(headers['content-length'])
    const total = Number.isSafeInteger(length) ? { total: start + length } : {}
    if (total.total !== undefined) await this.#requireFitting(file, total.total)
    this.#received = start
    let window = { began: performance.now(), received: start }
    for await (const chunk of /** @type {AsyncIterable<Uint8Array>} */ (body)) {
      await this.#requireFitting(file, this.#received + chunk.length)
      const now = performance.now()
      if (now - window.began > this.#idleTimeout) {
        if (this.#received - window.received < now - window.began)
          throw new TransientError('the server sends less than 1 kB a second')
        window = { began: now, received: this.#received }
      }
      await writeFully(file, chunk, this.#received, this.#part)
      this.#received += chunk.length
      await this.#options.onProgress?.({ received: this.#received, ...total })
    }
    // An older, longer part may reach beyond the end.
    await file.truncate(this.#received)
  }

  /** @param {FileHandle} file
   * @param {number} bytes */
  async #requireFitting(file, bytes) {
    const most = this.#options.maximumBytes ?? defaultMaximum
    if (bytes <= most) return
    await file.truncate(0)
    throw new TransferFailure(`the server sends more than the ${most} bytes that are expected at most`)
  }

  /** The server has nothing from `start` on: the part is whole already, or is of another file.
   * @param {FileHandle} file
   * @param {number} start
   * @param {string | string[] | undefined} range */
  async #restartUnlessWhole(file, start, range) {
    if (start > 0 && range === `bytes */${start}`) return
    this.#received = 0
    this.#version = undefined
    await file.truncate(0)
    throw new TransientError(`the server has no bytes from ${start} on`)
  }

  /** @param {unknown} error */
  #isUnreachable(error) {
    return this.#received === 0 && unreachable.has(codeOf(rootCause(error)) ?? '')
  }

  /** @param {unknown} error */
  #unreachable(error) {
    const cause = rootCause(error)
    const why = cause instanceof Error ? cause.message || codeOf(cause) || cause.name : String(cause)
    const resumes = this.#received > 0 && this.#options.sha256Prefix !== undefined
    return new TransferFailure(why, { cause: error, resumes, isNetwork: true })
  }
}

/** An answer that may be another one next time. */
class TransientError extends Error {}

/** Whether the network or the server failed, and not the disk or the caller's onProgress.
 * @param {unknown} error */
function isTransient(error) {
  if (error instanceof TransferFailure || error instanceof DiskFailure) return false
  return error instanceof TransientError || codeOf(rootCause(error)) !== undefined
}

const redirecting = new Set([301, 302, 303, 307, 308])
const mostRedirections = 5
export const defaultMaximum = 4e9
export const defaultIdleTimeout = 60_000

/** Codes of a network that isn't there: trying again only keeps the user waiting. */
const unreachable = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** @param {string} part */
async function openPart(part) {
  // 'a' only creates the file; positions count on Linux only if it is not open for appending.
  await open(part, 'a').then(
    file => file.close(),
    error => diskFailed(part, error),
  )
  return open(part, 'r+').catch(error => diskFailed(part, error))
}

/** @param {FileHandle} file
 * @param {Uint8Array} bytes
 * @param {number} position
 * @param {string} path */
async function writeFully(file, bytes, position, path) {
  for (let written = 0; written < bytes.length; ) {
    const result = await file
      .write(bytes, written, bytes.length - written, position + written)
      .catch(error => diskFailed(path, error))
    written += result.bytesWritten
  }
}

/** The error for an answer that won't change; for one that may, an ordinary error, which is tried again.
 * @param {number} status */
function refused(status) {
  if (status >= 500 || status === 408 || status === 429)
    return new TransientError(`the server answered with status ${status}`)
  return new TransferFailure(
    status === 404 ? 'there is no such file (status 404)' : `the server refused with status ${status}`,
  )
}

/** @param {string | string[] | undefined} range
 * @param {number} start */
function startsAt(range, start) {
  return typeof range === 'string' && range.startsWith(`bytes ${start}-`)
}

/** A weak tag (W/"…") doesn't promise the same bytes, so it can't be used to continue.
 * @param {string | string[] | undefined} etag */
function strongTag(etag) {
  return typeof etag === 'string' && etag.startsWith('"') ? etag : undefined
}

/** @param {unknown} error
 * @returns {unknown} */
function rootCause(error) {
  if (error instanceof AggregateError && error.errors.length > 0) return rootCause(error.errors[0])
  return error instanceof Error && error.cause instanceof Error ? rootCause(error.cause) : error
}

/** @param {AbortSignal | undefined} signal */
function abortable(signal) {
  return signal ? { signal } : {}
}

/** @param {unknown} error
 * @returns {string | undefined} */
function codeOf(error) {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** @param {string} path
 * @param {unknown} error
 * @returns {never} */
function diskFailed(path, error) {
  throw new DiskFailure(path, error)
}
