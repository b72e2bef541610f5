import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { needSpace } from '../../lib/install/disk.mjs'
import { diskFull } from '../../lib/install/failure.mjs'
import { download, fetchLibTorch } from '../../lib/install/fetch-libtorch.mjs'
import { unpackNpmPackage } from '../../lib/install/npm-package.mjs'
import { run } from '../../lib/install/process.mjs'
import { officialArchive, versionFor, wantedWheel } from '../../lib/install/releases.mjs'
import { unpack } from '../../lib/install/unpack.mjs'
import { unpackWheel } from '../../lib/install/wheel.mjs'
import { findLibTorch } from '../../lib/native/find-libtorch.mjs'
import { failureOf, fakeLibTorch, temporaryFolder } from '../support/setup.js'

async function serve(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`
}

test('without network and pip the set-up says both, and how to get LibTorch otherwise', async t => {
  const cache = temporaryFolder(t)
  const nothing = (reason: string) => async () => {
    throw new Error(reason)
  }
  const ways = { 'official archive': nothing('getaddrinfo ENOTFOUND'), 'python3 -m pip': nothing('no pip') }
  const message = await failureOf(() => fetchLibTorch('2.13.0', cache, ways))
  t.regex(message, /official archive: getaddrinfo ENOTFOUND\n {2}python3 -m pip: no pip\n/)
  t.regex(message, /HTTPS_PROXY[\s\S]*pip install torch==2\.13\.0[\s\S]*LIBTORCH/)
})

test('the second way is taken where the first fails, and only whole results appear', async t => {
  const cache = temporaryFolder(t)
  const fail = async (_: string, folder: string) => {
    fakeLibTorch(join(folder, 'libtorch'), '2.13.0')
    throw new Error('broke off')
  }
  await failureOf(() => fetchLibTorch('2.13.0', cache, { fail }))
  t.false(existsSync(join(cache, 'libtorch', '2.13.0')))
  const abandoned = join(cache, 'libtorch', '.unpack-killed')
  mkdirSync(abandoned)
  utimesSync(abandoned, 0, 0)
  const work = async (_: string, folder: string) => void fakeLibTorch(join(folder, 'torch'), '2.13.0')
  await fetchLibTorch('2.13.0', cache, { fail, work })
  t.like(findLibTorch({ env: { IBA_CACHE: cache, PATH: '/nowhere' }, headers: true }), {
    libtorch: { version: '2.13.0', origin: 'cache' },
  })
  t.deepEqual(readdirSync(join(cache, 'libtorch')), ['2.13.0'])
})

test('a wheel built for CUDA gets the two libraries of NVIDIA that it needs even without a GPU', async t => {
  const folder = temporaryFolder(t)
  const asked: string[] = []
  const pip = async (args: string[]) => {
    const requirement = args.at(-1)!
    asked.push(requirement)
    const content = requirement.startsWith('torch')
      ? ['torch/lib/libtorch_cuda.so', 'torch/version.py']
      : [`nvidia/cu13/lib/lib${requirement.includes('runtime') ? 'cudart' : 'cupti'}.so.13`, 'nvidia/cu13/x']
    const program =
      "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w') as z:\n  for n in sys.argv[2:]: z.writestr(n, \"cuda: Optional[str] = '13.0'\")"
    const { status } = spawnSync('python3', ['-c', program, join(folder, 'some.whl'), ...content])
    return { code: status ?? 1, output: '' }
  }
  if (spawnSync('python3', ['--version']).status !== 0) return t.pass('needs python3')
  await unpackWheel('2.14.0', folder, pip, (name, version) => ({
    ...{ requirement: `${name}==${version}`, options: [], sha256: null },
  }))
  t.deepEqual(asked, ['torch==2.14.0', 'nvidia-cuda-runtime==13.*', 'nvidia-cuda-cupti==13.*'])
  for (const name of ['libcudart.so.13', 'libcupti.so.13'])
    t.true(existsSync(join(folder, 'torch', 'lib', name)), name)
})

test('a full disk is told before and during the work', async t => {
  const folder = temporaryFolder(t)
  const message = await failureOf(() => needSpace(folder, 2e9, async () => 1e9))
  t.regex(message, /needs 2000 MB, but its disk has only 1000 MB left\n.*IBA_CACHE/)
  const error = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', path: '/x' })
  t.regex(diskFull(error)?.message ?? '', /the disk is full \(\/x\)/)
  const full = async () => Promise.reject(error)
  t.regex(await failureOf(() => fetchLibTorch('2.13.0', folder, { full })), /the disk is full/)
})

test('an archive that is not what was published is refused, and says so', async t => {
  const url = await serve(t, (_, response) => response.end('something else'))
  const file = join(temporaryFolder(t), 'file')
  t.regex(
    await failureOf(() => download(url, file, '00'.repeat(32))),
    /not what was published[\s\S]*LIBTORCH_SHA256/,
  )
  t.false(existsSync(file))
  t.is(await download(url, file, null), createHash('sha256').update('something else').digest('hex'))
  const gone = await serve(t, (_, response) => response.writeHead(404).end())
  await t.throwsAsync(download(gone, file, null), { message: 'there is no such file (status 404)' })
})

/** Names and contents as a stored zip file, by a program that isn't ours. */
function zip(file: string, entries: Record<string, string>): boolean {
  const program =
    'import json, sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:\n' +
    '  for name, text in json.loads(sys.argv[2]).items(): z.writestr(name, text)'
  return spawnSync('python3', ['-c', program, file, JSON.stringify(entries)]).status === 0
}

test('a zip file is unpacked without any program, only what is wanted, and nowhere else', async t => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'some.zip')
  const target = join(folder, 'target')
  const text = 'library '.repeat(10_000)
  if (!zip(file, { 'libtorch/lib/a.so': text, 'libtorch/include/b.h': 'b' })) return t.pass('needs python3')
  await unpack(file, target, name => name.includes('/lib/'))
  t.is(readFileSync(join(target, 'libtorch', 'lib', 'a.so'), 'utf8'), text)
  t.deepEqual(readdirSync(join(target, 'libtorch')), ['lib'])
  t.false(existsSync(file))

  for (const name of ['../out', '/out']) {
    zip(file, { [name]: 'x' })
    await t.throwsAsync(unpack(file, target), { message: /could not be unpacked/ }, name)
  }
  writeFileSync(file, 'no zip at all')
  await t.throwsAsync(unpack(file, target), { message: /is no zip file/ })
  zip(file, { 'a.so': text })
  writeFileSync(file, readFileSync(file).subarray(0, 100))
  await t.throwsAsync(unpack(file, target), { message: /is no zip file/ })
})

test("a package's tarball is unpacked, and its folder left out", async t => {
  const folder = temporaryFolder(t)
  const source = join(folder, 'source')
  mkdirSync(join(source, 'lib'), { recursive: true })
  writeFileSync(join(source, 'package.json'), '{"name":"some","version":"1.0.0"}')
  writeFileSync(join(source, 'lib', 'a.so'), 'library')
  const npm = (args: string[]) => run('npm', ['pack', source, ...args.slice(2)])
  await unpackNpmPackage('some@1.0.0', folder, npm)
  t.is(readFileSync(join(folder, 'lib', 'a.so'), 'utf8'), 'library')
  const failing = async () => ({ code: 1, output: 'npm error code E404' })
  await t.throwsAsync(unpackNpmPackage('some@1.0.0', folder, failing), {
    message: /npm pack some@1\.0\.0.*E404/,
  })
})

test('a LibTorch with CUDA is kept beside the libraries of NVIDIA, and comes before one without', async t => {
  const cache = temporaryFolder(t)
  const way = async (_: string, folder: string, { cuda }: { cuda: boolean }) => {
    fakeLibTorch(join(folder, 'torch'), '2.13.0', { headers: false, cuda })
    if (cuda) mkdirSync(join(folder, 'nvidia'))
  }
  const env = { IBA_CACHE: cache, PATH: '/nowhere' }
  await fetchLibTorch('2.13.0', cache, { way }, { headers: false })
  t.like(findLibTorch({ env }), { libtorch: { cuda: false } })
  await fetchLibTorch('2.13.0', cache, { way }, { headers: false, cuda: true })
  t.like(findLibTorch({ env }), {
    libtorch: { cuda: true, folder: join(cache, 'libtorch', '2.13.0-cuda', 'torch') },
  })
  t.true(existsSync(join(cache, 'libtorch', '2.13.0-cuda', 'nvidia')))
})

test('a wheel is what was published, or is refused', async t => {
  const folder = temporaryFolder(t)
  const pip = async () => {
    writeFileSync(join(folder, 'torch.whl'), 'something else')
    return { code: 0, output: '' }
  }
  const message = await failureOf(() =>
    unpackWheel('2.13.0', folder, pip, () => ({ requirement: 'torch==2.13.0', options: [], sha256: '00' })),
  )
  t.regex(message, /torch\.whl is not what was published: its SHA-256 is [0-9a-f]{64} instead of 00/)
  t.false(existsSync(join(folder, 'torch.whl')))
  for (const target of ['linux-x64', 'linux-arm64', 'darwin-arm64'])
    for (const version of ['2.13.0', '2.14.0']) {
      const { requirement, options, sha256 } = wantedWheel('torch', version, target)
      t.is(requirement, `torch==${version}`)
      t.true(options.includes('--platform'))
      t.regex(sha256 ?? '', /^[0-9a-f]{64}$/)
    }
  t.is(wantedWheel('nvidia-cuda-runtime', '13.*', 'linux-arm64').requirement, 'nvidia-cuda-runtime==13.5.37')
  t.deepEqual(wantedWheel('torch', '2.99.0'), { requirement: 'torch==2.99.0', options: [], sha256: null })
})

test('official archives are known by their hashes', t => {
  t.regex(officialArchive('2.13.0', 'linux-x64')?.url ?? '', /libtorch-shared-with-deps-2\.13\.0%2Bcpu\.zip$/)
  t.regex(officialArchive('2.13.0', 'linux-x64')?.sha256 ?? '', /^[0-9a-f]{64}$/)
  t.is(officialArchive('2.99.0', 'darwin-arm64')?.sha256, null)
  t.is(officialArchive('2.13.0', 'linux-arm64'), null)
  t.regex(
    officialArchive('2.13.0', 'linux-x64', true)?.url ?? '',
    /cu130\/libtorch-shared-with-deps-2\.13\.0%2Bcu130\.zip$/,
  )
  t.is(officialArchive('2.13.0', 'darwin-arm64', true), null)
})

test('of the versions with a binding the usual one is fetched, or else the newest', t => {
  t.is(versionFor(['2.11', '2.13', '2.14']), '2.13.0')
  t.is(versionFor(['2.14']), '2.14.0')
  t.is(versionFor(['2.99']), null)
})
