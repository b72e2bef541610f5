import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { chmod, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fetchFile, sha256, TransferFailure, WrongHash } from '../foundation/transfer.mjs'
import { cudaEnding } from '../native/find-libtorch.mjs'
import { anyLibTorchPackage, libTorchPackage } from '../native/packages.mjs'
import { needSpace } from './disk.mjs'
import { asError, diskFull, SetupFailure } from './failure.mjs'
import { unpackNpmPackage } from './npm-package.mjs'
import { say } from './process.mjs'
import { showProgress } from './progress.mjs'
import { officialArchive } from './releases.mjs'
import { unpack } from './unpack.mjs'
import { installWheels, unpackWheel } from './wheel.mjs'

/** What of a LibTorch is wanted: `headers` to build, `cuda` to compute on a GPU.
 * @typedef {{ headers: boolean, cuda: boolean }} Kind */

/** What an unpacked LibTorch needs of an archive or a wheel, which also holds all of Python's files. */
const kept = ['lib', 'include', 'version.py', 'build-version', 'archive.sha256']

/** Fills a folder with libtorch/ or torch/.
 * @typedef {(version: string, folder: string, kind: Kind) => Promise<void>} Source */

/** The ways to a LibTorch, in the order in which they are tried.
 * @type {Record<string, Source>} */
export const sources = {
  'official archive': unpackArchive,
  npm: unpackPackage,
  'python3 -m pip': (version, folder, kind) =>
    kind.cuda ? installWheels(version, folder) : unpackWheel(version, folder),
}

/** Fetches a version of LibTorch into `<store>/libtorch/<version>`, which appears only when it is whole. Other users may
 * read it.
 * @param {string} version
 * @param {string} store
 * @param {Record<string, Source>} [ways]
 * @param {Partial<Kind>} [kind] */
export async function fetchLibTorch(version, store, ways = sources, { headers = true, cuda = false } = {}) {
  const parent = join(store, 'libtorch')
  await needSpace(parent, cuda ? 8e9 : 1.5e9)
  removeAbandoned(parent)
  const reasons = []
  for (const [name, source] of Object.entries(ways)) {
    const folder = mkdtempSync(join(parent, unpacking))
    try {
      say(`fetching LibTorch ${version}${cuda ? ' with CUDA' : ''}: ${name}`)
      await chmod(folder, 0o755)
      await source(version, folder, { headers, cuda })
      keep(folder, join(parent, cuda ? `${version}${cudaEnding}` : version), { headers, cuda })
      return
    } catch (error) {
      const failure = diskFull(error) ?? error
      if (failure instanceof SetupFailure) throw failure
      reasons.push(`  ${name}: ${asError(error).message}`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  throw new SetupFailure(
    `LibTorch ${version} was neither found nor could it be fetched:\n${reasons.join('\n')}`,
    'Connect to the network (HTTPS_PROXY is honoured) and try again, or install it yourself: either\n' +
      `\`npm install ${anyLibTorchPackage}\`, or \`python3 -m pip install torch==${version}\`, or unpack an\n` +
      'archive from https://pytorch.org and let LIBTORCH name the folder that holds its lib/.',
  )
}

/** What a set-up left that was killed while it unpacked: gigabytes. None takes so long as this.
 * @param {string} parent */
function removeAbandoned(parent) {
  for (const name of readdirSync(parent)) {
    const folder = join(parent, name)
    const isOld =
      Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > 6 * 3600_000
    if (name.startsWith(unpacking) && isOld) rmSync(folder, { recursive: true, force: true })
  }
}

const unpacking = '.unpack-'

/** @type {Source} */
async function unpackArchive(version, folder, { headers, cuda }) {
  const archive = officialArchive(version, undefined, cuda)
  if (!archive) throw new Error(`there is none for ${process.platform} on ${process.arch}`)
  const name = decodeURIComponent(basename(archive.url))
  const downloads = join(folder, '..', '.downloads')
  const file = join(downloads, name)
  const expected = process.env.LIBTORCH_SHA256 ?? archive.sha256
  mkdirSync(downloads, { recursive: true })
  const found = await download(archive.url, file, expected)
  await rename(file, join(folder, name))
  await unpack(join(folder, name), folder, entry => isNeeded(entry, headers))
  await writeFile(join(folder, 'libtorch', 'archive.sha256'), `${found}  ${name}\n`)
}

/** @param {string} url
 * @param {string} file
 * @param {string | null} expected
 * @returns {Promise<string>} its SHA-256 */
export async function download(url, file, expected) {
  const progress = showProgress()
  try {
    const hash = expected === null ? {} : { sha256Prefix: expected }
    await fetchFile(url, file, { ...hash, onProgress: progress.update })
  } catch (error) {
    if (error instanceof WrongHash)
      throw new SetupFailure(
        error.why,
        'If it stays so, something changes your downloads, or LIBTORCH_SHA256 is wrong.',
      )
    if (error instanceof TransferFailure) throw new Error(error.why, { cause: error })
    throw error
  } finally {
    progress.end()
  }
  if (expected !== null) return expected
  const found = await sha256(file)
  say(`SHA-256 of ${basename(file)}: ${found}`)
  return found
}

/** Headers and Python's part are for building and for Python.
 * @param {string} entry
 * @param {boolean} headers */
function isNeeded(entry, headers) {
  const inside = entry.slice(entry.indexOf('/') + 1)
  if (inside.startsWith('include/')) return headers
  return kept.includes(inside.split('/')[0] ?? '') && !/\.a$|torch_python|test\.so$/.test(inside)
}

/** @type {Source} */
async function unpackPackage(version, folder, { headers, cuda }) {
  if (headers || cuda) throw new Error('its packages are for processors, and to run only')
  const target = join(folder, 'libtorch')
  mkdirSync(target)
  await unpackNpmPackage(`${libTorchPackage()}@${version}`, target)
}

/** @param {string} unpacked
 * @param {string} target
 * @param {Kind} kind */
function keep(unpacked, target, { cuda }) {
  const found = ['libtorch', 'torch'].map(name => join(unpacked, name)).find(existsSync)
  if (!found) throw new Error('what was unpacked holds no libtorch')
  const chosen = join(unpacked, 'chosen')
  const torch = cuda ? join(chosen, 'torch') : chosen
  mkdirSync(torch, { recursive: true })
  for (const name of kept) if (existsSync(join(found, name))) renameSync(join(found, name), join(torch, name))
  if (cuda && existsSync(join(unpacked, 'nvidia')))
    renameSync(join(unpacked, 'nvidia'), join(chosen, 'nvidia'))
  rmSync(target, { recursive: true, force: true })
  renameSync(chosen, target)
}
