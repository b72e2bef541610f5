import { existsSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { SetupFailure, throwIfDiskFull } from '../../lib/install/failure.mjs'
import { run, say, tail } from '../../lib/install/process.mjs'
import { installCommand } from '../../lib/native/packages.mjs'
import { buildFolder, root } from './paths.mjs'
import { digest, Stamp } from './stamp.mjs'
import { checkTools } from './tools.mjs'

/** @typedef {import('../../lib/native/find-libtorch.mjs').LibTorch} LibTorch */

/** Builds the native part against a LibTorch, unless nothing changed since the last time: the loader, and the binding
 * for the minor version of that LibTorch, in `<folder>/Release`.
 * @param {LibTorch} libtorch
 * @param {string} [folder]
 * @param {string} [source] holds what is built, and cmake-js among its packages
 * @param {string | null} [toolchain] a file of CMake's that names the compilers for another kind of machine */
export async function buildNative(libtorch, folder = buildFolder, source = root, toolchain = null) {
  const release = join(folder, 'Release')
  const stamp = new Stamp(join(release, '.stamp'))
  const inputs = digest(
    ['native', 'CMakeLists.txt', 'package-lock.json'],
    [libtorch.folder, libtorch.version, process.arch, process.env.CXX ?? '', toolchain ?? ''],
  )
  const files = ['attribution_bottleneck.node', `attribution_bottleneck.torch-${libtorch.minor}.so`]
  if (stamp.matches(inputs) && files.every(file => existsSync(join(release, file)))) return
  checkTools()
  say(`building for LibTorch ${libtorch.version} in ${libtorch.folder}: the first time takes some minutes`)
  removeBindings(release)
  await configure(libtorch, folder, source, toolchain)
  await build(folder, source)
  stamp.write(inputs)
}

/** Leaves what was built and nothing else: precompiled headers and objects are most of a gigabyte, and only help whoever
 * builds again and again.
 * @param {string} folder */
export function removeIntermediates(folder) {
  const others = readdirSync(folder).filter(name => name !== 'Release' && !name.startsWith('.lock'))
  for (const name of others) rmSync(join(folder, name), { recursive: true })
}

/** A binding for another LibTorch, made of older sources, would be taken for a current one.
 * @param {string} release */
function removeBindings(release) {
  if (!existsSync(release)) return
  const bindings = readdirSync(release).filter(name => name.endsWith('.so'))
  for (const name of bindings) rmSync(join(release, name))
}

/** @param {LibTorch} libtorch
 * @param {string} folder
 * @param {string} source
 * @param {string | null} toolchain */
async function configure(libtorch, folder, source, toolchain) {
  const args = [`--CDLIBTORCH=${libtorch.folder}`]
  if (toolchain) args.push(`--CDCMAKE_TOOLCHAIN_FILE=${toolchain}`)
  const { code, output } = await cmakeJs('configure', folder, source, args, false)
  if (code === 0) return
  throw new SetupFailure(
    `CMake could not configure the build:\n${tail(output, 30)}`,
    `Put right what CMake names. If it names another folder or compiler, remove ${folder} and try again.`,
  )
}

/** @param {string} folder
 * @param {string} source */
async function build(folder, source) {
  const { code, output } = await cmakeJs(
    'build',
    folder,
    source,
    ['--parallel', process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(availableParallelism())],
    true,
  )
  if (code === 0) return
  if (/Killed|out of memory|virtual memory exhausted/.test(output))
    throw new SetupFailure(
      'the compiler ran out of memory',
      'Each compilation needs about 2 GB: set CMAKE_BUILD_PARALLEL_LEVEL=1, or add swap space, and try again.',
    )
  throwIfDiskFull(output)
  throw new SetupFailure(
    'the native build failed; the compiler says why above',
    `Then run \`${installCommand()}\` again.`,
  )
}

/** cmake-js's own `compile` throws the whole build away after any error, so its two steps are called instead.
 * @param {string} step
 * @param {string} folder
 * @param {string} source
 * @param {string[]} args
 * @param {boolean} show */
function cmakeJs(step, folder, source, args, show) {
  const script = createRequire(join(source, 'package.json')).resolve('cmake-js/bin/cmake-js')
  const folders = ['--directory', source, '--out', folder, '--config', 'Release']
  return run(process.execPath, [script, step, ...folders, '--log-level', 'error', ...args], {
    cwd: source,
    show,
  })
}
