import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { pack } from 'tar-stream'
import { expandBraces } from '../../lib/datasets/archives.js'
import { permutation } from '../../lib/foundation/random.js'
import { drawView } from '../../lib/images/augmentation.js'
import { completePreprocessing, preprocess } from '../../lib/images/preprocess.js'
import {
  ImageError,
  InvalidArgumentError,
  type LabelledImage,
  openDataset,
  openTrainingData,
} from '../../lib/index.js'
import type { BatchOptions, TrainingData } from '../../lib/training/data.js'
import { NameTable } from '../../lib/training/image-list.js'
import { ownCache } from '../support/cache.js'

let folder: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'iba-data-'))
  Object.assign(process.env, ownCache(join(folder, 'cache')))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

const options = { epoch: 0, seed: 7, batch: 2, share: { rank: 0, processes: 1 }, skip: 0 }

async function taken(data: TrainingData, given: Partial<BatchOptions> = {}): Promise<LabelledImage[][]> {
  const batches: LabelledImage[][] = []
  for await (const batch of data.batches({ ...options, ...given })) batches.push(batch)
  return batches
}

const names = (batches: LabelledImage[][]) => batches.flat().map(({ name }) => name)

async function classFolders(name: string, classes: Record<string, string[]>): Promise<string> {
  for (const [label, files] of Object.entries(classes)) {
    await mkdir(join(folder, name, label), { recursive: true })
    for (const file of files) {
      await mkdir(join(folder, name, label, file, '..'), { recursive: true })
      await writeFile(join(folder, name, label, file), '')
    }
  }
  return join(folder, name)
}

test('class folders are labelled in the order of their names, and only images count', async t => {
  const path = await classFolders('classes', {
    n02: ['b.JPEG', 'a.JPEG', 'notes.txt', '.hidden.jpg'],
    n01: ['c.png'],
    n03: [],
  })
  await writeFile(join(path, 'README.jpg'), '')
  const data = await openTrainingData(path)
  t.is(data.size, 3)
  const all = (await taken(data, { batch: 1 })).flat().sort((a, b) => a.id - b.id)
  t.deepEqual(
    all.map(({ name, label }) => [name, label]),
    [
      [join(path, 'n01', 'c.png'), 0],
      [join(path, 'n02', 'a.JPEG'), 1],
      [join(path, 'n02', 'b.JPEG'), 1],
    ],
  )
})

async function labels(path: string, given: Parameters<typeof openTrainingData>[1] = {}) {
  const data = await openTrainingData(path, given)
  const all = (await taken(data, { batch: 1 })).flat().sort((a, b) => a.id - b.id)
  return Object.fromEntries(all.map(({ name, label }) => [name.slice(path.length + 1), label]))
}

test('training and evaluation number the same folders alike', async t => {
  const numbered = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`${i}`, ['1.jpg']]))
  const sets: [Record<string, string[]>, string | undefined, number, 'numbers' | 'text'][] = [
    [{ b: ['1.jpg'], a: ['1.jpg', 'deep/2.jpg'], c: [], D: ['3.jpg'] }, undefined, 4, 'numbers'],
    [numbered, undefined, 12, 'numbers'],
    [numbered, undefined, 12, 'text'],
    [{ n2: ['1.jpg'], n1: ['1.jpg'] }, 'n2 two\nn3 three\nn1 one\n', 3, 'numbers'],
  ]
  for (const [i, [folders, list, classes, classOrder]] of sets.entries()) {
    const path = await classFolders(`alike-${i}`, folders)
    if (list) await writeFile(join(path, 'synset_words.txt'), list)
    const { samples, notes } = await openDataset(path, { classes, classOrder })
    const evaluated = Object.fromEntries(samples.map(({ id, target }) => [id, target]))
    t.deepEqual(await labels(path, { classes, classOrder }), evaluated)
    t.deepEqual((await openTrainingData(path, { classOrder })).notes, notes)
    t.is(evaluated['10/1.jpg'], folders !== numbered ? undefined : classOrder === 'text' ? 2 : 10)
  }
  const few = await classFolders('few', { a: ['1.jpg'], b: ['1.jpg'] })
  await t.throwsAsync(openTrainingData(few, { classes: 10 }), {
    code: 'DATASET',
    message: /found 2 classes \(a, b\)/,
  })
  await writeFile(join(few, 'synset_words.txt'), 'a first\n')
  await t.throwsAsync(openTrainingData(few), { code: 'DATASET', message: /'b'.*none of the listed/ })
})

