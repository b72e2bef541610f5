import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { fileHash } from '../../lib/foundation/file-hash.js'
import { modelFileHash } from '../../lib/model/model-file-hash.js'
import { makeFolder } from '../support/command.js'

/** A field of protobuf that holds fewer than 128 bytes. */
function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
}

/** An ONNX model of one float, which lies in another file. */
function modelBeside(file: string): Buffer {
  const place = field(13, Buffer.concat([field(1, 'location'), field(2, file)]))
  const tensor = Buffer.concat([
    Buffer.from([0x08, 1, 0x10, 1]),
    field(8, 'w'),
    place,
    Buffer.from([0x70, 1]),
  ])
  return Buffer.concat([Buffer.from([0x08, 8]), field(7, field(5, tensor))])
}

test('what a model file is hashed from is all that its tensors lie in', async t => {
  const { folder, remove } = await makeFolder()
  try {
    const path = join(folder, 'model.onnx')
    const write = async (file: string, values: string) => {
      await writeFile(path, modelBeside(file))
      await writeFile(join(folder, file), values)
      return modelFileHash(path)
    }
    const first = await write('a.data', 'abcd')
    t.not(first, await fileHash(path))
    const another = await write('a.data', 'abce')
    t.not(first, another)
    t.is(await write('a.data', 'abcd'), first)
    await rm(join(folder, 'a.data'))
    await t.throwsAsync(modelFileHash(path), { code: 'WEIGHTS', message: /a\.data.*can't be found/ })
    const text = join(folder, 'model.pt')
    await writeFile(text, 'no model')
    t.is(await modelFileHash(text), await fileHash(text))
  } finally {
    await remove()
  }
})
