import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { anyLibTorchPackage, bindingsPackage, libTorchPackage, targets } from '../../lib/native/packages.mjs'
import { root } from '../setup/paths.mjs'

/** @typedef {Record<string, unknown> & { name: string, version: string }} Manifest */

/** What package.json says of this package.
 * @returns {Manifest & Record<string, any>} */
export function ownManifest() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
}

/** The main package as it is published. What depends on the packages of binaries is added here rather than in the source
 * tree, where they would be asked of the registry before they are published.
 * @returns {Manifest} */
export function mainManifest() {
  const { scripts, ava, peerDependencies, peerDependenciesMeta, ...manifest } = ownManifest()
  const libTorch = [anyLibTorchPackage, ...targets.map(target => libTorchPackage(target))]
  return {
    ...manifest,
    optionalDependencies: Object.fromEntries(
      targets.map(target => [bindingsPackage(target), manifest.version]),
    ),
    // Not installed unless somebody asks for one; named, so that strict package managers let it be seen.
    peerDependencies: { ...peerDependencies, ...Object.fromEntries(libTorch.map(name => [name, '*'])) },
    peerDependenciesMeta: {
      ...peerDependenciesMeta,
      ...Object.fromEntries(libTorch.map(name => [name, { optional: true }])),
    },
  }
}

/** @param {string} target
 * @returns {Manifest} */
export function bindingsManifest(target) {
  return {
    ...shared(bindingsPackage(target), ownManifest().version),
    description: `The native part of attribution-bottleneck for ${target}`,
    ...platformFields(target),
  }
}

/** @param {string} target
 * @param {string} version LibTorch's
 * @returns {Manifest} */
export function libTorchManifest(target, version) {
  return {
    ...shared(libTorchPackage(target), version),
    description: `LibTorch's libraries for processors on ${target}, without headers`,
    license: 'BSD-3-Clause',
    ...platformFields(target),
  }
}

/** @param {string} version LibTorch's
 * @returns {Manifest} */
export function anyLibTorchManifest(version) {
  return {
    ...shared(anyLibTorchPackage, version),
    description: "LibTorch's libraries for processors, of the platform that it is installed on",
    optionalDependencies: Object.fromEntries(targets.map(target => [libTorchPackage(target), version])),
  }
}

/** @param {string} name
 * @param {string} version
 * @returns {Manifest} */
function shared(name, version) {
  const { license, homepage, repository, bugs, engines } = ownManifest()
  return {
    name,
    version,
    type: 'commonjs',
    license,
    homepage,
    repository,
    bugs,
    engines,
    // Libraries can't be opened inside of an archive.
    preferUnplugged: true,
    publishConfig: { access: 'public' },
  }
}

/** @param {string} target */
function platformFields(target) {
  const [os = '', cpu = ''] = target.split('-')
  return { os: [os], cpu: [cpu], ...(os === 'linux' ? { libc: ['glibc'] } : {}) }
}