test('of a folder of parts the one to train on is taken', async t => {
  const path = await classFolders('parts', {
    'train/a': ['1.jpg'],
    'train/b': ['1.jpg'],
    'test/a': ['2.jpg'],
  })
  t.deepEqual(await labels(path), { 'train/a/1.jpg': 0, 'train/b/1.jpg': 1 })
  const without = await classFolders('no-train', { 'val/a': ['1.jpg'] })
  await t.throwsAsync(openTrainingData(without), { code: 'DATASET', message: /no folder of training images/ })
  const trains = await classFolders('trains', { bus: ['1.jpg'], train: ['1.jpg'] })
  t.deepEqual(await labels(trains), { 'bus/1.jpg': 0, 'train/1.jpg': 1 })
})

test('the listing comes from the cache, except for folders that changed', async t => {
  const path = await classFolders('cached', { n01: ['a.jpg'], n02: ['b.jpg'] })
  const then = new Date(Date.now() - 60_000)
  for (const name of ['n01', 'n02']) await utimes(join(path, name), then, then)
  const first = await openTrainingData(path)
  // Unseen: the folder's time is put back.
  await writeFile(join(path, 'n01', 'more.jpg'), '')
  await utimes(join(path, 'n01'), then, then)
  const second = await openTrainingData(path)
  t.is(second.fingerprint, first.fingerprint)
  await writeFile(join(path, 'n02', 'more.jpg'), '')
  const third = await openTrainingData(path)
  t.is(third.size, 3)
  t.not(third.fingerprint, first.fingerprint)
})

test('an epoch gives every image once, in an order of its own; processes share it', async t => {
  const files = Array.from({ length: 12 }, (_, i) => `${i}.jpg`)
  const data = await openTrainingData(await classFolders('epochs', { n01: files }))
  const [first, again, other] = [await taken(data), await taken(data), await taken(data, { epoch: 1 })]
  t.is(new Set(names(first)).size, 12)
  t.deepEqual(again, first)
  t.notDeepEqual(names(other), names(first))
  t.deepEqual([...names(other)].sort(), [...names(first)].sort())
  t.deepEqual(await taken(data, { skip: 4 }), first.slice(4))

  const whole = await taken(data, { batch: 4 })
  const shares = await Promise.all(
    [0, 1].map(rank => taken(data, { batch: 2, share: { rank, processes: 2 } })),
  )
  t.deepEqual(
    whole,
    shares[0]!.map((batch, step) => [...batch, ...shares[1]![step]!]),
  )
  t.is((await taken(data, { batch: 5 })).length, 2, 'what does not fill a batch is left out')
})

test('a list file names images and labels; relative paths start from it', async t => {
  const path = join(folder, 'list.txt')
  await writeFile(path, 'a b.jpg 3\n\n/elsewhere/c.png\t12\r\n')
  const data = await openTrainingData(path)
  const all = (await taken(data, { batch: 1 })).flat().sort((a, b) => a.id - b.id)
  t.deepEqual(
    all.map(({ name, label }) => [name, label]),
    [
      [join(folder, 'a b.jpg'), 3],
      ['/elsewhere/c.png', 12],
    ],
  )
  await writeFile(path, 'a.jpg 3\nb.jpg\n')
  await t.throwsAsync(openTrainingData(path), {
    instanceOf: InvalidArgumentError,
    message: /Line 2 of .*'b.jpg'/,
  })
  await writeFile(path, '\n')
  await t.throwsAsync(openTrainingData(path), { instanceOf: ImageError, message: /empty/ })
})

