import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ImageError, InvalidArgumentError } from '../../lib/foundation/errors.js'
import { openNpy, readNpy, writeNpy } from '../../lib/images/npy.js'
import { npyFile } from '../support/images.js'

let folder: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'images-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

test('.npy: what is written is read back', async t => {
  const path = join(folder, 'array.npy')
  const data = Float32Array.from({ length: 24 }, (_, i) => i / 7)
  for (const shape of [[24], [2, 3, 4], [1, 24, 1]]) {
    await writeNpy(path, data, shape)
    t.deepEqual(await readNpy(path), { data, shape })
    const bytes = await readFile(path)
    t.is((bytes.length - data.byteLength) % 64, 0)
  }
  await writeNpy(path, Float32Array.of(5), [])
  t.deepEqual(await readNpy(path), { data: Float32Array.of(5), shape: [] })
  await writeNpy(path, new Float32Array(), [0, 3])
  t.deepEqual(await readNpy(path), { data: new Float32Array(), shape: [0, 3] })
  await t.throwsAsync(writeNpy(path, data, [5]), { instanceOf: InvalidArgumentError })
})

test('.npy: all versions and types are read', async t => {
  const path = join(folder, 'types.npy')
  const fields = (type: string) => `{'descr': '${type}', 'fortran_order': False, 'shape': (2,), }\n`
  const cases = [
    ['<f4', Float32Array.of(1.5, -2)],
    ['<f8', Float64Array.of(1.5, -2)],
  ] as const
  for (const version of [1, 2, 3]) {
    for (const [type, values] of cases) {
      await writeFile(path, npyFile(fields(type), new Uint8Array(values.buffer), version))
      t.deepEqual(await readNpy(path), { data: Float32Array.of(1.5, -2), shape: [2] })
    }
  }
  await writeFile(path, npyFile(fields('|u1'), Uint8Array.of(7, 255)))
  t.deepEqual(await readNpy(path), { data: Float32Array.of(7, 255), shape: [2] })
})

test('.npy: hostile and unsuitable files are refused', async t => {
  const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"
  const data = new Uint8Array(8)
  const longHeader = npyFile(good, data, 2)
  longHeader.writeUInt32LE(0xffffffff, 8)
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(), /ends too early/],
    ['not numpy', Buffer.from('PK\x03\x04 something else'), /doesn't start/],
    ['version', npyFile(good, data, 9), /version 9/],
    ['header length', longHeader, /claims 4294967295 bytes/],
    ['short header', npyFile(good, data).subarray(0, 30), /ends too early/],
    ['short data', npyFile(good, data.subarray(1)), /needs .* bytes/],
    ['long data', npyFile(good, new Uint8Array(9)), /needs .* bytes/],
    ['bomb', npyFile(good.replace('(2,)', '(999999999, 999999999, 999999999)'), data), /needs .* bytes/],
    ['unsafe size', npyFile(good.replace('(2,)', `(${'9'.repeat(400)},)`), data), /impossible/],
    ['zero times much', npyFile(good.replace('(2,)', '(0, 99999999999999999999)'), data), /impossible/],
    ['negative', npyFile(good.replace('(2,)', '(-2,)'), data), /header/],
    ['code', npyFile(good.replace('(2,)', '__import__("os")'), data), /header/],
    ['fortran', npyFile(good.replace('False', 'True'), data), /Fortran order/],
    ['big-endian', npyFile(good.replace('<f4', '>f4'), data), /type >f4/],
    ['objects', npyFile(good.replace('<f4', '|O'), data), /type \|O/],
    ['prototype', npyFile(good.replace('<f4', 'constructor'), data), /type constructor/],
  ]
  for (const [name, bytes, message] of cases) {
    const path = join(folder, 'hostile.npy')
    await writeFile(path, bytes)
    const error = await t.throwsAsync(openNpy(path), { instanceOf: ImageError, message }, name)
    t.is(error?.source, path)
  }
  const pipe = join(folder, 'pipe.npy')
  execFileSync('mkfifo', [pipe])
  await t.throwsAsync(openNpy(pipe), { instanceOf: ImageError, message: /a pipe or a device/ })
  await t.throwsAsync(openNpy('/dev/zero'), { instanceOf: ImageError, message: /a pipe or a device/ })
  await t.throwsAsync(readNpy(join(folder, 'none.npy')), { instanceOf: ImageError, message: /no such file/ })
})
