import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import sharp from 'sharp'
import { surfaceColour } from '../../scripts/demo-data/background.js'
import { demoClasses, generateDemoData, renderSample } from '../../scripts/demo-data/generate.js'
import { frame } from '../../scripts/demo-data/layers.js'
import { objectKinds } from '../../scripts/demo-data/objects.js'
import { placeObject } from '../../scripts/demo-data/placement.js'
import { Random } from '../../scripts/demo-data/random.js'

const size = 224
const indices = Array.from({ length: 20 }, (_, i) => i)
const samples = indices.map(index => renderSample({ seed: 7, split: 'validation', index }))

test('the same seed, split and index give the same bytes', async t => {
  const first = await samples[3]!
  const again = await renderSample({ seed: 7, split: 'validation', index: 3 })
  t.deepEqual(again, first)
})

test('another index, split or seed gives another image', async t => {
  const images = await Promise.all([
    samples[3]!,
    samples[4]!,
    renderSample({ seed: 7, split: 'train', index: 3 }),
    renderSample({ seed: 8, split: 'validation', index: 3 }),
  ])
  t.is(new Set(images.map(({ jpeg }) => jpeg.toString('base64'))).size, images.length)
})

test('images are 224 x 224 JPEG with a range of tones', async t => {
  for (const { jpeg } of await Promise.all(samples.slice(0, 5))) {
    const { format, width, height, channels } = await sharp(jpeg).metadata()
    t.deepEqual(
      { format, width, height, channels },
      { format: 'jpeg', width: size, height: size, channels: 3 },
    )
    const { channels: tones } = await sharp(jpeg).stats()
    for (const { stdev, mean } of tones) {
      t.true(stdev > 8)
      t.true(mean > 15 && mean < 245)
    }
  }
})

test('boxes lie inside the image and cover 12 to 33 % of it', async t => {
  for (const { box } of await Promise.all(samples)) {
    t.true(box.left >= 0 && box.top >= 0 && box.right <= size && box.bottom <= size)
    const share = ((box.right - box.left) * (box.bottom - box.top)) / (size * size)
    t.true(share >= 0.12 && share <= 0.33, `${share}`)
  }
})

test('boxes are tight: nothing visible outside, something visible along every side', async t => {
  for (const kind of objectKinds) {
    const stream = (name: string): Random => new Random(name, 'tight', kind.name)
    const { drawing, content, box } = await placeObject(kind, stream, surfaceColour(stream('tone')))
    const alpha = await sharp(drawing.document(frame, content)).extractChannel('alpha').raw().toBuffer()
    const seen = (left: number, top: number, right: number, bottom: number): boolean => {
      for (let y = top; y < bottom; y++)
        for (let x = left; x < right; x++) if (alpha[y * size + x]! > 16) return true
      return false
    }
    const { left, top, right, bottom } = box
    t.false(seen(0, 0, size, top) || seen(0, bottom, size, size), kind.name)
    t.false(seen(0, 0, left, size) || seen(right, 0, size, size), kind.name)
    t.true(seen(left, top, right, top + 1) && seen(left, bottom - 1, right, bottom), kind.name)
    t.true(seen(left, top, left + 1, bottom) && seen(right - 1, top, right, bottom), kind.name)
  }
})

test('boxes differ in place and size', async t => {
  const boxes = (await Promise.all(samples)).map(({ box }) => box)
  t.true(new Set(boxes.map(({ left, top }) => `${left} ${top}`)).size > 15)
  t.true(new Set(boxes.map(({ left, right }) => right - left)).size > 10)
})

test('every run of ten images holds every class once', async t => {
  const classes = (await Promise.all(samples)).map(({ classIndex }) => classIndex)
  for (const start of [0, 10])
    t.deepEqual(
      classes.slice(start, start + 10).sort((a, b) => a - b),
      demoClasses.map(({ index }) => index),
    )
})

test('class indices follow the sorted synsets', t => {
  const synsets = demoClasses.map(({ synset }) => synset)
  t.deepEqual([...synsets].sort(), synsets)
  t.is(new Set(demoClasses.map(({ name }) => name)).size, 10)
})

