import { copyFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deflateSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import sharp from 'sharp'
import { boxesOf } from '../../lib/datasets/boxes.js'
import { decodeImage } from '../../lib/images/decode.js'
import { demoSamples, drawSamples, openDataset, readBoxes, type Sample, seenMask } from '../../lib/index.js'
import { generateDemoData } from '../../scripts/demo-data/generate.js'
import { makeFolder, writePicture } from '../support/command.js'

const metaFile = fileURLToPath(new URL('../../../test/fixtures/datasets/meta.mat', import.meta.url))
const imageNet = { resize: 256, crop: 224, cropFirst: false, mean: [0], std: [1] }

async function emptyFolder(t: ExecutionContext): Promise<string> {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  return folder
}

/** Small pictures at these paths. */
async function writeImages(root: string, paths: readonly string[]): Promise<void> {
  for (const [i, path] of paths.entries()) {
    await mkdir(join(root, path, '..'), { recursive: true })
    await writePicture(join(root, path), i)
  }
}

const flat = [1, 2, 3, 4].map(i => `val/ILSVRC2012_val_0000000${i}.JPEG`)
const targets = (samples: readonly Sample[]) =>
  Object.fromEntries(samples.map(({ id, target }) => [id, target]))

test('class folders are numbered in their order, if they are as many as the classes', async t => {
  const root = await emptyFolder(t)
  await writeImages(root, ['b/1.png', 'a/1.png', 'c/2.png', 'a/2.png'])
  const { samples, training } = await openDataset(root, { classes: 3 })
  t.deepEqual(targets(samples), { 'a/1.png': 0, 'a/2.png': 0, 'b/1.png': 1, 'c/2.png': 2 })
  t.is(training, null)
  const error = await t.throwsAsync(openDataset(root, { classes: 10 }), { code: 'DATASET' })
  t.regex(error!.message, /found 3 classes \(a, b, c\).*network has 10.*classes\.json/)
})

test('class folders may be named by their index', async t => {
  const root = await emptyFolder(t)
  await writeImages(root, ['val/7/1.png', 'val/12/1.png'])
  t.deepEqual(targets((await openDataset(root, { classes: 20 })).samples), {
    'val/12/1.png': 12,
    'val/7/1.png': 7,
  })
  await t.throwsAsync(openDataset(root, { classes: 10 }), { code: 'DATASET', message: /'12'/ })
})

test("folders that are numbers are told where torchvision's order differs, and may count in it", async t => {
  const root = await emptyFolder(t)
  await writeImages(root, ['val/0/1.png', 'val/2/1.png', 'val/10/1.png'])
  const numbers = await openDataset(root, { classes: 11 })
  t.deepEqual(targets(numbers.samples), { 'val/0/1.png': 0, 'val/10/1.png': 10, 'val/2/1.png': 2 })
  t.is(numbers.notes.length, 1)
  t.regex(numbers.notes[0]!, /'10' is class 10.*ImageFolder.*it is class 1/)
  const text = await openDataset(root, { classes: 3, classOrder: 'text' })
  t.deepEqual(targets(text.samples), { 'val/0/1.png': 0, 'val/10/1.png': 1, 'val/2/1.png': 2 })
  t.deepEqual(text.notes, [])
  await writeImages(root, ['val/1/1.png'])
  const { notes } = await openDataset(join(root, 'val'), { classes: 11 })
  t.is(notes.length, 1)
  await t.throwsAsync(openDataset(root, { classes: 3, classOrder: 'name' as 'text' }), {
    code: 'INVALID_ARGUMENT',
    message: /classOrder/,
  })
})

test('a class folder without images is a class', async t => {
  const root = await emptyFolder(t)
  await writeImages(root, ['a/1.png', 'c/1.png'])
  await mkdir(join(root, 'b'))
  await mkdir(join(root, '.cache'))
  await mkdir(join(root, 'val_bounding_boxes'))
  await writeFile(join(root, 'val_bounding_boxes', 'x.xml'), '')
  t.deepEqual(targets((await openDataset(root, { classes: 3 })).samples), { 'a/1.png': 0, 'c/1.png': 2 })
})

test('test is a part to evaluate on, as val; train alone is told; both may be classes', async t => {
  const root = await emptyFolder(t)
  await writeImages(root, ['train/a/1.png', 'train/b/1.png'])
  await t.throwsAsync(openDataset(root, { classes: 2 }), {
    code: 'DATASET',
    message: /training images alone.*Give '.*train'/,
  })
  await writeImages(root, ['test/a/2.png', 'test/b/2.png'])
  const { samples, training } = await openDataset(root, { classes: 2 })
  t.deepEqual(targets(samples), { 'test/a/2.png': 0, 'test/b/2.png': 1 })
  t.is(training, join(root, 'train'))
  const vehicles = await emptyFolder(t)
  await writeImages(vehicles, ['bus/1.png', 'test/1.png', 'train/1.png'])
  const found = await openDataset(vehicles, { classes: 3 })
  t.deepEqual(targets(found.samples), { 'bus/1.png': 0, 'test/1.png': 1, 'train/1.png': 2 })
  t.is(found.training, null)
})

test("Kaggle's flat images have labels and boxes in LOC_val_solution.csv", async t => {
  const root = await emptyFolder(t)
  await writeImages(root, ['ILSVRC/Data/CLS-LOC/val/v_1.JPEG', 'ILSVRC/Data/CLS-LOC/val/v_2.JPEG'])
  await writeFile(join(root, 'LOC_synset_mapping.txt'), '\ufeffn1 one\r\nn2 two\r\n')
  const solution = join(root, 'LOC_val_solution.csv')
  await writeFile(
    solution,
    'ImageId,PredictionString\r\nv_2,n1 1 2 3 4 n1 5 6 7 8 \r\n"v_1","n2 0 0 32 16"\r\n',
  )
  const { samples, classNames } = await openDataset(root, { classes: 2 })
  t.deepEqual(
    samples.map(({ target }) => target),
    [1, 0],
  )
  t.deepEqual(classNames, ['one', 'two'])
  t.deepEqual(samples[1]!.boxes, {
    pixels: [
      { left: 1, top: 2, right: 3, bottom: 4 },
      { left: 5, top: 6, right: 7, bottom: 8 },
    ],
  })
  const size = { width: 64, height: 32, orientation: 1 }
  t.deepEqual(await boxesOf(samples[0]!.boxes!, size), [{ left: 0, top: 0, right: 0.5, bottom: 0.5 }])
  for (const [text, message] of [
    ['ImageId,PredictionString\nv_2,n1 1 2 3 4\n', /no line for the image 'v_1'/],
    ['ImageId,PredictionString\nv_1,n1 1 2 3\n', /Line 2 of/],
    ['ImageId,PredictionString\n"v_1,n1 1 2 3 4\n', /Line 2 of/],
  ] as const) {
    await writeFile(solution, text)
    await t.throwsAsync(openDataset(root, { classes: 2 }), { code: 'DATASET', message })
  }
})

test('lists of classes that are none are told', async t => {
  const root = await emptyFolder(t)
  await writeImages(root, ['n1/a.png'])
  const lists: [string, string | Buffer, RegExp][] = [
    ['classes.json', 'null', /lists no class/],
    ['classes.json', '[null]', /lists no classes as expected/],
    ['classes.json', '{"0": null}', /lists no classes as expected/],
    [
      'classes.json',
      '[{"index": 0, "synset": "n1", "name": "a"}, {"index": 1, "synset": "n1", "name": "b"}]',
      /'n1' twice/,
    ],
    ['classes.json', Buffer.from('\ufeff[]', 'utf16le'), /UTF-16/],
    ['synset_words.txt', Buffer.from('n1 caf\xe9\n', 'latin1'), /not UTF-8/],
    ['meta.mat', Buffer.alloc(300), /no MATLAB level 5 file/],
  ]
  for (const [name, content, message] of lists) {
    const classFile = join(root, name)
    await writeFile(classFile, content)
    await t.throwsAsync(
      openDataset(root, { classes: 5, classFile }),
      { code: 'DATASET', message },
      message.source,
    )
  }
  const whole = await readFile(metaFile)
  const classFile = join(root, 'meta.mat')
  for (const length of [0, 100, 128, 140, 300, whole.length - 1]) {
    await writeFile(classFile, whole.subarray(0, length))
    await t.throwsAsync(openDataset(root, { classes: 5, classFile }), {
      code: 'DATASET',
      message: /meta\.mat/,
    })
  }
  // A table that would be inflated to 128 MiB.
  const packed = deflateSync(Buffer.alloc(2 ** 27))
  const tag = Buffer.alloc(8)
  tag.writeUInt32LE(15)
  tag.writeUInt32LE(packed.length, 4)
  await writeFile(classFile, Buffer.concat([whole.subarray(0, 128), tag, packed]))
  await t.throwsAsync(openDataset(root, { classes: 5, classFile }), {
    code: 'DATASET',
    message: /larger than/,
  })
})

test('a list of classes decides: JSON of two kinds, or lines', async t => {
  const lists = {
    'classes.json': JSON.stringify([
      { index: 1, synset: 'n1', name: 'one' },
      { index: 0, synset: 'n5', name: 'five' },
    ]),
    'imagenet_class_index.json': JSON.stringify({ 0: ['n5', 'five'], 1: ['n1', 'one'] }),
    'LOC_synset_mapping.txt': 'n5 five, a number\nn1 one\n',
  }
  for (const [name, text] of Object.entries(lists)) {
    const root = await emptyFolder(t)
    await writeImages(root, ['val/n1/a.png', 'val/n5/b.png', 'train/n1/c.png'])
    await writeFile(join(root, name), text)
    const { samples, classNames, training } = await openDataset(root, { classes: 1000 })
    t.deepEqual(targets(samples), { 'val/n1/a.png': 1, 'val/n5/b.png': 0 }, name)
    t.deepEqual(classNames, ['five', 'one'])
    t.is(training, join(root, 'train'))
  }
  const root = await emptyFolder(t)
  await writeImages(root, ['n1/a.png'])
  await writeFile(join(root, 'classes.json'), '[{"index": 3}]')
  await t.throwsAsync(openDataset(root, { classes: 5 }), {
    code: 'DATASET',
    message: /with every index from 0 on/,
  })
})

test("flat ImageNet: the ground truth's numbers go through the devkit to the synsets' order", async t => {
  const root = await emptyFolder(t)
  await writeImages(root, flat)
  const data = join(root, 'ILSVRC2012_devkit_t12', 'data')
  await mkdir(data, { recursive: true })
  await writeFile(join(data, 'ILSVRC2012_validation_ground_truth.txt'), '3\n1\n2\n1\n')
  const missing = await t.throwsAsync(openDataset(root, { classes: 3 }), { code: 'DATASET' })
  t.regex(missing!.message, /numbers the classes as the ILSVRC devkit does.*looked for in .*meta\.mat/)
  await copyFile(metaFile, join(data, 'meta.mat'))
  const { samples, classNames } = await openDataset(root, { classes: 3 })
  // n90000001 butterfly 0, n90000003 guitar 1, n90000009 umbrella 2
  t.deepEqual(
    samples.map(({ target }) => target),
    [2, 1, 0, 1],
  )
  t.deepEqual(classNames, ['butterfly', 'guitar', 'umbrella'])
})

test('flat images with a file of synsets', async t => {
  const root = await emptyFolder(t)
  await writeImages(root, flat)
  const labels = join(root, 'labels.txt')
  await writeFile(labels, 'n2\nn1\nn2\nn1\n')
  const { samples } = await openDataset(root, { classes: 2, labels })
  t.deepEqual(
    samples.map(({ target }) => target),
    [1, 0, 1, 0],
  )
  await writeFile(labels, 'n2\nn1\n')
  await t.throwsAsync(openDataset(root, { classes: 2, labels }), {
    message: /2 lines, but there are 4 images/,
  })
})

test('a layout that is none of these is told, with what was looked for and what is there', async t => {
  const root = await emptyFolder(t)
  await writeImages(root, flat)
  await writeFile(join(root, 'README'), '')
  const error = await t.throwsAsync(openDataset(root, { classes: 3 }), { code: 'DATASET' })
  t.regex(error!.message, /found 4 images directly in it/)
  t.regex(error!.message, /ILSVRC2012_validation_ground_truth\.txt/)
  t.regex(error!.message, /there are README, val/)
  await t.throwsAsync(openDataset(join(root, 'nowhere'), { classes: 3 }), { message: /Can't open the data/ })
  await t.throwsAsync(openDataset(join(root, 'README'), { classes: 3 }), { message: /is a file/ })
  await writeImages(root, ['val/n1/a.png'])
  await t.throwsAsync(openDataset(root, { classes: 3 }), {
    message: /4 images directly in it and 1 in folders/,
  })
  const boxes = join(root, 'boxes')
  await mkdir(boxes)
  const folders = await emptyFolder(t)
  await writeImages(folders, ['a/1.png', 'b/1.png', 'c/1.png'])
  await t.throwsAsync(openDataset(folders, { classes: 3, boxes }), { message: /annotations.*found nothing/ })
})

test('generated demo data is a data set with boxes', async t => {
  const root = await emptyFolder(t)
  await generateDemoData(root, { train: 10, validation: 10, seed: 3 })
  const { samples, classNames, training } = await openDataset(root, { classes: 10 })
  t.is(samples.length, 10)
  t.is(new Set(samples.map(({ target }) => target)).size, 10)
  t.is(classNames.length, 10)
  t.is(training, join(root, 'train'))
  for (const { path, boxes, target } of samples) {
    t.true(path.includes(`n9000000${target}`))
    const [box] = await readBoxes(boxes as string)
    t.true(box!.left >= 0 && box!.right <= 1 && box!.left < box!.right)
  }
})

test('the sample images of the package are a data set with boxes', async t => {
  const { samples, classNames } = await openDataset('demo', { classes: 10 })
  const known = await demoSamples()
  t.is(samples.length, known.length)
  t.is(classNames[8], 'teapot')
  const { box } = known[0]!
  t.deepEqual(samples[0]!.boxes, [
    { left: box.left / 224, top: box.top / 224, right: box.right / 224, bottom: box.bottom / 224 },
  ])
})

test('samples are drawn by the seed, each once, in the order of their ids', t => {
  const all = Array.from({ length: 50 }, (_, i): Sample => ({ id: `${i + 10}`, path: '', target: 0 }))
  const drawn = drawSamples(all, 20, 1)
  t.is(new Set(drawn.map(({ id }) => id)).size, 20)
  t.deepEqual(
    [...drawn].sort((a, b) => (a.id < b.id ? -1 : 1)),
    drawn,
  )
  t.deepEqual(drawSamples(all, 20, 1), drawn)
  t.notDeepEqual(drawSamples(all, 20, 2), drawn)
  t.deepEqual(drawSamples(all, 99, 2), all)
})

test('a mask is the union of the boxes, resized and cropped as the image', async t => {
  const size = { width: 400, height: 300 }
  const boxes = [
    { left: 0.25, top: 0.2, right: 0.5, bottom: 0.6 },
    { left: 0.4, top: 0.5, right: 0.9001, bottom: 0.8 },
  ]
  const { data, share } = await seenMask(boxes, size, imageNet)
  // The same by another library: pixels at full size, resized so that the shorter side is 256, cut out in the middle.
  const full = new Uint8Array(400 * 300)
  for (let y = 0; y < 300; y++)
    for (let x = 0; x < 400; x++)
      if ((x >= 100 && x < 200 && y >= 60 && y < 180) || (x >= 160 && x < 360 && y >= 150 && y < 240))
        full[y * 400 + x] = 255
  const resized = await sharp(full, { raw: { width: 400, height: 300, channels: 1 } })
    .resize(341, 256, { fit: 'fill', kernel: 'linear' })
    .extract({ left: Math.round((341 - 224) / 2), top: 16, width: 224, height: 224 })
    .extractChannel(0)
    .raw()
    .toBuffer()
  const differing = data.filter((value, i) => value !== (resized[i]! > 127.5 ? 1 : 0)).length
  t.true(differing < 400, `${differing} of 50176 pixels differ`) // at the edges, by rounding
  const expected = resized.reduce((sum, value) => sum + value, 0) / 255 / resized.length
  t.true(Math.abs(share - expected) < 0.01, `${share} ${expected}`)
})

const annotation = (size: string, ...objects: string[]) =>
  `<annotation>${size}${objects.map(object => `<object>${object}</object>`).join('')}</annotation>`
const bndbox = (...[xmin, ymin, xmax, ymax]: number[]) =>
  `<bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox>`
const sizeOf = (side: number) => `<size><width>${side}</width><height>${side}</height></size>`

test('odd annotations are read, or told', async t => {
  const root = await emptyFolder(t)
  const path = join(root, 'odd.xml')
  const read = async (text: string) => {
    await writeFile(path, text)
    return (await readBoxes(path, { width: 200, height: 100 })).map(({ left, top, right, bottom }) => [
      left,
      top,
      right,
      bottom,
    ])
  }
  t.deepEqual(await read(annotation(sizeOf(100), bndbox(10, 20, 30, 40))), [[0.1, 0.2, 0.3, 0.4]])
  t.deepEqual(await read(annotation(sizeOf(100), bndbox(10.5, 20.25, 30, 40))), [[0.105, 0.2025, 0.3, 0.4]])
  t.deepEqual(await read(annotation(sizeOf(100), bndbox(-5, 20, 130, 40))), [[-0.05, 0.2, 1.3, 0.4]])
  t.deepEqual(await read(annotation(sizeOf(0), bndbox(10, 20, 30, 40))), [[0.05, 0.2, 0.15, 0.4]])
  t.deepEqual(await read(annotation('', bndbox(10, 20, 30, 40))), [[0.05, 0.2, 0.15, 0.4]])
  t.deepEqual(await read(annotation(sizeOf(100))), [])
  const part = `<part><name>head</name>${bndbox(1, 1, 9, 9)}</part>${bndbox(10, 20, 30, 40)}`
  t.deepEqual(await read(annotation(sizeOf(100), part)), [[0.1, 0.2, 0.3, 0.4]])
  for (const [text, message] of [
    [annotation(sizeOf(100), bndbox(30, 20, 10, 40)), /xmin is 30 and xmax 10/],
    [annotation(sizeOf(100), bndbox(10, 40, 30, 20)), /ymin is 40 and ymax 20/],
    [annotation(sizeOf(100), bndbox(Number.NaN, 40, 30, 20)), /'NaN' is no number/],
    [annotation(sizeOf(100), '<name>cat</name>'), /is no ILSVRC annotation/],
  ] as const)
    await t.throwsAsync(read(text), { code: 'DATASET', message })
  await truncate(path, 2 ** 22 + 1)
  await t.throwsAsync(readBoxes(path), { code: 'DATASET', message: /4 MiB, the limit of an annotation/ })
})

test('what of a box lies beyond the image is cut off', async t => {
  const seen = { width: 224, height: 224 }
  const area = async (...[left, top, right, bottom]: [number, number, number, number]) => {
    const box = { left: left / 224, top: top / 224, right: right / 224, bottom: bottom / 224 }
    const { data } = await seenMask([box], seen, { ...imageNet, resize: 224 })
    return data.reduce((sum, value) => sum + value, 0)
  }
  t.is(await area(150, 37, 260, 119), (224 - 150) * (119 - 37))
  t.is(await area(-40, -5, 10, 20), 10 * 20)
  t.is(await area(10, 200, 20, 300), 10 * 24)
  t.is(await area(300, 10, 400, 20), 0)
  t.is(await area(20, 10, 10, 20), 0)
  t.is(await area(10, 10, 10, 20), 0)
  for (let side = 1; side < 224; side += 7) t.is(await area(0, 0, side, 1), side)
})

test('boxes turn with their image', async t => {
  // A grey picture with a white rectangle, stored turned in each of the eight ways.
  const [width, height] = [40, 24]
  const box = { left: 4, top: 2, right: 14, bottom: 20 }
  const isInside = (x: number, y: number) => x >= box.left && x < box.right && y >= box.top && y < box.bottom
  const pixels = new Uint8Array(width * height * 3).map((_, i) =>
    isInside(Math.floor(i / 3) % width, Math.floor(i / 3 / width)) ? 255 : 100,
  )
  const boxes = { pixels: [box] }
  for (let orientation = 1; orientation <= 8; orientation++) {
    const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .withMetadata({ orientation })
      .png()
      .toBuffer()
    for (const kind of ['exif', 'stored'] as const) {
      const image = await decodeImage(png, { orientation: kind })
      t.is(image.orientation, kind === 'exif' ? orientation : 1)
      const [found] = await boxesOf(boxes, image)
      const covers = (x: number, y: number) =>
        x + 0.5 > found!.left * image.width &&
        x + 0.5 < found!.right * image.width &&
        y + 0.5 > found!.top * image.height &&
        y + 0.5 < found!.bottom * image.height
      const wrong = Array.from({ length: image.width * image.height }, (_, i) => i).filter(
        i => covers(i % image.width, Math.floor(i / image.width)) !== (image.pixels[i * 3] === 255),
      )
      t.is(wrong.length, 0, `${kind} ${orientation}`)
    }
  }
})

test('a broken annotation is named', async t => {
  const root = await emptyFolder(t)
  const path = join(root, 'broken.xml')
  for (const text of ['', '<annotation><size><width>x</width></size></annotation>', '{"a": 1}']) {
    await writeFile(path, text)
    await t.throwsAsync(readBoxes(path), { code: 'DATASET', message: /broken\.xml/ })
  }
  await t.throwsAsync(readBoxes(join(root, 'missing.xml')), { code: 'DATASET', message: /no such file/ })
})
