import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { run } from '../../lib/install/process.mjs'
import { loadAddon } from '../../lib/native/load.js'
import { libTorchPackage, thisTarget } from '../../lib/native/packages.mjs'
import { useRegistry } from '../../scripts/release/local-registry.mjs'
import { libTorchManifest } from '../../scripts/release/manifests.mjs'
import { readBlocks } from '../support/documentation.js'
import { publishAll } from '../support/published.js'
import { npmRegistry, type Requirement, testNeeding } from '../support/requirements.js'

// The recipes of docs/integrations.md, as they stand there, with the tools themselves.

const page = 'docs/integrations.md'
const tools = {
  jest: '30',
  vitest: '4',
  vite: '8',
  esbuild: '0.28',
  webpack: '5',
  'webpack-cli': '7',
  bun: '1',
  deno: '2',
}

/** They fetch some hundred megabytes and take minutes. */
function asked(): Requirement {
  return {
    isMet: process.env.IBA_INTEGRATIONS === '1',
    missing: 'the tools of docs/integrations.md are left out',
    remedy: 'npm run test:integrations',
  }
}

const requirement = asked().isMet ? await npmRegistry() : asked()
const recipe = testNeeding(requirement)
const folder = mkdtempSync(join(tmpdir(), 'iba-integrations-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

const env = { ...process.env, LIBTORCH: '', CI: '1', FORCE_COLOR: '0' }

/** A project with the packages and all tools, and in it the files that the page shows for one of them. */
function project(name: string): string {
  const place = join(folder, 'project', name)
  mkdirSync(place, { recursive: true })
  for (const { text } of readBlocks(page)) {
    const file = /^(?:\/\/|#) (\S+)/.exec(text)?.[1]
    if (!file?.startsWith(`${name}/`)) continue
    const path = join(folder, 'project', file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text.slice(text.indexOf('\n') + 1))
  }
  return place
}

/** Publishes the packages to a registry on this machine, and installs them with all tools into one project. */
async function installAll(): Promise<void> {
  const registry = await publishAll(folder)
  const place = join(folder, 'project')
  try {
    useRegistry(place, registry.url)
    writeFileSync(join(place, 'package.json'), '{ "name": "project", "private": true }')
    const wanted = Object.entries(tools).map(([name, version]) => `${name}@${version}`)
    const words = ['install', '--no-audit', '--no-fund', 'attribution-bottleneck', ...wanted]
    const { code, output } = await run('npm', words, { cwd: place })
    if (code !== 0) throw new Error(output)
  } finally {
    registry.close()
  }
  // The package of LibTorch, laid out with links in place of copies.
  const { libtorch } = loadAddon()
  const packaged = join(place, 'node_modules', libTorchPackage())
  mkdirSync(packaged, { recursive: true })
  symlinkSync(join(libtorch.folder, 'lib'), join(packaged, 'lib'))
  writeFileSync(join(packaged, 'build-version'), libtorch.version)
  const manifest = JSON.stringify(libTorchManifest(thisTarget, libtorch.version))
  writeFileSync(join(packaged, 'package.json'), manifest)
}

if (requirement.isMet) test.serial.before(installAll)

/** Runs one of the tools in its folder of the project. */
async function call(t: ExecutionContext, at: string, command: string, ...words: string[]): Promise<string> {
  const program = join(folder, 'project', 'node_modules', '.bin', command)
  const { code, output } = await run(existsSync(program) ? program : command, words, { cwd: at, env })
  t.is(code, 0, output)
  return output
}

const made = /a map of 224 x 224 in a picture/

recipe('Jest loads it with require, and takes what tests make', async t => {
  const place = project('jest')
  t.regex(await call(t, place, 'jest', '--rootDir', place), /1 passed/)
})

recipe('Vitest runs it with vmThreads and with the other pools', async t => {
  const place = project('vitest')
  for (const pool of ['vmThreads', 'threads', 'forks'])
    t.regex(await call(t, place, 'vitest', 'run', '--root', place, `--pool=${pool}`), /1 passed/, pool)
})

recipe('esbuild leaves it out of its bundle', async t => {
  const place = project('esbuild')
  const [command] = readBlocks(page).filter(({ text }) => text.startsWith('esbuild '))
  await call(t, place, ...(command!.text.trim().split(' ') as [string, ...string[]]))
  t.regex(await call(t, place, 'node', 'out.mjs'), made)
})

recipe('webpack leaves it out of its bundle', async t => {
  const place = project('webpack')
  cpSync(join(project('esbuild'), 'map.mjs'), join(place, 'map.mjs'))
  await call(t, place, 'webpack')
  t.regex(await call(t, place, 'node', join('dist', 'out.mjs')), made)
})

recipe("Vite's server build leaves it out by itself", async t => {
  const place = project('vite')
  cpSync(join(project('esbuild'), 'map.mjs'), join(place, 'map.mjs'))
  await call(t, place, 'vite', 'build', '--ssr', 'map.mjs')
  t.regex(await call(t, place, 'node', join('dist', 'map.mjs')), made)
})

recipe('Bun and Deno run what Node runs', async t => {
  const place = project('esbuild')
  t.regex(await call(t, place, 'bun', 'map.mjs'), made)
  t.regex(await call(t, place, 'deno', 'run', '--allow-all', 'map.mjs'), made)
})
