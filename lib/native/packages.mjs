// Plain JavaScript, because the set-up needs it before TypeScript is compiled.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The end of an archive's name within a path. */
const archive = /\.asar(?=[\\/])/

/** This package's folder, also when this file runs from dist/. */
export const packageRoot = unpackedFolder(findRoot(dirname(fileURLToPath(import.meta.url))))

/** Where the packages of binaries are published. */
export const scope = '@attribution-bottleneck'

/** The platforms that binaries are published for, as Node names them. */
export const targets = ['linux-x64', 'linux-arm64', 'darwin-arm64']

export const thisTarget = `${process.platform}-${process.arch}`

/** The package with the bindings for a platform: an optional dependency of this one, of the same version.
 * @param {string} [target] */
export function bindingsPackage(target = thisTarget) {
  return `${scope}/${target}`
}

/** The package with LibTorch's libraries for processors. Nothing depends on it: whoever wants it installs it.
 * @param {string} [target] */
export function libTorchPackage(target = thisTarget) {
  return `${scope}/libtorch-${target}`
}

/** Takes the package of LibTorch for whatever platform it is installed on. */
export const anyLibTorchPackage = `${scope}/libtorch`

/** Where the bindings package lies, or null.
 * @returns {string | null} */
export function bindingsFolder() {
  return folderOf(bindingsPackage(), packageRoot)
}

/** Where an installed package of LibTorch lies, or null. Only what this package itself can see is taken, and not what
 * the working folder holds, which may be anybody's.
 * @returns {string | null} */
export function libTorchFolder() {
  const direct = folderOf(libTorchPackage(), packageRoot)
  if (direct) return direct
  const any = folderOf(anyLibTorchPackage, packageRoot)
  return any && folderOf(libTorchPackage(), any)
}

/** A folder inside of the project's node_modules, which goes where the project goes: to other users and into the next
 * stage of a container's build. Null in a source tree.
 * @param {string} [root]
 * @returns {string | null} */
export function projectStore(root = packageRoot) {
  const [project, ...inside] = root.split(/[\\/]node_modules(?=[\\/])/)
  if (project === undefined || inside.length === 0) return null
  return join(project, 'node_modules', '.cache', 'attribution-bottleneck')
}

/** Whether this is the source tree rather than an installed package, which has no configuration of TypeScript. */
export function isSourceTree() {
  return existsSync(join(packageRoot, 'tsconfig.json'))
}

/** What Electron packs is a folder to JavaScript alone: native code reads what was unpacked beside the archive.
 * @param {string} folder
 * @returns {string} the one beside the archive, or the folder itself where there is none */
export function unpackedFolder(folder) {
  const beside = folder.replace(archive, '.asar.unpacked')
  return existsSync(join(beside, 'package.json')) ? beside : folder
}

/** Whether this package lies in one of Electron's archives, out of which the system can load no library. */
export function isArchived() {
  return archive.test(packageRoot)
}

/** The version of this package.
 * @returns {string} */
export function ownVersion() {
  return JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version
}

/** The one command that puts right what is missing. */
export function installCommand() {
  return isSourceTree() ? 'npm run setup' : 'npx attribution-bottleneck install'
}

/** @param {string} name
 * @param {string} from
 * @returns {string | null} */
function folderOf(name, from) {
  try {
    return dirname(createRequire(join(from, 'package.json')).resolve(`${name}/package.json`))
  } catch {
    return null
  }
}

/** @param {string} folder
 * @returns {string} */
function findRoot(folder) {
  if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'CMakeLists.txt'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('the package has lost its package.json')
  return findRoot(parent)
}
