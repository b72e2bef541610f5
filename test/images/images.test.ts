import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import sharp, { type Sharp } from 'sharp'
import { ImageError, InvalidArgumentError } from '../../lib/foundation/errors.js'
import { cacheFolder, writeFileAtomically } from '../../lib/foundation/files.js'
import { type DecodedImage, decodeImage } from '../../lib/images/decode.js'
import { type ImageFolderOptions, imageFolder } from '../../lib/images/folder.js'
import { openNpy, readNpy, writeNpy } from '../../lib/images/npy.js'
import { expandInput, type ImageInput } from '../../lib/images/source.js'

let folder: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'images-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

// 3 wide, 2 high: red, green, blue; black, grey, white.
const colors = [255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 128, 128, 128, 255, 255, 255]
const raw = { width: 3, height: 2, channels: 3 } as const
const small = () => sharp(Uint8Array.from(colors), { raw })

/** 64 × 48: left half one colour, right half another; large enough that JPEG keeps the colours. */
async function halves(left: string, right: string): Promise<Sharp> {
  const half = await sharp({ create: { width: 32, height: 48, channels: 3, background: right } })
    .png()
    .toBuffer()
  const whole = await sharp({ create: { width: 64, height: 48, channels: 3, background: left } })
    .composite([{ input: half, left: 32, top: 0 }])
    .png()
    .toBuffer()
  return sharp(whole)
}

function pixel(image: DecodedImage, x: number, y: number): number[] {
  const start = (y * image.width + x) * 3
  return [...image.pixels.subarray(start, start + 3)]
}

