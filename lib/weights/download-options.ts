import type { Dispatcher } from 'undici'

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
