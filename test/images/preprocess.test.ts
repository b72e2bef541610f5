import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { ImageError, InvalidArgumentError } from '../../lib/foundation/errors.js'
import { decodeImage } from '../../lib/images/decode.js'
import type { PreparedInput } from '../../lib/images/prepared-input.js'
import {
  completePreprocessing,
  type GivenPreprocessing,
  type Preprocessing,
  prepare,
} from '../../lib/images/preprocess.js'

/** Pictures, and what torchvision makes of them; support/make-preprocess-fixtures.py writes them. */
const folder = fileURLToPath(new URL('../../../test/fixtures/preprocess/', import.meta.url))

const rules: Record<string, Partial<Preprocessing>> = {
  resize: {},
  crop: { cropFirst: true },
  small: { resize: 64, crop: 56 },
  bicubic: { resize: 64, crop: 56, interpolation: 'bicubic' },
  lanczos: { resize: 64, crop: 56, interpolation: 'lanczos' },
  squash: { resize: [48, 64], crop: 40, squash: true },
}

async function prepared(
  image: Parameters<typeof decodeImage>[0],
  settings: GivenPreprocessing = {},
  channels = 3,
): Promise<PreparedInput> {
  const decoded = await decodeImage(image)
  return prepare(
    { name: 'picture', kind: 'encoded', image: decoded },
    completePreprocessing(settings, channels),
  )
}

const raw = (width: number, height: number, value = 100) => ({
  data: new Uint8Array(width * height * 3).fill(value),
  width,
  height,
  channels: 3 as const,
})

test('resizing and cropping equal Pillow and torchvision to the bit', async t => {
  const files = (await readdir(folder)).filter(name => name.split('.').length === 3)
  t.is(files.length, 21)
  for (const file of files) {
    const [name, rule] = file.split('.') as [string, string]
    const { pixels, width, height } = await prepared(`${folder}${name}.png`, rules[rule])
    const expected = await decodeImage(folder + file)
    t.deepEqual([width, height], [expected.width, expected.height], file)
    // Where the sides shrink by different factors, Pillow's versions differ in which one they resize first.
    const tolerance = rule === 'squash' ? 1 : 0
    t.true(
      pixels.every((value, i) => Math.abs(value - expected.pixels[i]!) <= tolerance),
      file,
    )
  }
})

test('the input is the pixels over 255, normalised per channel, channels first', async t => {
  const settings = { mean: [0.1, 0.2, 0.3], std: [0.5, 1, 2] }
  const { data, pixels, channels, width, height } = await prepared(`${folder}wide.png`, settings)
  t.deepEqual([channels, height, width], [3, 224, 224])
  const size = width * height
  for (let i = 0; i < data.length; i += 997) {
    const channel = Math.floor(i / size)
    const value = pixels[(i % size) * 3 + channel]! / 255
    t.true(Math.abs(data[i]! - (value - settings.mean[channel]!) / settings.std[channel]!) < 1e-6)
  }
})

