// Plain JavaScript, because the set-up needs it before TypeScript is compiled.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../foundation/cache-folder.mjs'
import { bindingsFolder, ownVersion, packageRoot, projectStore, thisTarget } from './packages.mjs'

/** Files that a build or a package brings: one loader, and a binding for each minor version of LibTorch.
 * @typedef {{ loader: string | null, bindings: Map<string, string> }} BuiltFiles */

/** Where a build from source of an installed package goes, whose own folder may belong to somebody else.
 * @param {Record<string, string | undefined>} [env] */
export function sourceBuildFolder(env = process.env) {
  return join(cacheFolder(env), 'build', ownVersion())
}

/** Where fetched bindings lie in a store: the project's or the cache.
 * @param {string} store */
export function fetchedBindings(store) {
  return join(store, 'bindings', ownVersion(), thisTarget)
}

/** The folders with built files. What somebody built is preferred to what was published.
 * @param {Record<string, string | undefined>} [env]
 * @returns {string[]} */
export function builtFolders(env = process.env) {
  const packaged = bindingsFolder()
  const project = projectStore()
  return [
    join(packageRoot, 'build', 'Release'),
    join(sourceBuildFolder(env), 'Release'),
    ...(packaged ? [packaged] : []),
    join(packageRoot, 'prebuilds', thisTarget),
    ...(project ? [fetchedBindings(project)] : []),
    fetchedBindings(cacheFolder(env)),
  ]
}

/** @param {string[]} [folders]
 * @returns {BuiltFiles} */
export function findBuiltFiles(folders = builtFolders()) {
  /** @type {BuiltFiles} */
  const files = { loader: null, bindings: new Map() }
  for (const folder of folders) {
    for (const name of filesOf(folder)) {
      const minor = /\.torch-(\d+\.\d+)\.so$/.exec(name)?.[1]
      if (name.endsWith('.node')) files.loader ??= join(folder, name)
      if (minor && !files.bindings.has(minor)) files.bindings.set(minor, join(folder, name))
    }
  }
  return files
}

/** None where the folder isn't there, or is another user's.
 * @param {string} folder */
function filesOf(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
