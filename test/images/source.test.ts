import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import sharp from 'sharp'
import { ImageError, InvalidArgumentError } from '../../lib/foundation/errors.js'
import { writeNpy } from '../../lib/images/npy.js'
import { expandInput, type ImageInput } from '../../lib/images/source.js'
import { collect, npyFile } from '../support/images.js'

let folder: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'images-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

// 3 wide, 2 high: red, green, blue; black, grey, white.
const colors = [255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 128, 128, 128, 255, 255, 255]
const raw = { width: 3, height: 2, channels: 3 } as const
const small = () => sharp(Uint8Array.from(colors), { raw })

test('inputs expand to images', async t => {
  const path = join(folder, 'batch.npy')
  const data = Float32Array.from({ length: 2 * 3 * 4 * 5 }, (_, i) => i)
  await writeNpy(path, data, [2, 3, 4, 5])
  const images = await collect(expandInput(path))
  t.deepEqual(
    images.map(image => image.name),
    [`${path}#0`, `${path}#1`],
  )
  t.deepEqual(images[1], {
    name: `${path}#1`,
    kind: 'prepared',
    data: data.slice(60),
    height: 4,
    width: 5,
    channels: 3,
  })
  await writeNpy(path, data.subarray(0, 60), [3, 4, 5])
  t.is((await collect(expandInput(pathToFileURL(path)))).length, 1)

  const one: ImageInput = { data: data.slice(0, 60), shape: [3, 4, 5] }
  const [prepared] = await collect(expandInput(one))
  t.like(prepared, { kind: 'prepared', height: 4, width: 5, channels: 3 })

  const [encoded] = await collect(expandInput(await small().png().toBuffer()))
  t.is(encoded?.kind, 'encoded')
})

test('a prepared image of another realm is one', async t => {
  const data = runInNewContext('new Float32Array(12).fill(2)') as Float32Array
  t.false(data instanceof Float32Array)
  const [image] = await collect(expandInput({ data, shape: [3, 2, 2] }))
  t.like(image, { kind: 'prepared', width: 2 })
})

test('arrays that are no images are refused', async t => {
  const path = join(folder, 'shape.npy')
  await writeNpy(path, new Float32Array(60), [4, 5, 3])
  await t.throwsAsync(collect(expandInput(path)), {
    instanceOf: ImageError,
    message: /\(4, 5, 3\).*moveaxis/,
  })
  await writeNpy(path, new Float32Array(0), [0, 3, 4, 5])
  await t.throwsAsync(collect(expandInput(path)), { instanceOf: ImageError })
  const bytes = npyFile("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1, 1), }\n", new Uint8Array(3))
  await writeFile(path, bytes)
  await t.throwsAsync(collect(expandInput(path)), { instanceOf: ImageError, message: /uint8/ })
  // A sparse file: it takes no space.
  const side = 20_000
  const enormous = npyFile(
    `{'descr': '<f4', 'fortran_order': False, 'shape': (3, ${side}, ${side}), }\n`,
    new Uint8Array(),
  )
  await writeFile(path, enormous)
  await truncate(path, enormous.length + 3 * side ** 2 * 4)
  await t.throwsAsync(collect(expandInput(path)), { instanceOf: ImageError, message: /limit of an image/ })
  const wrong: ImageInput = { data: new Float32Array(5), shape: [3, 4, 5] }
  await t.throwsAsync(collect(expandInput(wrong)), { instanceOf: InvalidArgumentError, message: /60 values/ })
})
