import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import sharp from 'sharp'
import { ImageError, InvalidArgumentError } from '../../lib/foundation/errors.js'
import { decodeImage } from '../../lib/images/decode.js'
import { type ImageFolderOptions, imageFolder } from '../../lib/images/folder.js'
import { collect } from '../support/images.js'

let folder: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'images-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

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

test('names of any bytes are listed, and can be opened; hidden files are none', async t => {
  const root = await mkdtemp(join(folder, 'names-'))
  const png = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  const latin = Buffer.concat([Buffer.from(`${root}/`), Buffer.from('caf\xe9.png', 'latin1')])
  try {
    await writeFile(latin, png)
  } catch {
    t.log('this file system takes UTF-8 alone')
    return
  }
  for (const name of ['._caf.png', '.hidden.png', 'ünï-日本.png']) await writeFile(join(root, name), png)
  const paths = await collect(imageFolder(root))
  t.deepEqual(paths, [join(root, 'caf\udce9.png'), join(root, 'ünï-日本.png')])
  for (const path of paths) t.is((await decodeImage(path)).width, 1)
})

test('a folder of arrays alone is one of images', async t => {
  const root = await mkdtemp(join(folder, 'arrays-'))
  for (const name of ['b.npy', 'a.npy']) await writeFile(join(root, name), '')
  t.deepEqual(await collect(imageFolder(root)), [join(root, 'a.npy'), join(root, 'b.npy')])
  await writeFile(join(root, 'c.bmp'), '')
  t.deepEqual(await collect(imageFolder(root)), [join(root, 'c.bmp')], 'maps may lie among images')
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
