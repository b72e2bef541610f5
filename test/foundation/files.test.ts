import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { writeFileAtomically } from '../../lib/foundation/files.js'

let folder: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'images-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

test('files are written whole or not at all', async t => {
  const path = join(folder, 'whole.txt')
  await writeFileAtomically(path, 'first')
  await writeFileAtomically(path, [Buffer.from('sec'), Buffer.from('ond')])
  t.is(await readFile(path, 'utf8'), 'second')
  await t.throwsAsync(writeFileAtomically(join(folder, 'no', 'such.txt'), ''), {
    code: 'FILE',
    message: /such\.txt.*no such file or folder/,
  })
  await mkdir(join(folder, 'taken'))
  await t.throwsAsync(writeFileAtomically(join(folder, 'taken'), ''), { code: 'FILE' })
})
