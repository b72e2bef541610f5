import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
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

test('what a killed writer left is removed by the next one; other files and fresh temporaries are not', async t => {
  const own = await mkdtemp(join(folder, 'left-'))
  const old = [
    '.result.json.0123456789ab.tmp',
    '.other.json.0123456789ab.tmp',
    '.result.json.tmp',
    'result.json.bak',
  ]
  const fresh = '.result.json.ba9876543210.tmp'
  for (const name of [...old, fresh]) await writeFile(join(own, name), 'half')
  for (const name of old) await utimes(join(own, name), 0, 0)
  await writeFileAtomically(join(own, 'result.json'), 'whole')
  t.deepEqual((await readdir(own)).sort(), [...old.slice(1), fresh, 'result.json'].sort())
})

test('two writers of one file leave one of their contents and nothing else', async t => {
  const own = await mkdtemp(join(folder, 'two-'))
  const path = join(own, 'both')
  const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000))
  await Promise.all(contents.map(content => writeFileAtomically(path, content)))
  t.true(contents.includes(await readFile(path, 'utf8')))
  t.deepEqual(await readdir(own), ['both'])
})

test('a name of the greatest length is written', async t => {
  const path = join(folder, `${'ä'.repeat(127)}x`)
  await writeFileAtomically(path, 'long')
  t.is(await readFile(path, 'utf8'), 'long')
})

test('a file that can not be written whole leaves nothing behind', async t => {
  const own = await mkdtemp(join(folder, 'full-'))
  const files = new URL('../../lib/foundation/files.js', import.meta.url).href
  const script = `const { writeFileAtomically } = await import('${files}')
    await writeFileAtomically('${join(own, 'x')}', 'content').catch(error => console.log(error.code))`
  // Files of no bytes can be made, but nothing can be written, as on a full disk.
  const full = 'trap "" XFSZ; ulimit -f 0; exec "$0" --input-type=module -e "$1"'
  const { stdout } = spawnSync('bash', ['-c', full, process.execPath, script], { encoding: 'utf8' })
  t.is(stdout, 'FILE\n')
  t.deepEqual(await readdir(own), [])
})
