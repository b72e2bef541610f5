import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SetupFailure } from '../../lib/install/failure.mjs'
import { bundledPackagesFile } from '../setup/bundles.mjs'
import { root } from '../setup/paths.mjs'

/** A package that comes along where this one is installed, beside it or in its bundles.
 * @typedef {{ name: string, version: string, licence: string, text: string | null }} Dependency */

/** @typedef {{ version: string, license?: string, dependencies?: Record<string, string>,
 *   optionalDependencies?: Record<string, string> }} Locked */

/** Licences that ask for no more than to be named. */
export const permissive = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
]

/** Another that is fine in packages whose names begin so: libvips is opened by sharp at run time as a library of its own,
 * which anybody can replace. */
export const exception = { begin: '@img/sharp-', licence: 'LGPL-3.0-or-later' }

/** What is bundled into the page of `iba explore`. */
const inPage = 'node_modules/preact'

/** The runtime dependencies of package-lock.json, on every platform, and what is bundled, in the order of their names.
 * @returns {Dependency[]}
 * @throws {SetupFailure} nothing was bundled yet */
export function runtimeDependencies() {
  /** @type {{ packages: Record<string, any> }} */
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  /** @type {Map<string, Locked>} */
  const found = new Map()
  /** @param {string} place
   * @param {Locked} locked */
  const follow = (place, { dependencies = {}, optionalDependencies = {} }) => {
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = resolve(packages, place, name)
      if (path === null || found.has(path)) continue
      found.set(path, packages[path])
      follow(path, packages[path])
    }
  }
  follow('', packages[''])
  for (const path of bundledPackages()) found.set(path, packages[path])
  return [...found]
    .map(([path, { version, license = 'unknown' }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      licence: license,
      text: licenceText(join(root, path)),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The folders, as the lock file names them, of the packages whose code is part of this one.
 * @returns {string[]}
 * @throws {SetupFailure} nothing was bundled yet */
export function bundledPackages() {
  if (!existsSync(bundledPackagesFile))
    throw new SetupFailure(`${bundledPackagesFile} is not there`, 'Run `npm run setup` first.')
  return [inPage, ...JSON.parse(readFileSync(bundledPackagesFile, 'utf8'))]
}

/** Whether the licence of a package, or one of those that can be chosen from, is permissive or the exception.
 * @param {{ name: string, licence: string }} dependency `licence` is an SPDX expression */
export function isAllowed({ name, licence }) {
  const allowed = name.startsWith(exception.begin) ? [...permissive, exception.licence] : permissive
  return licence
    .replace(/[()]/g, '')
    .split(' OR ')
    .some(choice => choice.split(' AND ').every(one => allowed.includes(one.trim())))
}

/** What the package says of the work of others in it and beside it. */
export function notices() {
  const parts = runtimeDependencies().map(({ name, version, licence, text }) =>
    [`${name} ${version}`, `Licence: ${licence}`, ...(text ? ['', text.trim()] : [])].join('\n'),
  )
  const begin =
    'attribution-bottleneck is under the MIT licence. It depends on these packages, which are installed beside it or, as ' +
    'dist/lib/bundled/packages.json names them, part of it; Preact is part of its page for browsers. Its native part is compiled with the headers of LibTorch (BSD-3-Clause) and of node-addon-api (MIT).\n'
  return `${[begin, ...parts].join(`\n${'-'.repeat(80)}\n\n`)}\n`
}

/** As Node finds a package: in the nearest node_modules.
 * @param {Record<string, Locked>} packages
 * @param {string} place
 * @param {string} name
 * @returns {string | null} */
function resolve(packages, place, name) {
  for (let from = place; ; from = from.slice(0, Math.max(from.lastIndexOf('node_modules/') - 1, 0))) {
    const path = `${from ? `${from}/` : ''}node_modules/${name}`
    if (packages[path]) return path
    if (from === '') return null
  }
}

/** @param {string} folder
 * @returns {string | null} null where the package is for another platform */
function licenceText(folder) {
  const name = existsSync(folder) && readdirSync(folder).find(file => /^(licen[cs]e|copying)/i.test(file))
  return name ? readFileSync(join(folder, name), 'utf8') : null
}