test('a count that makes no sense is refused', async t => {
  await t.throwsAsync(renderSample({ seed: 1, split: 'train', index: -1 }), { code: 'INVALID_ARGUMENT' })
  await t.throwsAsync(generateDemoData(join(tmpdir(), 'unused'), { train: 1.5, validation: 0 }), {
    code: 'INVALID_ARGUMENT',
  })
})

async function temporary(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'demo-data-'))
}

async function listing(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true })
  return found.filter(name => /\.\w+$/.test(name)).sort()
}

test('a data set is laid out like ImageNet, with boxes for all images', async t => {
  const folder = await temporary()
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const progress: number[] = []
  await generateDemoData(folder, {
    train: 10,
    validation: 10,
    seed: 7,
    onProgress: done => progress.push(done),
  })
  t.deepEqual(
    progress,
    Array.from({ length: 20 }, (_, i) => i + 1),
  )

  const expected = ['classes.json', 'settings.json']
  for (const { synset } of demoClasses)
    expected.push(`train/${synset}/${synset}_1.JPEG`, `train_bounding_boxes/${synset}/${synset}_1.xml`)
  for (const [index, sample] of (await Promise.all(samples.slice(0, 10))).entries()) {
    const stem = `ILSVRC2012_val_${String(index + 1).padStart(8, '0')}`
    const { synset } = demoClasses[sample.classIndex]!
    const image = `validation/${synset}/${stem}.JPEG`
    expected.push(image, `val_bounding_boxes/${stem}.xml`)
    t.deepEqual(await readFile(join(folder, image)), sample.jpeg)

    const xml = await readFile(join(folder, `val_bounding_boxes/${stem}.xml`), 'utf8')
    const value = (tag: string): string | undefined => new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1]
    t.is(value('filename'), stem)
    t.is(value('name'), synset)
    t.deepEqual([value('width'), value('height'), value('depth')], ['224', '224', '3'])
    t.deepEqual(
      ['xmin', 'ymin', 'xmax', 'ymax'].map(tag => Number(value(tag))),
      [sample.box.left, sample.box.top, sample.box.right, sample.box.bottom],
    )
    const open: string[] = []
    for (const [, close, tag] of xml.matchAll(/<(\/?)(\w+)>/g))
      if (close) t.is(open.pop(), tag)
      else open.push(tag!)
    t.deepEqual(open, [])
  }
  t.deepEqual(await listing(folder), expected.sort())
  t.deepEqual(JSON.parse(await readFile(join(folder, 'classes.json'), 'utf8')), demoClasses)
})

test('complete data is kept, other settings replace it, and an interrupted run is taken up again', async t => {
  const folder = await temporary()
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await generateDemoData(folder, { train: 2, validation: 1 })
  const files = (await listing(folder)).filter(name => name.endsWith('.JPEG'))
  t.is(files.length, 3)
  const written = (await stat(join(folder, files[0]!))).mtimeMs
  await generateDemoData(folder, { train: 2, validation: 1 })
  t.is((await stat(join(folder, files[0]!))).mtimeMs, written)

  const controller = new AbortController()
  const stopped = generateDemoData(folder, {
    train: 12,
    validation: 0,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  })
  await t.throwsAsync(stopped, { any: true, name: 'AbortError' })
  const partial = await listing(folder)
  t.false(partial.includes('settings.json'))
  t.true(partial.some(name => name.endsWith('.JPEG')))
  await generateDemoData(folder, { train: 12, validation: 0 })
  const all = await listing(folder)
  t.is(all.filter(name => name.endsWith('.JPEG')).length, 12)
  t.true(all.includes('settings.json'))
  t.false(all.some(name => name.endsWith('.part') || name.includes('unfinished')))
})

test('a folder with anything else in it is left alone', async t => {
  const folder = await temporary()
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'holiday.jpg'), 'mine')
  await t.throwsAsync(generateDemoData(folder, { train: 1, validation: 0 }), { code: 'FILE' })
  t.deepEqual(await readdir(folder), ['holiday.jpg'])
})
