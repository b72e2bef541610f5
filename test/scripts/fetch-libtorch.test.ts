import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { findLibTorch } from '../../lib/native/find-libtorch.mjs'
import { needSpace } from '../../scripts/setup/disk.mjs'
import { download, forget } from '../../scripts/setup/download.mjs'
import { diskFull } from '../../scripts/setup/failure.mjs'
import { fetchLibTorch } from '../../scripts/setup/fetch-libtorch.mjs'
import { officialArchive, wantedWheel } from '../../scripts/setup/releases.mjs'
import { unpackWheel } from '../../scripts/setup/wheel.mjs'
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

test('a broken download is continued where it stopped', async t => {
  const content = Buffer.from('0123456789'.repeat(1000))
  const ranges: (string | undefined)[] = []
  const url = await serve(t, (request, response) => {
    ranges.push(request.headers.range)
    const first = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0)
    const status = first > 0 ? 206 : 200
    response.writeHead(status, { etag: '"a"', 'content-length': content.length - first })
    if (first > 0) return response.end(content.subarray(first))
    response.write(content.subarray(0, 4000), () => setTimeout(() => response.destroy(), 50))
  })
  const file = join(temporaryFolder(t), 'file')
  t.is(await download(url, file, { pause: 1 }), createHash('sha256').update(content).digest('hex'))
  t.deepEqual(ranges, [undefined, 'bytes=4000-'])
  t.deepEqual(readFileSync(file), content)
  forget(file)
  t.false(existsSync(file))
})

test('a download that is refused or unreachable fails at once with the reason', async t => {
  let requests = 0
  const url = await serve(t, (_, response) => {
    requests++
    response.writeHead(404).end()
  })
  const file = join(temporaryFolder(t), 'file')
  await t.throwsAsync(download(url, file), { message: 'the server answered 404' })
  t.is(requests, 1)
  const start = Date.now()
  await t.throwsAsync(download('http://127.0.0.1:1/file', file), { message: /ECONNREFUSED|bad port/ })
  t.true(Date.now() - start < 5000)
})

test('a download goes no unsafe way, and takes no more than it should', async t => {
  const file = join(temporaryFolder(t), 'file')
  const answer = (status: number, headers: Record<string, string>, chunks: string[] = []) => ({
    status,
    headers: { get: (name: string) => headers[name] ?? null },
    body: (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk)
    })(),
  })
  const asked: string[] = []
  const redirecting = (location: string) => async (url: string) => {
    asked.push(url)
    return answer(302, { location })
  }
  const failing = async (fetch: Parameters<typeof download>[2], message: RegExp) =>
    await t.throwsAsync(download('https://example.org/a', file, { pause: 1, ...fetch }), { message })
  await failing({ fetch: redirecting('http://example.org/a') }, /http:\/\/example\.org\/a is not https/)
  await failing({ fetch: redirecting('http://127.0.0.1/a') }, /is not https/)
  asked.length = 0
  await failing({ fetch: redirecting('/a') }, /redirects more than 5 times/)
  t.is(asked.length, 6)
  await t.throwsAsync(download('http://example.org/a', file), { message: /is not https/ })
  const long = async () => answer(200, { 'content-length': '11' })
  await failing({ fetch: long, most: 10 }, /more than 10 bytes/)
  const endless = async () => answer(200, {}, ['12345', '67890', '1'])
  await failing({ fetch: endless, most: 10 }, /more than 10 bytes/)
  t.false(existsSync(file))
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
})
