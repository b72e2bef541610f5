import { existsSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { ensureLibTorch } from '../../lib/install/ensure-libtorch.mjs'
import { findLibTorch, libraryFile } from '../../lib/native/find-libtorch.mjs'
import { describeInstallation, loadAddon, loadFrom } from '../../lib/native/load.js'
import { projectStore } from '../../lib/native/packages.mjs'
import { root } from '../../scripts/setup/paths.mjs'
import { failureOf, fakeLibTorch, fakePython, temporaryFolder } from '../support/setup.js'

test('LIBTORCH comes before python3, python3 before the cache, and the newest of the cache first', t => {
  const folder = temporaryFolder(t)
  const own = fakeLibTorch(join(folder, 'own'), '2.12.0')
  const torch = fakeLibTorch(join(folder, 'torch'), '2.13.0', { cuda: true })
  for (const version of ['2.9.0', '2.11.1', '2.14.0'])
    fakeLibTorch(join(folder, 'libtorch', version), version)
  const withPython = { PATH: fakePython(join(folder, 'bin'), torch), IBA_CACHE: folder }
  const withoutPython = { PATH: fakePython(join(folder, 'bare'), ''), IBA_CACHE: folder }

  t.like(findLibTorch({ env: { ...withPython, LIBTORCH: own } }), {
    libtorch: { folder: own, version: '2.12.0', minor: '2.12', cuda: false, origin: 'LIBTORCH' },
  })
  t.like(findLibTorch({ env: withPython }), {
    libtorch: { folder: torch, version: '2.13.0', minor: '2.13', cuda: true, origin: 'python3' },
  })
  const { libtorch, tried } = findLibTorch({ env: withoutPython })
  t.like(libtorch, { folder: join(folder, 'libtorch', '2.14.0'), origin: 'cache' })
  t.deepEqual(tried, [{ place: 'torch of python3', reason: 'torch is not installed' }])
})

test('an unusable LIBTORCH is named and nothing else is taken instead', async t => {
  const folder = temporaryFolder(t)
  const torch = fakeLibTorch(join(folder, 'torch'), '2.13.0')
  const PATH = fakePython(join(folder, 'bin'), torch)
  const old = fakeLibTorch(join(folder, 'old'), '2.5.1')
  const bare = fakeLibTorch(join(folder, 'bare'), '2.13.0', { headers: false })
  const cases: [string, RegExp][] = [
    [join(folder, 'nowhere'), /nowhere: does not exist/],
    ['relative', /is not an absolute path/],
    [folder, /holds no lib\/libc10/],
    [old, /is version 2\.5\.1, at least 2\.11 is needed/],
    [bare, /holds no include.*which building needs/],
  ]
  for (const [LIBTORCH, expected] of cases) {
    const env = { PATH, LIBTORCH }
    const fetch = () => t.fail('must not fetch')
    t.regex(await failureOf(() => ensureLibTorch({ env, fetch: async () => fetch() })), expected)
  }
  t.like(
    findLibTorch({ env: { PATH, LIBTORCH: bare } }),
    { libtorch: { folder: bare } },
    'headers are for building',
  )
})

test('IBA_LIBTORCH_VERSION passes over other versions and is what gets fetched', async t => {
  const folder = temporaryFolder(t)
  const torch = fakeLibTorch(join(folder, 'torch'), '2.13.0')
  const env = {
    PATH: fakePython(join(folder, 'bin'), torch),
    IBA_CACHE: join(folder, 'cache'),
    IBA_LIBTORCH_VERSION: '2.14.0',
  }
  const fetch = async (version: string, cache: string) => {
    t.is(version, '2.14.0')
    fakeLibTorch(join(cache, 'libtorch', version), version)
  }
  t.like(await ensureLibTorch({ env, fetch }), { version: '2.14.0', origin: 'cache' })
})

test('a package of LibTorch comes before python3, and the project before the cache; what does not fit is passed over', t => {
  const folder = temporaryFolder(t)
  const packaged = fakeLibTorch(join(folder, 'package'), '2.13.0', { headers: false })
  const torch = fakeLibTorch(join(folder, 'torch'), '2.12.0')
  const project = join(folder, 'project')
  const fetched = fakeLibTorch(join(project, 'libtorch', '2.13.0'), '2.13.0')
  fakeLibTorch(join(folder, 'libtorch', '2.13.0'), '2.13.0')
  const env = { PATH: fakePython(join(folder, 'bin'), torch), IBA_CACHE: folder }
  t.like(findLibTorch({ env, packaged, project }), { libtorch: { folder: packaged, origin: 'package' } })
  t.like(findLibTorch({ env, project }), { libtorch: { folder: torch, origin: 'python3' } })
  const refuse = ({ minor }: { minor: string }) => (minor === '2.12' ? 'no binding' : null)
  const { libtorch, tried } = findLibTorch({ env, project, refuse })
  t.like(libtorch, { folder: fetched, origin: 'project' })
  t.deepEqual(tried, [{ place: `torch of python3, ${torch}`, reason: 'no binding' }])
})

test('libraries are named as the platform names them', t => {
  const names = (['linux', 'darwin', 'win32'] as const).map(platform => libraryFile('c10', platform))
  t.deepEqual(names, ['libc10.so', 'libc10.dylib', 'c10.dll'])
})

test("the project's store is in its node_modules, whatever package manager laid them out", t => {
  const store = '/app/node_modules/.cache/attribution-bottleneck'
  t.is(projectStore('/app/node_modules/attribution-bottleneck'), store)
  t.is(projectStore('/app/node_modules/.pnpm/a@1/node_modules/attribution-bottleneck'), store)
  t.is(projectStore('/src/attribution-bottleneck'), null)
})

test('a binding for another minor version is refused with both versions', t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'attribution_bottleneck.node'), '')
  writeFileSync(join(folder, 'attribution_bottleneck.torch-2.99.so'), '')
  const error = t.throws(() => loadFrom([folder]), { code: 'NATIVE' })
  t.regex(error.message, /is built for LibTorch 2\.99, found 2\.\d+\.\d+ at [\s\S]*`npm run setup`/)
})

