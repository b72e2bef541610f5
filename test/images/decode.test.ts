import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import sharp, { type Sharp } from 'sharp'
import { ImageError, InvalidArgumentError } from '../../lib/foundation/errors.js'
import { type DecodedImage, decodeImage, type ImageSource } from '../../lib/images/decode.js'
import { bmpFile, cmykTiff, transparentGif } from '../support/images.js'

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

test('the orientation can be left as it is stored', async t => {
  const picture = await halves('red', 'blue')
  const turned = await picture.withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer()
  const stored = await decodeImage(turned, { orientation: 'stored' })
  t.like(stored, { width: 64, height: 48, orientation: 1 })
  t.true(near(pixel(stored, 4, 24), [254, 0, 0], 6))
  t.is((await decodeImage(turned)).orientation, 6)
})

test('CMYK becomes the RGB that Pillow makes of it', async t => {
  // Pillow: Image.fromarray(cmyk, 'CMYK').convert('RGB').
  const inks = [0, 0, 0, 0, 255, 0, 0, 0, 10, 20, 30, 40, 200, 100, 50, 128, 0, 0, 0, 255]
  const { pixels } = await decodeImage(cmykTiff(5, 1, inks))
  t.deepEqual([...pixels], [255, 255, 255, 0, 255, 255, 207, 198, 190, 27, 77, 102, 0, 0, 0])
})

test('of a transparent GIF the palette gives the colours, as Pillow has them', async t => {
  // The frame is the right two of three pixels; its first one is transparent.
  const { pixels, width, height } = await decodeImage(transparentGif())
  t.deepEqual([width, height], [3, 1])
  t.deepEqual([...pixels], [40, 50, 60, 40, 50, 60, 10, 20, 30])
})

