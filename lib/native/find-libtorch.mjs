// Plain JavaScript, because the set-up needs it before TypeScript is compiled.
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { atOnce } from '../foundation/steps.mjs'
import { libTorchFolder, projectStore } from './packages.mjs'

/** The oldest LibTorch whose headers and libraries this package is written for. */
export const OLDEST = '2.11'

/** Where a LibTorch was found.
 * @typedef {'LIBTORCH' | 'package' | 'python3' | 'project' | 'cache'} Origin */

/** A place that was looked at and why it didn't do.
 * @typedef {{ place: string, reason: string }} Attempt */

/** A LibTorch that can be opened. `folder` holds lib/ and include/; `minor` is what binaries must agree on.
 * @typedef {{ folder: string, version: string, minor: string, cuda: boolean, origin: Origin }} LibTorch */

/** @typedef {{ libtorch: LibTorch | null, tried: Attempt[] }} Found */

/** @template Result
 * @typedef {import('../foundation/steps.mjs').Stepwise<Result>} Stepwise */

/** @typedef {Record<string, string | undefined>} Environment */

/** @typedef {object} Search
 * @property {Environment} [env] `LIBTORCH`, `PATH`, `IBA_CACHE` and `IBA_LIBTORCH_VERSION` are read from it
 * @property {boolean} [headers] also ask for the headers, which only building needs
 * @property {(libtorch: LibTorch) => string | null} [refuse] a reason against a LibTorch that is fine in itself
 * @property {string | null} [packaged] the folder of an installed package of LibTorch
 * @property {string | null} [project] the project's own store */

/** Looks for LibTorch: `LIBTORCH`, then the package that the project depends on, then the `torch` of `python3`, then what
 * was fetched for the project, then our cache; the first that fits. A set `LIBTORCH` is the only place looked at:
 * silently using another than the one asked for would help nobody.
 * @param {Search} [search]
 * @returns {Found} */
export function findLibTorch(search) {
  return atOnce(searching(search))
}

/** As `findLibTorch`, with python3's answer to wait for as a step.
 * @param {Search} [search]
 * @returns {Stepwise<Found>} */
export function* searching({
  env = process.env,
  headers = false,
  refuse = () => null,
  packaged = libTorchFolder(),
  project = projectStore(),
} = {}) {
  /** @type {Attempt[]} */
  const tried = []
  /** @param {Place[]} places */
  const firstOf = places => {
    for (const { origin, place, folder } of places) {
      const seen = folder === null ? 'torch is not installed' : examine(folder, origin, headers)
      const reason = typeof seen === 'string' ? seen : (otherVersion(seen, env) ?? refuse(seen))
      if (typeof seen !== 'string' && reason === null) return seen
      tried.push({ place, reason: String(reason) })
    }
    return null
  }
  const first = firstOf(placesBefore(env, packaged))
  if (first || env.LIBTORCH) return { libtorch: first, tried }
  const python = yield pythonTorch(env)
  return { libtorch: firstOf(placesAfter(env, python, project)), tried }
}

/** The file name of a shared library, as this platform spells it.
 * @param {string} name
 * @param {NodeJS.Platform} [platform] */
export function libraryFile(name, platform = process.platform) {
  if (platform === 'win32') return `${name}.dll`
  return platform === 'darwin' ? `lib${name}.dylib` : `lib${name}.so`
}

/** One line a place, for messages.
 * @param {Attempt[]} tried */
export function listAttempts(tried) {
  return tried.map(({ place, reason }) => `  ${place}: ${reason}`).join('\n')
}

/** @typedef {{ origin: Origin, place: string, folder: string | null }} Place */

/** Where python3 needn't be started for.
 * @param {Environment} env
 * @param {string | null} packaged
 * @returns {Place[]} */
function placesBefore(env, packaged) {
  if (env.LIBTORCH) return [{ origin: 'LIBTORCH', place: `LIBTORCH=${env.LIBTORCH}`, folder: env.LIBTORCH }]
  return packaged ? [{ origin: 'package', place: `package, ${packaged}`, folder: packaged }] : []
}

/** @param {Environment} env
 * @param {string | null} python where its torch lies
 * @param {string | null} project
 * @returns {Place[]} */
function placesAfter(env, python, project) {
  const place = python ? `torch of python3, ${python}` : 'torch of python3'
  return [
    { origin: 'python3', place, folder: python },
    ...(project ? stored('project', project) : []),
    ...stored('cache', cacheFolder(env)),
  ]
}

