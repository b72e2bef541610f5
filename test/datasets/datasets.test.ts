import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import sharp from 'sharp'
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

test('a broken annotation is named', async t => {
  const root = await emptyFolder(t)
  const path = join(root, 'broken.xml')
  for (const text of ['', '<annotation><size><width>x</width></size></annotation>', '{"a": 1}']) {
    await writeFile(path, text)
    await t.throwsAsync(readBoxes(path), { code: 'DATASET', message: /broken\.xml/ })
  }
  await t.throwsAsync(readBoxes(join(root, 'missing.xml')), { code: 'DATASET', message: /no such file/ })
})
