import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { findLibTorch } from '../../lib/native/find-libtorch.mjs'
import { needSpace } from '../../scripts/setup/disk.mjs'
import { download, forget } from '../../scripts/setup/download.mjs'
import { diskFull } from '../../scripts/setup/failure.mjs'
import { fetchLibTorch } from '../../scripts/setup/fetch-libtorch.mjs'
import { officialArchive } from '../../scripts/setup/releases.mjs'
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
  const work = async (_: string, folder: string) => void fakeLibTorch(join(folder, 'torch'), '2.13.0')
  await fetchLibTorch('2.13.0', cache, { fail, work })
  t.like(findLibTorch({ env: { IBA_CACHE: cache, PATH: '/nowhere' }, headers: true }), {
    libtorch: { version: '2.13.0', origin: 'cache' },
  })
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
  await unpackWheel('2.14.0', folder, pip)
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

test('official archives are known by their hashes', t => {
  t.regex(officialArchive('2.13.0', 'linux-x64')?.url ?? '', /libtorch-shared-with-deps-2\.13\.0%2Bcpu\.zip$/)
  t.regex(officialArchive('2.13.0', 'linux-x64')?.sha256 ?? '', /^[0-9a-f]{64}$/)
  t.is(officialArchive('2.99.0', 'darwin-arm64')?.sha256, null)
  t.is(officialArchive('2.13.0', 'linux-arm64'), null)
})