function near(actual: readonly number[], expected: readonly number[], tolerance: number): boolean {
  return actual.every((value, i) => Math.abs(value - expected[i]!) <= tolerance)
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

test('lossless formats keep every pixel', async t => {
  const files = {
    png: await small().png().toBuffer(),
    webp: await small().webp({ lossless: true }).toBuffer(),
    tiff: await small().tiff({ compression: 'lzw' }).toBuffer(),
  }
  for (const [format, bytes] of Object.entries(files)) {
    const image = await decodeImage(bytes)
    t.deepEqual([image.width, image.height], [3, 2], format)
    t.deepEqual([...image.pixels], colors, format)
  }
})

test('a path and a file: URL are read, and named as the source', async t => {
  const path = join(folder, 'plain.png')
  await small().toFile(path)
  const fromPath = await decodeImage(path)
  t.is(fromPath.source, path)
  t.deepEqual(await decodeImage(pathToFileURL(path)), fromPath)
  await t.throwsAsync(decodeImage(new URL('https://example.org/a.png')), {
    instanceOf: ImageError,
    message: /only file: URLs/,
  })
})

test('the EXIF orientation is applied', async t => {
  const picture = await halves('red', 'blue')
  const turned = await picture.withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer()
  const image = await decodeImage(turned)
  t.deepEqual([image.width, image.height], [48, 64])
  t.true(near(pixel(image, 24, 4), [254, 0, 0], 6))
  t.true(near(pixel(image, 24, 60), [0, 0, 254], 6))
})

test('a CMYK JPEG becomes RGB', async t => {
  const cmyk = await (await halves('red', 'white')).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer()
  t.is((await sharp(cmyk).metadata()).space, 'cmyk')
  const image = await decodeImage(cmyk)
  t.is(image.pixels.length, 64 * 48 * 3)
  t.true(near(pixel(image, 60, 10), [255, 255, 255], 8))
  const [red, green, blue] = pixel(image, 4, 10)
  t.true(red! > 200 && green! < 80 && blue! < 80)
})

test('16 bit per channel keeps its upper 8', async t => {
  const deep = Uint16Array.from(colors, value => value * 257)
  const png = await sharp(deep, { raw }).toColourspace('rgb16').png().toBuffer()
  t.is((await sharp(png).metadata()).depth, 'ushort')
  t.deepEqual([...(await decodeImage(png)).pixels], colors)

  const grey = Uint16Array.from([0, 0x80ff, 0xffff])
  const greyPng = await sharp(grey, { raw: { width: 3, height: 1, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer()
  t.deepEqual([...(await decodeImage(greyPng)).pixels], [0, 0, 0, 128, 128, 128, 255, 255, 255])
})

test('grey is repeated over the channels', async t => {
  const grey = Uint8Array.from([0, 100, 200])
  const png = await sharp(grey, { raw: { width: 3, height: 1, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer()
  t.is((await sharp(png).metadata()).channels, 1)
  t.deepEqual([...(await decodeImage(png)).pixels], [0, 0, 0, 100, 100, 100, 200, 200, 200])
})

test('alpha is dropped and the colours under it kept', async t => {
  const rgba = Uint8Array.from([10, 20, 30, 0, 200, 100, 50, 128])
  const png = await sharp(rgba, { raw: { width: 2, height: 1, channels: 4 } })
    .png()
    .toBuffer()
  t.deepEqual([...(await decodeImage(png)).pixels], [10, 20, 30, 200, 100, 50])
})

test('of an animated GIF the first frame is taken', async t => {
  const frames = await Promise.all(
    ['red', 'blue'].map(background =>
      sharp({ create: { width: 8, height: 8, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  )
  const gif = await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer()
  t.is((await sharp(gif).metadata()).pages, 2)
  const image = await decodeImage(gif)
  t.deepEqual([image.width, image.height], [8, 8])
  t.deepEqual(pixel(image, 4, 4), [255, 0, 0])
})

test('raw pixels are checked, copied and made RGB', async t => {
  const data = Uint8Array.from([1, 2])
  const grey = await decodeImage({ data, width: 2, height: 1, channels: 1 })
  t.deepEqual([...grey.pixels], [1, 1, 1, 2, 2, 2])
  const rgba = await decodeImage({
    data: Uint8ClampedArray.from([1, 2, 3, 0]),
    width: 1,
    height: 1,
    channels: 4,
  })
  t.deepEqual([...rgba.pixels], [1, 2, 3])
  const own = Uint8Array.from([1, 2, 3])
  const copy = await decodeImage({ data: own, width: 1, height: 1, channels: 3 })
  own.fill(0)
  t.deepEqual([...copy.pixels], [1, 2, 3])
  await t.throwsAsync(decodeImage({ data, width: 2, height: 2, channels: 1 }), {
    instanceOf: InvalidArgumentError,
    message: /4 bytes/,
  })
})

test('a truncated JPEG is an ImageError that names the file', async t => {
  const path = join(folder, 'broken.jpg')
  const noise = await sharp({
    create: {
      width: 200,
      height: 200,
      channels: 3,
      background: 'black',
      noise: { type: 'gaussian', mean: 128, sigma: 50 },
    },
  })
    .jpeg()
    .toBuffer()
  await writeFile(path, noise.subarray(0, noise.length / 2))
  const error = await t.throwsAsync(decodeImage(path), { instanceOf: ImageError, code: 'IMAGE' })
  t.true(error?.message.includes(path))
  t.is(error?.source, path)
})

test('what is no image is an ImageError', async t => {
  await t.throwsAsync(decodeImage(join(folder, 'missing.jpg')), {
    instanceOf: ImageError,
    message: /missing\.jpg.*no such file/,
  })
  await t.throwsAsync(decodeImage(folder), { instanceOf: ImageError, message: /folder/ })
  await t.throwsAsync(decodeImage(Buffer.from('not an image')), { instanceOf: ImageError })
  await t.throwsAsync(decodeImage(new Uint8Array()), { instanceOf: ImageError })
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
  await t.throwsAsync(decodeImage(Buffer.from(svg)), { instanceOf: ImageError, message: /it is svg/ })
  await t.throwsAsync(decodeImage(7 as unknown as string), { instanceOf: InvalidArgumentError })
})

test('a PNG that claims an enormous size is refused', async t => {
  const png = await small().png().toBuffer()
  const huge = Buffer.from(png)
  huge.writeUInt32BE(60_000, 16)
  huge.writeUInt32BE(60_000, 20)
  await t.throwsAsync(decodeImage(huge), { instanceOf: ImageError })
})

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

/** A .npy file of any header and data. */
function npy(fields: string, data: Uint8Array, version = 1): Buffer {
  const length = Buffer.alloc(version === 1 ? 2 : 4)
  if (version === 1) length.writeUInt16LE(fields.length)
  else length.writeUInt32LE(fields.length)
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
  return Buffer.concat([start, length, Buffer.from(fields, 'latin1'), data])
}

test('.npy: all versions and types are read', async t => {
  const path = join(folder, 'types.npy')
  const fields = (type: string) => `{'descr': '${type}', 'fortran_order': False, 'shape': (2,), }\n`
  const cases = [
    ['<f4', Float32Array.of(1.5, -2)],
    ['<f8', Float64Array.of(1.5, -2)],
  ] as const
  for (const version of [1, 2, 3]) {
    for (const [type, values] of cases) {
      await writeFile(path, npy(fields(type), new Uint8Array(values.buffer), version))
      t.deepEqual(await readNpy(path), { data: Float32Array.of(1.5, -2), shape: [2] })
    }
  }
  await writeFile(path, npy(fields('|u1'), Uint8Array.of(7, 255)))
  t.deepEqual(await readNpy(path), { data: Float32Array.of(7, 255), shape: [2] })
})

test('.npy: hostile and unsuitable files are refused', async t => {
  const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"
  const data = new Uint8Array(8)
  const longHeader = npy(good, data, 2)
  longHeader.writeUInt32LE(0xffffffff, 8)
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(), /ends too early/],
    ['not numpy', Buffer.from('PK\x03\x04 something else'), /doesn't start/],
    ['version', npy(good, data, 9), /version 9/],
    ['header length', longHeader, /claims 4294967295 bytes/],
    ['short header', npy(good, data).subarray(0, 30), /ends too early/],
    ['short data', npy(good, data.subarray(1)), /needs .* bytes/],
    ['long data', npy(good, new Uint8Array(9)), /needs .* bytes/],
    ['bomb', npy(good.replace('(2,)', '(999999999, 999999999, 999999999)'), data), /needs .* bytes/],
    ['unsafe size', npy(good.replace('(2,)', `(${'9'.repeat(400)},)`), data), /impossible/],
    ['zero times much', npy(good.replace('(2,)', '(0, 99999999999999999999)'), data), /impossible/],
    ['negative', npy(good.replace('(2,)', '(-2,)'), data), /header/],
    ['code', npy(good.replace('(2,)', '__import__("os")'), data), /header/],
    ['fortran', npy(good.replace('False', 'True'), data), /Fortran order/],
    ['big-endian', npy(good.replace('<f4', '>f4'), data), /type >f4/],
    ['objects', npy(good.replace('<f4', '|O'), data), /type \|O/],
    ['prototype', npy(good.replace('<f4', 'constructor'), data), /type constructor/],
  ]
  for (const [name, bytes, message] of cases) {
    const path = join(folder, 'hostile.npy')
    await writeFile(path, bytes)
    const error = await t.throwsAsync(openNpy(path), { instanceOf: ImageError, message }, name)
    t.is(error?.source, path)
  }
  await t.throwsAsync(readNpy(join(folder, 'none.npy')), { instanceOf: ImageError, message: /no such file/ })
})

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

test('arrays that are no images are refused', async t => {
  const path = join(folder, 'shape.npy')
  await writeNpy(path, new Float32Array(60), [4, 5, 3])
  await t.throwsAsync(collect(expandInput(path)), {
    instanceOf: ImageError,
    message: /\(4, 5, 3\).*moveaxis/,
  })
  await writeNpy(path, new Float32Array(0), [0, 3, 4, 5])
  await t.throwsAsync(collect(expandInput(path)), { instanceOf: ImageError })
  const bytes = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1, 1), }\n", new Uint8Array(3))
  await writeFile(path, bytes)
  await t.throwsAsync(collect(expandInput(path)), { instanceOf: ImageError, message: /uint8/ })
  const wrong: ImageInput = { data: new Float32Array(5), shape: [3, 4, 5] }
  await t.throwsAsync(collect(expandInput(wrong)), { instanceOf: InvalidArgumentError, message: /60 values/ })
})

async function manyImages(): Promise<string> {
  const root = await mkdtemp(join(folder, 'many-'))
  await mkdir(join(root, 'b', 'deep'), { recursive: true })
  await mkdir(join(root, 'empty'))
  const names = [
    'c.jpg',
    'a.PNG',
    'b.jpeg',
    'b/2.JPEG',
    'b/10.webp',
    'b/deep/x.gif',
    'notes.txt',
    '.hidden.jpg',
    'jpg',
  ]
  for (const name of names) await writeFile(join(root, name), '')
  await symlink(root, join(root, 'b', 'circle'))
  return root
}

test('a folder gives its images in the order of their paths, again and again', async t => {
  const root = await manyImages()
  const expected = ['a.PNG', 'b.jpeg', 'b/10.webp', 'b/2.JPEG', 'b/deep/x.gif', 'c.jpg']
  const images = imageFolder(root)
  t.deepEqual(
    await collect(images),
    expected.map(name => join(root, name)),
  )
  t.deepEqual(await collect(images), await collect(images))
  const names = async (options: ImageFolderOptions) =>
    (await collect(imageFolder(root, options))).map(path => path.slice(root.length + 1))
  t.deepEqual(await names({ recursive: false }), ['a.PNG', 'b.jpeg', 'c.jpg'])
  t.deepEqual(await names({ limit: 2 }), ['a.PNG', 'b.jpeg'])
  t.deepEqual(await names({ extensions: ['.jpg', 'PNG'] }), ['a.PNG', 'c.jpg'])
})

test('a seed gives the same shuffled order each time', async t => {
  const root = await mkdtemp(join(folder, 'shuffle-'))
  for (let i = 0; i < 50; i++) await writeFile(join(root, `${i}.jpg`), '')
  const sorted = await collect(imageFolder(root))
  const shuffled = await collect(imageFolder(root, { shuffleSeed: 1 }))
  t.deepEqual(await collect(imageFolder(root, { shuffleSeed: 1 })), shuffled)
  t.notDeepEqual(shuffled, sorted)
  t.notDeepEqual(await collect(imageFolder(root, { shuffleSeed: 2 })), shuffled)
  t.deepEqual([...shuffled].sort(), sorted)
  t.deepEqual(await collect(imageFolder(root, { shuffleSeed: 1, limit: 5 })), shuffled.slice(0, 5))
})

test('a folder that is missing, empty or misused says so', async t => {
  await t.throwsAsync(collect(imageFolder(join(folder, 'nowhere'))), {
    instanceOf: ImageError,
    message: /nowhere.*no such/,
  })
  const empty = await mkdtemp(join(folder, 'empty-'))
  await t.throwsAsync(collect(imageFolder(empty)), {
    instanceOf: ImageError,
    message: /No image.*\.jpg, \.jpeg/,
  })
  t.throws(() => imageFolder(folder, { limit: 0 }), { instanceOf: InvalidArgumentError })
  t.throws(() => imageFolder(folder, { shuffel: 1 } as ImageFolderOptions), {
    message: /Unknown option 'shuffel'/,
  })
})

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

test.serial('the cache folder follows the environment', t => {
  const { IBA_CACHE, XDG_CACHE_HOME } = process.env
  try {
    process.env.IBA_CACHE = '/somewhere'
    t.is(cacheFolder(), '/somewhere')
    delete process.env.IBA_CACHE
    process.env.XDG_CACHE_HOME = '/xdg'
    t.is(cacheFolder(), '/xdg/attribution-bottleneck')
    process.env.XDG_CACHE_HOME = 'relative'
    t.regex(cacheFolder(), /^\/.*attribution-bottleneck$/)
  } finally {
    restore('IBA_CACHE', IBA_CACHE)
    restore('XDG_CACHE_HOME', XDG_CACHE_HOME)
  }
})

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
