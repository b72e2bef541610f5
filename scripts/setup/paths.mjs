import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package's folder, also when this file runs from dist/. */
export const root = findRoot(dirname(fileURLToPath(import.meta.url)))

/** Resolves what the package depends on, wherever npm put it. */
export const require = createRequire(join(root, 'package.json'))

/** What a build leaves. */
export const buildFolder = join(root, 'build')

/** Whether this is the source tree rather than an installed package, which has no TypeScript. */
export function isSourceTree() {
  return existsSync(join(root, 'tsconfig.json'))
}

/** @param {string} folder
 * @returns {string} */
function findRoot(folder) {
  if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'CMakeLists.txt'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('the package has lost its package.json')
  return findRoot(parent)
}
