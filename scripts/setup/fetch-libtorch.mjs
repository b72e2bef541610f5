import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { needSpace } from './disk.mjs'
import { download, forget } from './download.mjs'
import { asError, diskFull, SetupFailure } from './failure.mjs'
import { say } from './process.mjs'
import { officialArchive } from './releases.mjs'
import { unpack } from './unpack.mjs'
import { unpackWheel } from './wheel.mjs'

/** What an unpacked LibTorch needs of an archive or a wheel, which also holds all of Python's files. */
const kept = ['lib', 'include', 'version.py', 'build-version', 'archive.sha256']

/** @typedef {(version: string, folder: string) => Promise<void>} Source fills a folder with libtorch/ or torch/ */

/** The ways to a LibTorch, in the order in which they are tried.
 * @type {Record<string, Source>} */
export const sources = {
  'official archive': unpackArchive,
  'python3 -m pip': (version, folder) => unpackWheel(version, folder),
}

/** Fetches a version of LibTorch into `<cache>/libtorch/<version>`, which appears only when it is whole.
 * @param {string} version
 * @param {string} cache
 * @param {Record<string, Source>} [ways] */
export async function fetchLibTorch(version, cache, ways = sources) {
  const parent = join(cache, 'libtorch')
  await needSpace(parent, 1.5e9)
  removeAbandoned(parent)
  const reasons = []
  for (const [name, source] of Object.entries(ways)) {
    const folder = mkdtempSync(join(parent, unpacking))
    try {
      say(`fetching LibTorch ${version}: ${name}`)
      await source(version, folder)
      keep(folder, join(parent, version))
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
      `\`python3 -m pip install torch==${version}\`, or unpack an archive from https://pytorch.org and let LIBTORCH\n` +
      'name the folder that holds its lib/ and include/.',
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
async function unpackArchive(version, folder) {
  const archive = officialArchive(version)
  if (!archive) throw new Error(`there is none for ${process.platform} on ${process.arch}`)
  const name = decodeURIComponent(basename(archive.url))
  const file = join(folder, '..', '.downloads', name)
  const sha256 = await download(archive.url, file)
  const expected = process.env.LIBTORCH_SHA256 ?? archive.sha256
  if (expected && expected.toLowerCase() !== sha256) {
    forget(file)
    throw new SetupFailure(
      `${archive.url} is not what was published: its SHA-256 is ${sha256} instead of ${expected}`,
      'Try again. If it stays so, something changes your downloads, or LIBTORCH_SHA256 is wrong.',
    )
  }
  if (!expected) say(`SHA-256 of ${name}: ${sha256}`)
  renameSync(file, join(folder, name))
  forget(file)
  await unpack(join(folder, name), folder)
  writeFileSync(join(folder, 'libtorch', 'archive.sha256'), `${sha256}  ${name}\n`)
}

/** @param {string} unpacked
 * @param {string} target */
function keep(unpacked, target) {
  const found = ['libtorch', 'torch'].map(name => join(unpacked, name)).find(existsSync)
  if (!found) throw new Error('what was unpacked holds no libtorch')
  const chosen = join(unpacked, 'chosen')
  mkdirSync(chosen)
  for (const name of kept)
    if (existsSync(join(found, name))) renameSync(join(found, name), join(chosen, name))
  rmSync(target, { recursive: true, force: true })
  renameSync(chosen, target)
}