test('BMP of all depths is decoded, from the bottom or the top', async t => {
  // Two rows of three pixels, the lower one first; rows are filled up to four bytes.
  const bottomUp = [0, 0, 0, 128, 128, 128, 255, 255, 255, 0, 0, 255, 0, 255, 0, 255, 0, 0]
  const rows = (values: readonly number[], length: number) =>
    [values.slice(0, values.length / 2), values.slice(values.length / 2)].flatMap(row => [
      ...row,
      ...Array(length - row.length).fill(0),
    ])
  const palette = [0, 0, 0, 128, 128, 128, 255, 255, 255, 0, 0, 255, 0, 255, 0, 255, 0, 0]
  const depths: [string, Uint8Array][] = [
    ['24', bmpFile({ depth: 24, data: rows(bottomUp, 12) })],
    ['32', bmpFile({ depth: 32, data: bottomUp.flatMap((v, i) => (i % 3 === 2 ? [v, 7] : [v])) })],
    ['8', bmpFile({ depth: 8, palette, data: rows([0, 1, 2, 3, 4, 5], 4) })],
    ['4', bmpFile({ depth: 4, palette, data: [0x01, 0x20, 0, 0, 0x34, 0x50, 0, 0] })],
    [
      'run lengths',
      bmpFile({
        depth: 8,
        palette,
        compression: 1,
        data: [0, 3, 0, 1, 2, 0, 0, 0, 1, 3, 1, 4, 1, 5, 0, 0, 0, 1],
      }),
    ],
  ]
  for (const [depth, bytes] of depths) {
    const image = await decodeImage(bytes)
    t.deepEqual([image.width, image.height], [3, 2], depth)
    t.deepEqual([...image.pixels], colors, depth)
  }
  const topDown = bmpFile({
    depth: 24,
    height: -2,
    data: rows([...bottomUp.slice(9), ...bottomUp.slice(0, 9)], 12),
  })
  t.deepEqual([...(await decodeImage(topDown)).pixels], colors)
  // 5 bits of 31 are 8 of 255.
  const deep = bmpFile({ width: 2, height: 1, depth: 16, data: [0xff, 0x7f, 0x10, 0x02] })
  t.deepEqual([...(await decodeImage(deep)).pixels], [255, 255, 255, 0, 131, 131])
  const bits = bmpFile({
    width: 3,
    height: 1,
    depth: 1,
    palette: [9, 8, 7, 3, 2, 1],
    data: [0b01000000, 0, 0, 0],
  })
  t.deepEqual([...(await decodeImage(bits)).pixels], [7, 8, 9, 1, 2, 3, 7, 8, 9])
  for (const broken of [
    bmpFile({ depth: 24, data: [1, 2, 3] }),
    bmpFile({ depth: 7, data: [] }),
    bmpFile({ depth: 8, compression: 1, data: [1, 1] }),
    bmpFile({ width: -3, depth: 24, data: rows(bottomUp, 12) }),
    bmpFile({ width: 60_000, height: 60_000, depth: 24, data: [] }),
    Buffer.from('BM'),
  ])
    await t.throwsAsync(decodeImage(broken), { instanceOf: ImageError, message: /Can't decode/ })
})

test('bytes may be an ArrayBuffer, a Blob or a File, and pixels those of a result', async t => {
  const png = await small().png().toBuffer()
  const bytes = Uint8Array.from(png)
  const sources: ImageSource[] = [
    bytes.buffer,
    new Blob([bytes]),
    { pixels: Uint8Array.from(colors), width: 3, height: 2 },
  ]
  for (const source of sources) t.deepEqual([...(await decodeImage(source)).pixels], colors)
  const file = Object.assign(new Blob(['no image']), { name: 'cat.jpg' })
  await t.throwsAsync(decodeImage(file), { instanceOf: ImageError, message: /'cat\.jpg'/ })
  const short = { pixels: new Uint8Array(5), width: 3, height: 2 }
  await t.throwsAsync(decodeImage(short), { instanceOf: InvalidArgumentError, message: /18 bytes/ })
})

test('what code of another realm makes is taken as well', async t => {
  const make = (expression: string) => runInNewContext(expression, { bytes, colors }) as Uint8Array
  const bytes = [...(await small().png().toBuffer())]
  t.false(make('new Uint8Array(1)') instanceof Uint8Array)
  t.deepEqual([...(await decodeImage(make('Uint8Array.from(bytes)'))).pixels], colors)
  t.deepEqual([...(await decodeImage(make('Uint8Array.from(bytes).buffer'))).pixels], colors)
  const picture = { data: make('Uint8ClampedArray.from(colors)'), width: 3, height: 2, channels: 3 } as const
  t.deepEqual([...(await decodeImage(picture)).pixels], colors)
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
  await t.throwsAsync(decodeImage(Buffer.from(svg)), { instanceOf: ImageError, message: /it is SVG/ })
  await t.throwsAsync(decodeImage(7 as unknown as string), { instanceOf: InvalidArgumentError })
})

test('what is often found in the place of an image is named', async t => {
  const cases: [string, RegExp][] = [
    ['', /it is empty/],
    ['<!DOCTYPE html><html>', /a web page/],
    ['version https://git-lfs.github.com/spec/v1\n', /Git LFS/],
    ['<?xml version="1.0"?><svg/>', /SVG/],
    ['\0\0\0\x18ftypheic\0\0\0\0mif1', /HEIC/],
    ['%PDF-1.7', /PDF/],
    ['\x93NUMPY', /\.npy/],
    ['P6 1 1 255 abc', /its format is unknown/],
  ]
  for (const [text, message] of cases)
    await t.throwsAsync(decodeImage(Buffer.from(text, 'latin1')), { instanceOf: ImageError, message }, text)
})

test('a file that is too long is refused before it is read', async t => {
  const path = join(folder, 'long.jpg')
  await writeFile(path, '')
  await truncate(path, 2 ** 29 + 1)
  await t.throwsAsync(decodeImage(path), {
    instanceOf: ImageError,
    message: /longer than 512 MiB, the limit of an image file/,
  })
})

test('a PNG that claims an enormous size is refused', async t => {
  const png = await small().png().toBuffer()
  const huge = Buffer.from(png)
  huge.writeUInt32BE(60_000, 16)
  huge.writeUInt32BE(60_000, 20)
  await t.throwsAsync(decodeImage(huge), {
    instanceOf: ImageError,
    message: /60000 × 60000 pixels, more than the limits of an image: 178,956,970 in all/,
  })
})
