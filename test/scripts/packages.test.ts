import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { publint } from 'publint'
import { run } from '../../lib/install/process.mjs'
import { loadAddon } from '../../lib/native/load.js'
import { bindingsPackage, libTorchPackage, thisTarget } from '../../lib/native/packages.mjs'
import { useRegistry } from '../../scripts/release/local-registry.mjs'
import { anyLibTorchManifest, libTorchManifest, mainManifest } from '../../scripts/release/manifests.mjs'
import { publishAll } from '../support/published.js'
import { npmRegistry, testNeeding } from '../support/requirements.js'
import { fakeLibTorch, fakePython } from '../support/setup.js'

const installed = testNeeding(await npmRegistry())
const folder = mkdtempSync(join(tmpdir(), 'iba-packages-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

const typesChecker = '@arethetypeswrong/cli@0.18.5'

const makeMap = `
import { loadModel, methods } from 'attribution-bottleneck'
const model = await loadModel('demo')
const [{ map }] = await methods.gradient(model).attribute(['node_modules/attribution-bottleneck/demo/images/01-teapot.jpg'])
console.log('a map of', map.width, 'x', map.height)
`

/** A fresh project, and how to call programs in it, with nothing of this machine's settings. Its python3 has a torch that
 * there is no binding for. */
async function newProject(t: ExecutionContext) {
  const project = join(folder, 'project')
  const registry = await publishAll(folder)
  t.teardown(() => registry.close())
  useRegistry(project, registry.url)
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true }')
  writeFileSync(join(project, 'map.mjs'), makeMap)
  const home = join(project, 'home')
  const programs = join(project, 'programs')
  for (const made of [home, programs]) mkdirSync(made)
  for (const program of ['node', 'npm', 'npx', 'sh', 'env', 'setpriv']) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' })
    if (stdout !== '') symlinkSync(stdout.trim(), join(programs, program))
  }
  fakePython(programs, fakeLibTorch(join(project, 'torch'), '2.12.0'))
  const env = { PATH: programs, HOME: home, npm_config_cache: join(folder, 'npm-cache') }
  const call = async (command: string, args: string[], more: Record<string, string> = {}) =>
    await run(command, args, { cwd: project, env: { ...env, ...more } })
  const { code, output } = await call('npm', ['install', '--ignore-scripts', 'attribution-bottleneck'])
  if (code !== 0) throw new Error(output)
  return { project, home, call }
}

/** What others made of all that was installed. */
async function others(project: string) {
  const modules = join(project, 'node_modules')
  const lock = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'))
  const ours = ['attribution-bottleneck', '@attribution-bottleneck']
  const all = await run('du', ['-sk', ...ours.map(name => join(modules, name)), modules])
  const sizes = all.output
    .trim()
    .split('\n')
    .map(line => Number.parseInt(line, 10) * 1024)
  const names = Object.keys(lock.packages).filter(path => !path.includes('attribution-bottleneck'))
  // du counts a folder that it has seen already only once.
  return { packages: names.length, bytes: sizes.at(-1)! }
}

/** The package of LibTorch, laid out with links in place of copies. */
function installLibTorch(project: string): void {
  const { libtorch } = loadAddon()
  const place = join(project, 'node_modules', libTorchPackage())
  mkdirSync(place, { recursive: true })
  symlinkSync(join(libtorch.folder, 'lib'), join(place, 'lib'))
  writeFileSync(join(place, 'build-version'), libtorch.version)
  writeFileSync(join(place, 'package.json'), JSON.stringify(libTorchManifest(thisTarget, libtorch.version)))
}

