import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { DownloadError } from '../foundation/errors.js'
import { errorCode, fileReason } from '../foundation/files.js'
import { invalid, requireInteger } from '../foundation/validate.js'
import { publishedWeights, type WeightsVersion } from './published.js'

/** How far a download is, in bytes. `total` is absent if the server doesn't say. */
export interface DownloadProgress {
  /** Bytes that are here. */
  received: number
  /** Bytes in all. */
  total?: number
}

/** Options of {@link downloadFile}. */
export interface DownloadOptions {
  /** The first hex digits of the file's SHA-256. With it, a part that an earlier run left is continued. */
  sha256Prefix?: string
  /** Called as bytes arrive. */
  onProgress?: (progress: DownloadProgress) => void
  /** Stops the download; what has arrived stays for the next try. */
  signal?: AbortSignal
  /** How often a broken connection is tried again. Default: 5. */
  retries?: number
  /** More bytes than this are not taken, whatever the server says or sends. Default: 4 GB. */
  maximumBytes?: number
  /** Milliseconds after which a connection counts as broken on which nothing, or less than 1 kB a second, arrives.
   * Default: 60,000. */
  idleTimeout?: number
  /** Makes the connections. Default: undici's, through the proxy that http_proxy, https_proxy and no_proxy name. */
  dispatcher?: Dispatcher
}

/** Options of {@link fetchWeights}. */
export interface FetchWeightsOptions extends Omit<DownloadOptions, 'sha256Prefix'> {
  /** Default: `v1`, as in the paper. */
  version?: WeightsVersion
  /** Where weight files are kept. Default: `weights` in the cache folder. */
  folder?: string
}

/** The path of the weights that torchvision publishes for a model, downloaded unless the file is there and whole.
 * @throws {InvalidArgumentError} torchvision publishes none for this model or version
 * @throws {DownloadError} the server refuses, the connection breaks, or what arrives is not what was published */
export async function fetchWeights(model: string, options: FetchWeightsOptions = {}): Promise<string> {
  const { version, folder = join(cacheFolder(), 'weights'), ...download } = options
  const { file, url, sha256Prefix } = publishedWeights(model, version)
  const path = join(folder, file)
  if (await hasHash(path, sha256Prefix)) return path
  await mkdir(folder, { recursive: true }).catch(error => fileFailed(folder, error))
  await downloadFile(url, path, { maximumBytes: mostOfWeights, ...download, sha256Prefix })
  return path
}

/** The largest published file, VGG-19's, has 575 MB. */
const mostOfWeights = 1e9

/** Downloads a file into `destination + '.part'`, checks it and renames it. A broken connection is continued where it
 * broke, if the server can; two processes may download the same file at the same time. Redirections are followed five times, and
 * never from https to http.
 * @param url https; http on this machine alone
 * @throws {DownloadError} no network, an answer other than success, more bytes than allowed, a wrong hash, or a disk that is
 * full
 * @throws the signal's reason if it is aborted */
export async function downloadFile(
  url: string,
  destination: string,
  options: DownloadOptions = {},
): Promise<void> {
  if (!URL.canParse(url) || !isSafe(new URL(url)))
    throw invalid('url', 'an https URL, or an http URL of this machine', url)
  const retries = requireInteger('retries', options.retries ?? 5, 0)
  requireInteger('maximumBytes', options.maximumBytes ?? defaultMaximum, 1)
  requireInteger('idleTimeout', options.idleTimeout ?? defaultIdleTimeout, 1)
  options.signal?.throwIfAborted()

  const agent = options.dispatcher ?? new EnvHttpProxyAgent()
  try {
    const wasContinued = await new Download(url, `${destination}.part`, options, agent).run(retries)
    if (await finish(url, destination, options.sha256Prefix, wasContinued)) return
    // What an earlier run left was of another file.
    await new Download(url, `${destination}.part`, options, agent).run(retries)
    await finish(url, destination, options.sha256Prefix, false)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error
  } finally {
    if (!options.dispatcher) await agent.destroy()
  }
}

/** One download, over as many connections as it takes. */
class Download {
  readonly #url: string
  readonly #part: string
  readonly #options: DownloadOptions
  readonly #dispatcher: Dispatcher
  /** The server's name for the version of the file that arrives. */
  #version: string | undefined
  #received = 0
  #wasContinued = false