test('an add-on that is nowhere is an error that lists where it was looked for', t => {
  const error = t.throws(() => loadFrom(['/nowhere/a', '/nowhere/b']), { code: 'NATIVE' })
  t.regex(error.message, /is not there[\s\S]*\/nowhere\/a\n {2}\/nowhere\/b\n.*npm run setup/)
})

test('loads once, and describes what it loaded', t => {
  const first = loadAddon()
  t.is(loadAddon(), first)
  const installation = describeInstallation()
  t.is(installation.problem, null)
  t.is(installation.addon, first.path)
  t.deepEqual(installation.libtorch, first.libtorch)
  if (!first.libtorch.cuda) t.regex(String(first.cudaReason), /was built without CUDA/)
})

test('a worker thread loads the add-on again', async t => {
  const program = `
    import('${new URL('../../lib/native/load.js', import.meta.url).href}').then(({ loadAddon }) =>
      require('node:worker_threads').parentPort.postMessage(typeof loadAddon().addon))`
  for (let i = 0; i < 2; i++) {
    const worker = new Worker(program, { eval: true })
    t.is(await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject)), 'object')
    await worker.terminate()
  }
})

test('the loader checks its arguments and says why a library does not open', async t => {
  const path = [
    'build/Release/attribution_bottleneck.node',
    'prebuilds/linux-x64/attribution-bottleneck.node',
  ]
  const loader = createRequire(import.meta.url)(path.map(file => join(root, file)).find(existsSync) ?? '')
  for (const call of [
    () => loader.open(),
    () => loader.open('/x'),
    () => loader.open(1, true),
    () => loader.open('/x', 1),
    () => loader.open('/x', true, 2),
    () => loader.openOnThread(),
    () => loader.openOnThread('/x', 1),
    () => loader.loadBinding(),
    () => loader.loadBinding({}),
    () => loader.loadBinding(Symbol.iterator),
  ])
    t.throws(call, { instanceOf: TypeError, code: 'ERR_INVALID_ARG_TYPE' })
  for (const call of [
    () => loader.open('', true),
    () => loader.open('a\0b', true),
    () => loader.openOnThread('', true),
    () => loader.loadBinding(''),
  ])
    t.throws(call, { instanceOf: TypeError, code: 'ERR_INVALID_ARG_VALUE' })
  const long = `/nowhere/${'x/'.repeat(10_000)}lib.so`
  for (const call of [() => loader.open('/nowhere/lib.so', true), () => loader.loadBinding(long)])
    t.throws(call, { code: 'ERR_DLOPEN_FAILED', message: /nowhere/ })
  const opening = loader.openOnThread('/nowhere/lib.so', true)
  await t.throwsAsync(opening, { code: 'ERR_DLOPEN_FAILED', message: /nowhere/ })
  const c10 = join(loadAddon().libtorch.folder, 'lib', libraryFile('c10'))
  t.is(await loader.openOnThread(c10, true), undefined)
  t.throws(() => loader.loadBinding(c10), { code: 'ERR_DLOPEN_FAILED', message: /exports no iba_init/ })
})