test('lists are comma-separated values as well, with or without headings, quotes and a byte order mark', async t => {
  const path = join(folder, 'list.csv')
  const cases = [
    'a.jpg,3\nb c.jpg,12\n',
    '\ufeffa.jpg 3\r\nb c.jpg 12',
    'path,label\na.jpg,3\nb c.jpg,12\n',
    '"a.jpg","3"\n"b c.jpg","12"',
    ',class,filename\n0,3,a.jpg\n1,12,"b c.jpg"\n',
  ]
  for (const text of cases) {
    await writeFile(path, text)
    const all = (await taken(await openTrainingData(path), { batch: 1 })).flat()
    const found = Object.fromEntries(all.map(({ name, label }) => [name, label]))
    t.deepEqual(found, { [join(folder, 'a.jpg')]: 3, [join(folder, 'b c.jpg')]: 12 }, text)
  }
  await writeFile(path, 'file,label\n"a ""1"", b.jpg",3\n')
  t.deepEqual(names(await taken(await openTrainingData(path), { batch: 1 })), [join(folder, 'a "1", b.jpg')])
  await writeFile(path, Buffer.from('caf\xe9.jpg 3\n', 'latin1'))
  t.deepEqual(names(await taken(await openTrainingData(path), { batch: 1 })), [join(folder, 'caf\udce9.jpg')])
  for (const [text, message] of [
    ['"a.jpg,3\n', /Line 1 of/],
    ['path,label\na.jpg,cat\n', /Line 2 of/],
    [Buffer.from('\ufeffa.jpg 3', 'utf16le'), /UTF-16/],
    [Buffer.alloc(200_000), /a line is longer/],
  ] as const) {
    await writeFile(path, text)
    await t.throwsAsync(openTrainingData(path), { message })
  }
})

async function writeShard(path: string, files: Record<string, string>): Promise<void> {
  const archive = pack()
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content)
  archive.finalize()
  const { createWriteStream } = await import('node:fs')
  await pipeline(archive, createWriteStream(path))
}

test('archives give their images with their classes, each once, shuffled within the buffer', async t => {
  await mkdir(join(folder, 'shards'))
  for (const shard of [0, 1, 2]) {
    const files = Object.fromEntries(
      Array.from({ length: 6 }, (_, i) => [
        [`x/${shard}-${i}.seg.txt`, 'other'],
        [`x/${shard}-${i}.jpg`, `image ${shard} ${i}`],
        [`x/${shard}-${i}.cls`, `${i}\n`],
      ]).flat(),
    )
    await writeShard(join(folder, 'shards', `train-${shard}.tar`), files)
  }
  const ordered = Object.fromEntries(
    [0, 1, 2, 3].flatMap(i => [
      [`${i}.cls`, `${i}`],
      [`${i}.png`, `${i}`],
    ]),
  )
  await writeShard(join(folder, 'shards-alone.tar'), ordered)
  const data = await openTrainingData(join(folder, 'shards', 'train-{0..2}.tar'), { buffer: 4 })
  const all = await taken(data)
  t.is(names(all).length, 18)
  t.is(new Set(names(all)).size, 18)
  t.is(new Set(all.flat().map(({ id }) => id)).size, 18)
  for (const { name, label, source } of all.flat()) {
    const [, shard, index] = /(\d)-(\d)$/.exec(name)!
    t.is(label, Number(index))
    t.is(Buffer.from(source as Uint8Array).toString(), `image ${shard} ${index}`)
  }
  t.deepEqual(names(await taken(data)), names(all))
  t.deepEqual(names(await taken(data, { skip: 5 })), names(all.slice(5)))
  t.notDeepEqual(names(await taken(data, { epoch: 1 })), names(all))

  const parts = await Promise.all([0, 1].map(rank => taken(data, { share: { rank, processes: 2 } })))
  t.is(new Set(parts.flatMap(names)).size, 18)
  await t.throwsAsync(taken(data, { share: { rank: 0, processes: 4 } }), { instanceOf: InvalidArgumentError })

  const alone = await openTrainingData(join(folder, 'shards-alone.tar'))
  t.deepEqual(
    (await taken(alone))
      .flat()
      .map(({ label }) => label)
      .sort(),
    [0, 1, 2, 3],
  )
  const whole = await openTrainingData(join(folder, 'shards'))
  t.is(names(await taken(whole)).length, 18)
})