  constructor(url: string, part: string, options: DownloadOptions, agent: Dispatcher) {
    this.#url = url
    this.#part = part
    this.#options = options
    this.#dispatcher = agent
  }

  /** @returns whether it began with what an earlier run left */
  async run(retries: number): Promise<boolean> {
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

  async #attempt(file: FileHandle): Promise<void> {
    const start = await this.#resumeFrom(file)
    const response = await this.#request(this.#headers(start))
    if (response.statusCode === 416) {
      await response.body.dump()
      return await this.#restartUnlessWhole(file, start, response.headers['content-range'])
    }
    if (response.statusCode !== 200 && response.statusCode !== 206) {
      await response.body.dump()
      throw refused(this.#url, response.statusCode)
    }
    if (response.statusCode === 206 && !startsAt(response.headers['content-range'], start)) {
      await response.body.dump()
      throw new TransientError('the server sent another part than the one asked for')
    }
    this.#version = strongTag(response.headers.etag)
    await this.#receive(response, file, response.statusCode === 206 ? start : 0)
  }

  /** The answer behind all redirections. */
  async #request(headers: Record<string, string>): Promise<Dispatcher.ResponseData> {
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
        throw this.#refused(`the server redirects more than ${mostRedirections} times`)
      if (!URL.canParse(location, url.href)) throw this.#refused(`the server redirects to '${location}'`)
      const next = new URL(location, url)
      if (!isSafe(next) || (url.protocol === 'https:' && next.protocol !== 'https:'))
        throw this.#refused(
          `the server redirects to ${next.href}, which is not https: it could be changed on the way`,
        )
      url = next
    }
  }

  get #idleTimeout(): number {
    return this.#options.idleTimeout ?? defaultIdleTimeout
  }

  #refused(why: string): DownloadError {
    return new DownloadError(`Can't download ${this.#url}: ${why}. ${byHand(this.#url)}`)
  }

  /** Bytes that can be kept: those of this version of the file, or any if a hash will judge the whole. */
  async #resumeFrom(file: FileHandle): Promise<number> {
    if (this.#version === undefined && this.#options.sha256Prefix === undefined) return 0
    if (this.#received > 0) return this.#received
    const left = this.#options.sha256Prefix === undefined ? 0 : (await file.stat()).size
    this.#wasContinued = left > 0
    return left
  }

  #headers(start: number): Record<string, string> {
    const headers: Record<string, string> = { 'accept-encoding': 'identity' }
    if (start > 0) headers.range = `bytes=${start}-`
    if (start > 0 && this.#version !== undefined) headers['if-range'] = this.#version
    return headers
  }

  async #receive({ body, headers }: Dispatcher.ResponseData, file: FileHandle, start: number): Promise<void> {
    const length = Number(headers['content-length'])
    const total = Number.isSafeInteger(length) ? { total: start + length } : {}
    if (total.total !== undefined) await this.#requireFitting(file, total.total)
    this.#received = start
    let window = { began: performance.now(), received: start }
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
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

  async #requireFitting(file: FileHandle, bytes: number): Promise<void> {
    const most = this.#options.maximumBytes ?? defaultMaximum
    if (bytes <= most) return
    await file.truncate(0)
    throw this.#refused(`the server sends more than the ${most} bytes that are expected at most`)
  }

  /** The server has nothing from `start` on: the part is whole already, or is of another file. */
  async #restartUnlessWhole(
    file: FileHandle,
    start: number,
    range: string | string[] | undefined,
  ): Promise<void> {
    if (start > 0 && range === `bytes */${start}`) return
    this.#received = 0
    this.#version = undefined
    await file.truncate(0)
    throw new TransientError(`the server has no bytes from ${start} on`)
  }

  #isUnreachable(error: unknown): boolean {
    return this.#received === 0 && unreachable.has(errorCode(rootCause(error)) ?? '')
  }

  #unreachable(error: unknown): DownloadError {
    const cause = rootCause(error)
    const kept =
      this.#received > 0 && this.#options.sha256Prefix ? ' Running it again continues where it broke.' : ''
    return new DownloadError(
      `Can't download ${this.#url}: ${cause instanceof Error ? cause.message || errorCode(cause) : cause}.${kept} ` +
        `${byHand(this.#url)} Behind a proxy, set https_proxy.`,
      { cause: error },
    )
  }
}