test('by default a picture is normalised as torchvision does for ImageNet', async t => {
  const { data } = await prepared(raw(300, 256, 255))
  const expected = [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
  for (const [channel, value] of expected.entries())
    t.true(Math.abs(data[channel * 224 * 224]! - value) < 1e-5)
})

test('a grey network gets the luma of ITU-R 601, and the picture stays coloured', async t => {
  const image = raw(64, 64)
  for (let i = 0; i < image.data.length; i += 3) image.data.set([200, 100, 50], i)
  const { data, pixels, channels } = await prepared(image, { mean: [0.5], std: [0.25] }, 1)
  t.is(channels, 1)
  t.is(data.length, 224 * 224)
  const luma = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
  t.true(data.every(value => Math.abs(value - (luma - 0.5) / 0.25) < 1e-5))
  t.deepEqual([...pixels.subarray(0, 3)], [200, 100, 50])
})

test('mean and std may refer to bytes, and channels come in the order that the network takes', async t => {
  const image = raw(64, 64)
  for (let i = 0; i < image.data.length; i += 3) image.data.set([200, 100, 50], i)
  const settings = { mean: [10, 20, 30], std: [1, 2, 4], range: 255, channelOrder: 'bgr' } as const
  const { data, pixels } = await prepared(image, settings)
  const expected = [(50 - 10) / 1, (100 - 20) / 2, (200 - 30) / 4]
  for (const [channel, value] of expected.entries())
    t.true(Math.abs(data[channel * 224 * 224]! - value) < 1e-3)
  t.deepEqual([...pixels.subarray(0, 3)], [200, 100, 50])
  // The picture is found again in what was prepared elsewhere.
  const again = await prepare(
    { name: 'picture', kind: 'prepared', data, height: 224, width: 224, channels: 3 },
    completePreprocessing(settings, 3),
  )
  t.deepEqual([...again.pixels.subarray(0, 3)], [200, 100, 50])
})

test('without a size to resize to, a squashed picture gets that of the crop', t => {
  t.is(completePreprocessing({ squash: true, crop: 96 }, 3).resize, 96)
})

test('any proportion is taken, down to one pixel, and a plain picture stays plain', async t => {
  for (const [width, height] of [
    [1, 1],
    [1, 50],
    [700, 2],
    [225, 224],
    [257, 256],
  ] as const) {
    for (const cropFirst of [false, true]) {
      const { pixels } = await prepared(raw(width, height), { cropFirst })
      t.is(pixels.length, 224 * 224 * 3)
      t.true(
        pixels.every(value => value === 100),
        `${width}×${height}`,
      )
    }
  }
})

test('the odd pixel of a centred crop goes where torchvision has it', async t => {
  // One white column in a black picture: columns 33 wide, cropped to 32 and 30.
  const image = raw(33, 33, 0)
  const settings = { resize: 33, crop: 32 }
  for (let y = 0; y < 33; y++) image.data.fill(255, (y * 33 + 10) * 3, (y * 33 + 11) * 3)
  const white = ({ pixels }: PreparedInput) => pixels.indexOf(255) / 3
  // round(0.5) is 0 and round(1.5) is 2, as in Python.
  t.is(white(await prepared(image, settings)), 10)
  t.is(white(await prepared(image, { ...settings, crop: 30 })), 8)
})

test('a picture that is very long is not resized to an impossible size', async t => {
  await t.throwsAsync(prepared(raw(3, 1), { resize: 10, crop: 20, cropFirst: false }), {
    instanceOf: InvalidArgumentError,
  })
  const { pixels } = await prepared(raw(5000, 1), { resize: 8, crop: 8 })
  t.is(pixels.length, 8 * 8 * 3)
})

test.serial('only what is seen of a long picture is made', async t => {
  // Resized whole, it would have 256 × 4,096,000 pixels.
  const length = 16_000
  const image = raw(1, length, 0)
  for (let y = 0; y < length; y++) image.data.fill(y % 256, y * 3, y * 3 + 3)
  await prepared(raw(1, 1))
  const before = process.resourceUsage().maxRSS
  const { pixels } = await prepared(image)
  t.true(process.resourceUsage().maxRSS - before < 100 * 2 ** 10)
  // 224 of 4,096,000 rows lie within one pixel of the middle, 8000, whose upper half is nearer to 7999.
  t.deepEqual([pixels[0], pixels.at(-1)], [7999 % 256, 8000 % 256])
  const turned = await prepared({ ...image, width: length, height: 1 })
  t.deepEqual(turned.pixels[0], pixels[0])
})

test('settings that make no sense are named', t => {
  const wrong: [GivenPreprocessing, RegExp][] = [
    [{ crop: 300 }, /crop/],
    [{ crop: 0 }, /crop/],
    [{ resize: 1.5 }, /resize/],
    [{ mean: [0.5] }, /mean/],
    [{ std: [0.1, 0, 0.1] }, /std/],
    [{ mean: [0, Number.NaN, 0] }, /mean/],
    [{ cropFirst: 1 as unknown as boolean }, /cropFirst/],
    [{ cropFirst: true, squash: true }, /squash/],
    [{ interpolation: 'nearest' as 'bicubic' }, /one of: bilinear, bicubic, lanczos/],
    [{ channelOrder: 'RGB' as 'rgb' }, /one of: rgb, bgr/],
    [{ range: 255 }, /mean and std as well/],
    [{ range: 2 as 1, mean: [0, 0, 0], std: [1, 1, 1] }, /range/],
    [{ cropfirst: true } as Partial<Preprocessing>, /'cropfirst'/],
  ]
  for (const [settings, message] of wrong) {
    t.throws(() => completePreprocessing(settings, 3), { instanceOf: InvalidArgumentError, message })
  }
})

test('a prepared image of other channels than the network is refused', async t => {
  const image = {
    name: 'x',
    kind: 'prepared',
    data: new Float32Array(16),
    height: 4,
    width: 4,
    channels: 1,
  } as const
  await t.throwsAsync(prepare(image, completePreprocessing({}, 3)), {
    instanceOf: ImageError,
    message: /1 channels/,
  })
})