test('broken archives are named', async t => {
  const path = join(folder, 'broken.tar')
  await writeShard(path, { 'a.jpg': 'x' })
  await t.throwsAsync(
    openTrainingData(path).then(data => taken(data)),
    { instanceOf: ImageError, message: /'a' has no class/ },
  )
  await writeShard(path, { 'a.jpg': 'x', 'a.cls': 'cat' })
  await t.throwsAsync(
    openTrainingData(path).then(data => taken(data)),
    { instanceOf: ImageError, message: /holds 'cat'/ },
  )
  await writeShard(path, { 'a.jpg': 'x'.repeat(5000), 'a.cls': '1' })
  await writeFile(path, (await readFile(path)).subarray(0, 3000))
  await t.throwsAsync(
    openTrainingData(path).then(data => taken(data)),
    { instanceOf: ImageError, message: /broken.tar/ },
  )
  await t.throwsAsync(openTrainingData(join(folder, 'nowhere')), {
    instanceOf: ImageError,
    message: /nowhere/,
  })
  await mkdir(join(folder, 'nothing'))
  await t.throwsAsync(openTrainingData(join(folder, 'nothing')), {
    instanceOf: ImageError,
    message: /one folder for each class/,
  })
})

test('members of archives belong together by their names', async t => {
  const path = join(folder, 'names.tar')
  const read = async (files: Record<string, string>) => {
    await writeShard(path, files)
    const all = (await taken(await openTrainingData(path), { batch: 1 })).flat()
    return Object.fromEntries(
      all.map(({ name, label, source }) => [name.slice(path.length + 1), `${source} ${label}`]),
    )
  }
  t.deepEqual(await read({ './v1.0/1.jpg': 'x', './v1.0/1.cls': '3' }), { './v1.0/1': 'x 3' })
  t.deepEqual(await read({ 'a.1.jpg': 'x', 'a.1.cls': '3', 'a.2.jpg': 'y', 'a.2.cls': '4' }), {
    'a.1': 'x 3',
    'a.2': 'y 4',
  })
  t.deepEqual(await read({ '1.cls': '3', '1.jpg': 'x', '1.seg.png': 'other' }), { '1': 'x 3' })
  t.deepEqual(await read({ '._1.jpg': 'apple', '1.JPEG': 'x', '._1.cls': 'apple', '1.cls.txt': '3\n' }), {
    '1': 'x 3',
  })
  t.deepEqual(
    await read({ '__info__.json': '{}', 'README.md': '', '1.jpg': 'x', '1.json': '{"label": 3}' }),
    { '1': 'x 3' },
  )
  for (const [files, message] of [
    [{ '1.jpg': 'x', '2.jpg': 'y', '1.cls': '3', '2.cls': '4' }, /'1' has no class.*sort them by name/],
    [{ '1.jpg': 'x', '1.json': '{"caption": "a cat"}' }, /'1' has no class/],
    [{ 'notes.txt': 'x' }, /no images with classes/],
    [{ '1.jpg': 'x', '1.json': 'no json' }, /'1' has no class/],
  ] as const)
    await t.throwsAsync(read(files as Record<string, string>), { instanceOf: ImageError, message })
})

