import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SetupFailure } from '../../lib/install/failure.mjs'
import { unpackTarball } from '../../lib/install/npm-package.mjs'
import { run, tail } from '../../lib/install/process.mjs'
import { targets, thisTarget } from '../../lib/native/packages.mjs'
import { root } from '../setup/paths.mjs'
import { copyLibraries } from './libraries.mjs'
import { anyLibTorchManifest, bindingsManifest, libTorchManifest, mainManifest } from './manifests.mjs'

/** @typedef {import('../../lib/native/find-libtorch.mjs').LibTorch} LibTorch */
/** @typedef {import('./manifests.mjs').Manifest} Manifest */

/** The main package, unpacked from what `npm pack` makes of the source tree, which builds what it holds.
 * @param {string} folder
 * @param {{ scripts?: boolean }} [options] `scripts: false` packs what is built already */
export async function layOutMain(folder, { scripts = true } = {}) {
  const tarball = await pack(root, dirname(folder), scripts ? [] : ['--ignore-scripts'])
  begin(folder)
  await unpackTarball(tarball, folder)
  rmSync(tarball)
  writeManifest(folder, mainManifest())
}

/** The loader and the bindings that `npm run prebuild` made, or a build left, for each minor version of LibTorch.
 * @param {string} folder
 * @param {{ target?: string, from?: string }} [options] */
export function layOutBindings(folder, { target = thisTarget, from = join(root, 'prebuilds', target) } = {}) {
  const names = existsSync(from)
    ? readdirSync(from).filter(name => /\.(node|torch-[\d.]+\.so)$/.test(name))
    : []
  if (!names.some(name => name.endsWith('.node')) || !names.some(name => name.endsWith('.so')))
    throw new SetupFailure(
      `${from} holds no loader or no binding`,
      'Run `npm run prebuild` on that platform first.',
    )
  begin(folder)
  for (const name of names) cpSync(join(from, name), join(folder, name))
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const minors = names.flatMap(name => /torch-([\d.]+)\.so$/.exec(name)?.[1] ?? [])
  writeManifest(folder, bindingsManifest(target))
  writeReadme(
    folder,
    `The native part of attribution-bottleneck for ${target}, for LibTorch ${minors.sort().join(', ')}. ` +
      'It is installed with attribution-bottleneck.',
  )
}

/** LibTorch's libraries for processors, and the licences that they came with.
 * @param {string} folder
 * @param {LibTorch} libtorch a build without CUDA
 * @param {{ target?: string, licences?: string }} [options] `licences` holds the .dist-info of a wheel of PyTorch's, which
 * brings them; archives don't */
export function layOutLibTorch(
  folder,
  libtorch,
  { target = thisTarget, licences = dirname(libtorch.folder) } = {},
) {
  if (libtorch.cuda)
    throw new SetupFailure(
      `LibTorch in ${libtorch.folder} was built with CUDA, and can't be opened without NVIDIA's libraries`,
      'Let LIBTORCH name a build for processors: the official archive, or the torch of `pip install` on its own index.',
    )
  begin(folder)
  copyLibraries(join(libtorch.folder, 'lib'), join(folder, 'lib'))
  writeFileSync(join(folder, 'build-version'), `${libtorch.version}\n`)
  writeManifest(folder, libTorchManifest(target, libtorch.version))
  copyLicences(licences, folder)
  writeReadme(
    folder,
    `The libraries of LibTorch ${libtorch.version} for processors on ${target}, as PyTorch publishes them, without ` +
      'headers and debug symbols. attribution-bottleneck takes them where they are installed beside it.',
  )
}

/** @param {string} folder
 * @param {string} version LibTorch's */
export function layOutAnyLibTorch(folder, version) {
  begin(folder)
  writeManifest(folder, anyLibTorchManifest(version))
  writeReadme(folder, 'Installs the package of LibTorch for this platform, for attribution-bottleneck.')
}

/** Packages without content for platforms whose binaries were made elsewhere: some package managers ask for all of them.
 * @param {string} folder
 * @param {string} version LibTorch's
 * @returns {Promise<void>} */
export async function packStandIns(folder, version) {
  for (const target of targets.filter(each => each !== thisTarget)) {
    for (const manifest of [bindingsManifest(target), libTorchManifest(target, version)]) {
      const place = join(folder, manifest.name)
      begin(place)
      writeManifest(place, manifest)
      await pack(place, join(folder, 'tarballs'))
    }
  }
}

/** Makes the tarball of a package.
 * @param {string} folder
 * @param {string} destination
 * @param {string[]} [options]
 * @returns {Promise<string>} its path */
export async function pack(folder, destination, options = []) {
  mkdirSync(destination, { recursive: true })
  const args = ['pack', '--json', '--pack-destination', destination, ...options]
  const { code, output } = await run('npm', args, { cwd: folder })
  const name = /"filename":\s*"([^"]+)"/.exec(output)?.[1]
  if (code === 0 && name) return join(destination, name)
  throw new SetupFailure(`npm pack failed in ${folder}:\n${tail(output)}`, 'Put right what is named above.')
}

/** @param {string} from
 * @param {string} folder */
function copyLicences(from, folder) {
  const info = readdirSync(from).find(name => /^torch-[^/]*\.dist-info$/.test(name))
  const licences = info && join(from, info, 'licenses')
  if (!licences || !existsSync(licences))
    throw new SetupFailure(
      `there is no .dist-info with PyTorch's licences in ${from}`,
      'Name a folder with an unpacked wheel of torch: `--licences FOLDER`.',
    )
  cpSync(licences, join(folder, 'licenses'), { recursive: true })
  cpSync(join(licences, 'LICENSE'), join(folder, 'LICENSE'))
}

/** @param {string} folder */
function begin(folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
}

/** @param {string} folder
 * @param {Manifest} manifest */
function writeManifest(folder, manifest) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
}

/** @param {string} folder
 * @param {string} text */
function writeReadme(folder, text) {
  const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  writeFileSync(join(folder, 'README.md'), `# ${name}\n\n${text}\n`)
}
