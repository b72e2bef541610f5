import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { DownloadError } from '../../lib/index.js'
import type { Pip } from '../../lib/weights/python-package.js'
import { fetchPhotographs } from '../../scripts/demo/photographs.js'

async function emptyFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'photographs-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

test('photographs are asked for as the same wheel on every platform, and others are not taken', async t => {
  await using folder = await emptyFolder()
  const asked: string[] = []
  const pip: Pip = async args => {
    asked.push(await readFile(args[args.indexOf('--requirement') + 1]!, 'utf8'), args.join(' '))
    return { code: 0, output: '' }
  }
  await t.throwsAsync(fetchPhotographs({ folder: folder.path, pip }), {
    instanceOf: DownloadError,
    message: /holds no 'skimage\/data\/coffee.png' with the SHA-256 cc02f8ca/,
  })
  t.regex(asked[0]!, /^scikit-image==0\.26\.0 --hash=sha256:7df650e7[0-9a-f]{56}\n$/)
  t.regex(asked[1]!, /--platform manylinux_2_28_x86_64 --python-version 3\.12 --implementation cp/)
  t.is(asked.length, 2, 'the first failure ends it')
  t.deepEqual(await readdir(folder.path), [])
})