installed('npm installs it without scripts, and it works as soon as there is a LibTorch', async t => {
  const { project, home, call } = await newProject(t)
  const bindings = join(project, 'node_modules', bindingsPackage())
  t.true(existsSync(bindings))
  const { packages, bytes } = await others(project)
  t.true(packages < 30, `${packages} packages`)
  t.true(bytes < 35e6, `${bytes} bytes`)
  const before = await call('node', ['map.mjs'])
  t.not(before.code, 0)
  t.regex(
    before.output,
    /No LibTorch that fits was found[\s\S]*`npx attribution-bottleneck install` puts it right/,
  )
  t.notRegex(before.output, /CMake/)

  const { libtorch } = loadAddon()
  t.regex((await call('node', ['map.mjs'], { LIBTORCH: libtorch.folder })).output, /a map of 224 x 224/)
  const wrong = await call('npx', ['iba', 'install'], { LIBTORCH: '/nowhere' })
  t.is(wrong.code, 1)
  t.regex(wrong.output, /LIBTORCH names can't be used:\n.*does not exist\n/)
  const server = await call('npx', ['iba', 'serve', '--model', 'demo'], { LIBTORCH: libtorch.folder })
  t.is(server.code, 1)
  t.regex(server.output, /Serving needs Fastify 5, which isn't installed\..*: npm install fastify@5/)
  if (!libtorch.cuda) {
    installLibTorch(project)
    t.regex((await call('node', ['map.mjs'])).output, /a map of 224 x 224/)
    // Another user, whose home folder isn't there.
    for (const each of [folder, project]) chmodSync(each, 0o755)
    const nobody = ['--reuid', '65534', '--clear-groups', 'node', 'map.mjs']
    const asNobody = process.getuid?.() === 0 && (await call('setpriv', nobody, { HOME: '/nonexistent' }))
    if (asNobody) t.regex(asNobody.output, /a map of 224 x 224/)
  }
  t.deepEqual(readdirSync(home), [], 'nothing is written to the home folder')

  // As a lock file of another platform leaves it.
  rmSync(bindings, { recursive: true })
  const LIBTORCH = libtorch.folder
  const without = await call('node', ['map.mjs'], { LIBTORCH })
  t.regex(without.output, /add-on is not there[\s\S]*`npx attribution-bottleneck install` puts it right/)
  const done = await call('npx', ['attribution-bottleneck', 'install', '--project'], { LIBTORCH })
  t.regex(done.output, /Ready, with LibTorch/)
  t.true(existsSync(join(project, 'node_modules', '.cache', 'attribution-bottleneck', 'bindings')))
  t.deepEqual(readdirSync(home), [])
})

installed('what is published is laid out as package managers, bundlers and TypeScript expect', async t => {
  const packages = join(folder, 'packages')
  for (const name of ['main', 'bindings']) {
    const { messages } = await publint({ pkgDir: join(packages, name), strict: true })
    t.deepEqual(messages, [], name)
  }
  const tarball = readdirSync(join(packages, 'tarballs')).find(name =>
    /^attribution-bottleneck-\d/.test(name),
  )
  const file = join(packages, 'tarballs', String(tarball))
  const wrong = await run('npx', ['--yes', typesChecker, file, '--profile', 'node16', '--no-color'], {
    cwd: folder,
  })
  t.is(wrong.code, 0, wrong.output)

  const { output } = await run('tar', ['-tzf', file])
  const files = new Set(
    output
      .trim()
      .split('\n')
      .map(name => name.slice('package/'.length)),
  )
  for (const name of [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'docs/installation.md',
    'dist/THIRD-PARTY-NOTICES.txt',
  ])
    t.true(files.has(name), name)
  for (const name of ['binding.gyp', 'package-lock.json', 'native/test/main.cc'])
    t.false(files.has(name), name)
  for (const map of [...files].filter(name => name.endsWith('.js.map'))) {
    const { sources } = JSON.parse(readFileSync(join(packages, 'main', map), 'utf8')) as { sources: string[] }
    for (const source of sources) t.true(files.has(join(map, '..', source)), `${map} names ${source}`)
  }
})

test('packages say what they are for, and the main one which belong to it', t => {
  const main = mainManifest() as Record<string, Record<string, unknown>>
  t.like(main.optionalDependencies, { '@attribution-bottleneck/linux-x64': main.version })
  t.false('install' in (main.scripts ?? {}))
  t.like(libTorchManifest('linux-arm64', '2.13.0'), {
    os: ['linux'],
    cpu: ['arm64'],
    libc: ['glibc'],
    version: '2.13.0',
  })
  t.false('libc' in libTorchManifest('darwin-arm64', '2.13.0'))
  t.like(anyLibTorchManifest('2.13.0'), {
    optionalDependencies: { '@attribution-bottleneck/libtorch-darwin-arm64': '2.13.0' },
  })
  const peers = Object.keys(main.peerDependencies ?? {})
  t.deepEqual(Object.keys(main.peerDependenciesMeta ?? {}), peers)
})