/** An answer that may be another one next time. */
class TransientError extends Error {}

/** Whether the network or the server failed, and not the disk or the caller's onProgress. */
function isTransient(error: unknown): boolean {
  if (error instanceof DownloadError) return false
  return error instanceof TransientError || errorCode(rootCause(error)) !== undefined
}

const redirecting = new Set([301, 302, 303, 307, 308])
const mostRedirections = 5
const defaultMaximum = 4e9
const defaultIdleTimeout = 60_000

/** Whether nobody on the way can read along or change what comes: https, or a server on this machine. */
function isSafe({ protocol, hostname }: URL): boolean {
  if (protocol === 'https:') return true
  return protocol === 'http:' && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(hostname)
}

/** Codes of a network that isn't there: trying again only keeps the user waiting. */
const unreachable = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
])

function byHand(url: string): string {
  return (
    `Without network, download ${url} by hand on another machine and pass it as weights (--weights FILE), ` +
    "or use the weights 'seeded:0' or the model 'demo', which need no download."
  )
}

/** @param canTryAgain whether a wrong hash is no failure yet
 * @returns false where the hash was wrong and the part was removed */
async function finish(
  url: string,
  destination: string,
  sha256Prefix: string | undefined,
  canTryAgain: boolean,
): Promise<boolean> {
  const part = `${destination}.part`
  if (sha256Prefix === undefined) {
    await rename(part, destination).catch(error => fileFailed(destination, error))
    return true
  }
  try {
    if (await hasHash(part, sha256Prefix)) {
      await rename(part, destination)
      return true
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') fileFailed(destination, error)
  }
  // Another process that downloaded the same file may have finished it.
  if (await hasHash(destination, sha256Prefix)) return true
  await rm(part, { force: true })
  if (canTryAgain) return false
  throw new DownloadError(
    `What arrived from ${url} is not what was published: its SHA-256 doesn't begin with ${sha256Prefix}. ` +
      'It was removed. Try again; if it happens again, a proxy on the way may answer in its place.',
  )
}

/** Whether the file is there and its SHA-256 begins so. */
async function hasHash(path: string, sha256Prefix: string): Promise<boolean> {
  if (!(await stat(path).catch(() => undefined))?.isFile()) return false
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk)
  return hash.digest('hex').startsWith(sha256Prefix.toLowerCase())
}

async function openPart(part: string): Promise<FileHandle> {
  // 'a' only creates the file; positions count on Linux only if it is not open for appending.
  await open(part, 'a').then(
    file => file.close(),
    error => fileFailed(part, error),
  )
  return open(part, 'r+').catch(error => fileFailed(part, error))
}

async function writeFully(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
  path: string,
): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const result = await file
      .write(bytes, written, bytes.length - written, position + written)
      .catch(error => fileFailed(path, error))
    written += result.bytesWritten
  }
}

/** The error for an answer that won't change; for one that may, an ordinary error, which is tried again. */
function refused(url: string, status: number): Error {
  if (status >= 500 || status === 408 || status === 429)
    return new TransientError(`the server answered with status ${status}`)
  const why =
    status === 404 ? 'there is no such file (status 404)' : `the server refused with status ${status}`
  return new DownloadError(`Can't download ${url}: ${why}. ${byHand(url)}`)
}

function startsAt(range: string | string[] | undefined, start: number): boolean {
  return typeof range === 'string' && range.startsWith(`bytes ${start}-`)
}

/** A weak tag (W/"…") doesn't promise the same bytes, so it can't be used to continue. */
function strongTag(etag: string | string[] | undefined): string | undefined {
  return typeof etag === 'string' && etag.startsWith('"') ? etag : undefined
}

function rootCause(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return rootCause(error.errors[0])
  return error instanceof Error && error.cause instanceof Error ? rootCause(error.cause) : error
}

function abortable(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {}
}

function fileFailed(path: string, error: unknown): never {
  throw new DownloadError(`Can't write '${path}': ${fileReason(error)}`, { cause: error })
}
