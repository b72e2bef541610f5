import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { DownloadError } from '../foundation/errors.js'
import { errorCode, fileReason } from '../foundation/files.js'

/** How far a download is, in bytes. `total` is absent if the server doesn't say. */
export interface DownloadProgress {
  /** Bytes that are here. */
  received: number
  /** Bytes in all. */
  total?: number
}

/** Options of `downloadFile`. */
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

/** One download, over as many connections as it takes. */
export class Transfer {
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
export const defaultMaximum = 4e9
export const defaultIdleTimeout = 60_000

/** Whether nobody on the way can read along or change what comes: https, or a server on this machine. */
export function isSafe({ protocol, hostname }: URL): boolean {
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

export function fileFailed(path: string, error: unknown): never {
  throw new DownloadError(`Can't write '${path}': ${fileReason(error)}`, { cause: error })
}