/** What was fetched into a store.
 * @param {'project' | 'cache'} origin
 * @param {string} store
 * @returns {Place[]} */
function stored(origin, store) {
  return storedVersions(join(store, 'libtorch')).map(name => {
    const folder = join(store, 'libtorch', name, ...(name.endsWith(cudaEnding) ? ['torch'] : []))
    return { origin, place: `${origin}, ${folder}`, folder }
  })
}

/** A build with CUDA lies beside NVIDIA's libraries, as Python's packages do. */
export const cudaEnding = '-cuda'

/** Newest first, and of one version the build with CUDA, which somebody asked for.
 * @param {string} folder */
function storedVersions(folder) {
  const versions = names(folder).filter(name => /^\d+\.\d+\.\d+(-cuda)?$/.test(name))
  return versions.sort((a, b) => compareVersions(numbersOf(b), numbersOf(a)) || b.length - a.length)
}

/** What a folder holds: nothing where it isn't there, or is another user's.
 * @param {string} folder */
function names(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** @param {string} name */
function numbersOf(name) {
  return name.replace(cudaEnding, '')
}

/** Asks python3 where its torch lies without importing it, which would take seconds.
 * @param {Environment} env
 * @returns {import('../foundation/steps.mjs').Step<string | null>} */
function pythonTorch(env) {
  const program =
    'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")'
  const args = ['-c', program]
  const options = /** @type {const} */ ({ env, encoding: 'utf8', timeout: 20_000 })
  const none = () => null // no python3, or a broken one: the same to us as one without torch
  return {
    atOnce() {
      try {
        return execFileSync('python3', args, { ...options, stdio: 'pipe' }).trim() || null
      } catch {
        return none()
      }
    },
    async elsewhere() {
      return await promisify(execFile)('python3', args, options).then(
        ({ stdout }) => stdout.trim() || null,
        none,
      )
    },
  }
}

/** What lies in a folder, or why it can't be used.
 * @param {string} folder
 * @param {Origin} origin
 * @param {boolean} headers
 * @returns {LibTorch | string} */
function examine(folder, origin, headers) {
  if (!isAbsolute(folder)) return 'is not an absolute path'
  if (!existsSync(folder)) return 'does not exist'
  for (const name of ['c10', 'torch_cpu']) {
    const file = join('lib', libraryFile(name))
    if (!existsSync(join(folder, file))) return `holds no ${file}`
  }
  const header = 'include/torch/csrc/api/include/torch/torch.h'
  if (headers && !existsSync(join(folder, header))) return `holds no ${header}, which building needs`
  const version = readVersion(folder)
  if (!version) return 'does not say its version'
  if (compareVersions(version, OLDEST) < 0) return `is version ${version}, at least ${OLDEST} is needed`
  const minor = version.split('.').slice(0, 2).join('.')
  return { folder, version, minor, cuda: existsSync(join(folder, 'lib', libraryFile('torch_cuda'))), origin }
}

/** @param {LibTorch} libtorch
 * @param {Environment} env */
function otherVersion({ version }, env) {
  const asked = env.IBA_LIBTORCH_VERSION
  return asked && asked !== version ? `is version ${version}, IBA_LIBTORCH_VERSION asks for ${asked}` : null
}

/** From the headers; a wheel or archive stripped of them still has one of the two other files.
 * @param {string} folder
 * @returns {string | null} */
function readVersion(folder) {
  for (const header of [
    'include/torch/headeronly/version.h',
    'include/torch/csrc/api/include/torch/version.h',
  ]) {
    const numbers = /_MAJOR (\d+)$.*_MINOR (\d+)$.*_PATCH (\d+)$/ms
    const match = numbers.exec(readText(join(folder, header)))
    if (match) return match.slice(1).join('.')
  }
  const stated =
    /__version__ = '(\d+\.\d+\.\d+)/.exec(readText(join(folder, 'version.py'))) ??
    /^(\d+\.\d+\.\d+)/.exec(readText(join(folder, 'build-version')))
  return stated?.[1] ?? null
}

/** @param {string} path */
function readText(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** @param {string} a
 * @param {string} b */
function compareVersions(a, b) {
  const [x, y] = [a, b].map(text => text.split('.').map(Number))
  for (let i = 0; i < 3; i++) {
    const difference = (x?.[i] ?? 0) - (y?.[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