/** The header of a member that claims a size. */
function memberHeader(name: string, size: number, type: string): Buffer {
  const header = Buffer.alloc(512)
  header.write(name)
  header.write('000644 \0', 100)
  header.write(`${size.toString(8).padStart(11, '0')} `, 124)
  header.write('        ', 148)
  header.write(type, 156)
  header.write('ustar\u000000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

test('what an archive makes of little is bounded', async t => {
  const path = join(folder, 'bomb.tar.gz')
  const zeros = Buffer.alloc(2 ** 24 + 2 ** 20)
  for (const [header, message] of [
    [memberHeader('1.jpg', 2 ** 32, '0'), /'1\.jpg' has 4294967296 bytes, more than the limit/],
    [memberHeader('long', 2 ** 32, 'x'), /exceeds max size/],
    [memberHeader('long', 2 ** 32, 'L'), /exceeds max size/],
    [Buffer.alloc(512), /16 MiB without a file, more than the limit/],
  ] as const) {
    await writeFile(path, gzipSync(Buffer.concat([header, zeros]), { level: 1 }))
    await t.throwsAsync(
      openTrainingData(path).then(data => taken(data)),
      { instanceOf: ImageError, message },
    )
  }
  const long = Buffer.concat([memberHeader('1.bin', 2 ** 27, '0'), Buffer.alloc(2 ** 27)])
  await writeFile(path, gzipSync(long))
  await t.throwsAsync(
    openTrainingData(path).then(data => taken(data)),
    { instanceOf: ImageError, message: /more than 200 times its size/ },
  )
})

test('braces stand for several names', t => {
  t.deepEqual(expandBraces('a-{08..11}.tar'), ['a-08.tar', 'a-09.tar', 'a-10.tar', 'a-11.tar'])
  t.deepEqual(expandBraces('{x,y}/{1..2}'), ['x/1', 'x/2', 'y/1', 'y/2'])
  t.deepEqual(expandBraces('plain'), ['plain'])
})

test('a million names take little memory', t => {
  const before = process.memoryUsage()
  const table = new NameTable()
  for (let i = 0; i < 1_000_000; i++) table.add(`n01440764_${i}.JPEG`)
  const after = process.memoryUsage()
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  t.is(table.at(999_999), 'n01440764_999999.JPEG')
  t.is(table.at(0), 'n01440764_0.JPEG')
  t.true(grown < 100 * 2 ** 20, `${grown} bytes`)
})

test('a permutation holds every number once', t => {
  const order = permutation(1000, 5)
  t.deepEqual(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  )
  t.deepEqual(permutation(1000, 5), order)
  t.notDeepEqual(permutation(1000, 6), order)
})

test('drawn views lie inside of the image, within the areas and ratios that are drawn from', t => {
  let mirrored = 0
  const places = new Set<string>()
  for (let id = 0; id < 2000; id++) {
    const [width, height] = [50 + (id % 7) * 40, 60 + (id % 5) * 50]
    const { region, mirror } = drawView({ width, height }, { randomCrop: true, flip: true }, 1, id)
    const { left, top, width: w, height: h } = region!
    t.true(left >= 0 && top >= 0 && w > 0 && h > 0 && left + w <= width && top + h <= height)
    t.true(w / h > 0.7 && w / h < 1.4, `${w}×${h}`)
    t.true(w * h >= 0.07 * width * height)
    mirrored += Number(mirror)
    places.add(`${left},${top}`)
  }
  t.true(mirrored > 900 && mirrored < 1100, `${mirrored}`)
  t.true(places.size > 1000)
  t.deepEqual(drawView({ width: 9, height: 9 }, { randomCrop: false, flip: false }, 1), {
    region: undefined,
    mirror: false,
  })
})

test('a region and its mirror image are those of the picture', async t => {
  const [width, height] = [8, 6]
  const pixels = new Uint8Array(width * height * 3).map((_, i) => (i * 37) % 256)
  const complete = completePreprocessing({ resize: 8, crop: 4, mean: [0, 0, 0], std: [1, 1, 1] }, 3)
  const settings = { ...complete, mirror: false }
  const picture = { pixels, width, height }
  const region = { left: 3, top: 1, width: 4, height: 4 }
  const plain = await preprocess(picture, { ...settings, region })
  const mirrored = await preprocess(picture, { ...settings, region, mirror: true })
  for (let y = 0; y < 4; y++) {
    for (let x = 0; x < 4; x++) {
      const expected = pixels[((y + 1) * width + x + 3) * 3]!
      t.is(plain.pixels.data[(y * 4 + x) * 3], expected)
      t.is(mirrored.pixels.data[(y * 4 + 3 - x) * 3], expected)
    }
  }
  await t.throwsAsync(preprocess(picture, { ...settings, region: { ...region, left: 6 } }))
})
