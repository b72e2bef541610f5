import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { SetupFailure } from '../../lib/install/failure.mjs'
import { libraryFile } from '../../lib/native/find-libtorch.mjs'

/** Copies LibTorch's two libraries and those beside them that they need, without their symbols for debuggers.
 * @param {string} from LibTorch's lib/
 * @param {string} to
 * @returns {string[]} their names */
export function copyLibraries(from, to) {
  mkdirSync(to, { recursive: true })
  const names = closure(
    from,
    ['c10', 'torch_cpu'].map(name => libraryFile(name)),
  )
  for (const name of names) {
    copyFileSync(join(from, name), join(to, name))
    if (process.platform === 'linux') tool('strip', ['--strip-unneeded', join(to, name)])
    else tool('strip', ['-x', join(to, name)])
  }
  return names
}

/** The versions of glibc's and of libstdc++'s symbols that a library asks for, the newest of each.
 * @param {string} file
 * @returns {Record<string, string>} */
export function askedVersions(file) {
  const text = tool('objdump', ['-T', file])
  /** @type {Record<string, string>} */
  const newest = {}
  for (const [, name = '', version = ''] of text.matchAll(/\((GLIBC|GLIBCXX|CXXABI)_([\d.]+)\)/g))
    if (compare(version, newest[name] ?? '0') > 0) newest[name] = version
  return newest
}

/** @param {string} folder
 * @param {string[]} names
 * @returns {string[]} */
function closure(folder, names) {
  const found = new Set(names)
  for (const name of found)
    for (const needed of neededBy(join(folder, name))) if (existsSync(join(folder, needed))) found.add(needed)
  return [...found]
}

/** @param {string} file
 * @returns {string[]} */
function neededBy(file) {
  if (process.platform === 'linux')
    return [...tool('objdump', ['-p', file]).matchAll(/NEEDED\s+(\S+)/g)].map(([, name = '']) => name)
  return [...tool('otool', ['-L', file]).matchAll(/@rpath\/(\S+)/g)].map(([, name = '']) => name)
}

/** @param {string} command
 * @param {string[]} args */
function tool(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status === 0) return stdout
  throw new SetupFailure(
    `${command} failed: ${error?.message ?? stderr}`,
    'It comes with the binutils, on macOS with Xcode.',
  )
}

/** @param {string} a
 * @param {string} b */
function compare(a, b) {
  return a.localeCompare(b, 'en', { numeric: true })
}
