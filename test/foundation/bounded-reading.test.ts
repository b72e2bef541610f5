import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { readBounded, readBoundedLines, readBoundedText } from '../../lib/foundation/bounded-reading.js'
import { decodePath, encodePath } from '../../lib/foundation/file-names.js'
import { collect } from '../support/images.js'

let folder: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reading-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

const limit = { bytes: 2 ** 20, of: 'a test file' }

test('a file is read up to its limit, which a longer or endless one names', async t => {
  const path = join(folder, 'whole')
  const content = Buffer.alloc(limit.bytes, 'abc')
  await writeFile(path, content)
  t.true(content.equals(await readBounded(path, limit)))
  await writeFile(path, '')
  t.is((await readBounded(path, limit)).length, 0)
  await writeFile(path, Buffer.alloc(limit.bytes + 1))
  const refused = { code: 'FILE', message: /longer than 1 MiB, the limit of a test file/ }
  for (const long of [path, '/dev/zero']) {
    await t.throwsAsync(readBounded(long, limit), refused)
    await t.throwsAsync(collect(readBoundedLines(long, limit)), { code: 'FILE' })
  }
  await t.throwsAsync(readBounded(folder, limit), { code: 'EISDIR' })
  await t.throwsAsync(readBounded(join(folder, 'none'), limit), { code: 'ENOENT' })
})

test('a pipe is read as it is written; waiting for it can be aborted', async t => {
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const read = readBounded(path, limit)
  await writeFile(path, 'through a pipe')
  t.is((await read).toString(), 'through a pipe')
  const controller = new AbortController()
  const waiting = readBounded(path, limit, controller.signal)
  setTimeout(() => controller.abort(new Error('enough')), 20)
  await t.throwsAsync(waiting, { message: 'enough' })
  await t.throwsAsync(readBounded(path, limit, controller.signal), { message: 'enough' })
})

test('lines come without their ends and without a byte order mark, whatever the pieces', async t => {
  const path = join(folder, 'lines')
  await writeFile(path, '\ufeffone\r\ntwo\n\nfour\rstill\nünï')
  t.deepEqual(await collect(readBoundedLines(path, limit)), ['one', 'two', '', 'four\rstill', 'ünï'])
  t.is(await readBoundedText(path, limit), 'one\r\ntwo\n\nfour\rstill\nünï')
  const many = Array.from({ length: 50_000 }, (_, i) => `line ${i} ü`)
  await writeFile(path, many.join('\n'))
  t.deepEqual(await collect(readBoundedLines(path, { ...limit, bytes: 2 ** 24 })), many)
})

test('what is no UTF-8 text is told; a line may hold a name of other bytes', async t => {
  const path = join(folder, 'text')
  for (const text of [Buffer.from('\ufeffa.jpg 1', 'utf16le'), Buffer.from('\ufeffa', 'utf16le').swap16()]) {
    await writeFile(path, text)
    await t.throwsAsync(readBoundedText(path, limit), { code: 'FILE', message: /UTF-16.*Save it as UTF-8/ })
    await t.throwsAsync(collect(readBoundedLines(path, limit)), { code: 'FILE', message: /UTF-16/ })
  }
  await writeFile(path, 'a\0b')
  await t.throwsAsync(collect(readBoundedLines(path, limit)), { code: 'FILE', message: /bytes of zero/ })
  await writeFile(path, Buffer.from('latin\xe9.jpg 3\n', 'latin1'))
  t.deepEqual(await collect(readBoundedLines(path, limit)), ['latin\udce9.jpg 3'])
  await t.throwsAsync(readBoundedText(path, limit), { code: 'FILE', message: /not UTF-8/ })
  await writeFile(path, Buffer.alloc(70_000, 'x'))
  await t.throwsAsync(collect(readBoundedLines(path, limit)), { code: 'FILE', message: /a line is longer/ })
})

test('a path of any bytes is a string and the same bytes again', t => {
  const names = ['plain', 'ünï-日本-😀', 'latin\xe9', '\x80\xff', 'a\xc3', '\xf0\x9f\x98', 'x\xed\xb3\xa9']
  for (const name of names) {
    const bytes = Buffer.from(name, /[^\0-\xff]/.test(name) ? 'utf8' : 'latin1')
    const path = decodePath(bytes)
    t.deepEqual(encodePath(path), bytes, name)
    t.false(path.includes('\ufffd'))
  }
  t.is(decodePath(Buffer.from('latin\xe9.jpg', 'latin1')), 'latin\udce9.jpg')
})
