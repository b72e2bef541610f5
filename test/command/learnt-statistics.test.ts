import { mkdir, readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { cachedStatisticsPath } from '../../lib/learned/cached-statistics.js'
import { ownCache } from '../support/cache.js'
import { iba, makeFolder, network, writePicture } from '../support/command.js'
import { smallModel } from '../support/small-model.js'

let folder: string
let remove: () => Promise<void>

const at = (...parts: string[]) => join(folder, ...parts)
const attribute = (...words: string[]) =>
  iba(
    ['attribute', at('photo.png'), ...network, '--out', at('out'), '--steps', '2', '--copies', '2', ...words],
    {
      env: ownCache(at('cache')),
    },
  )

test.before(async () => {
  ;({ folder, remove } = await makeFolder())
  await mkdir(at('photos'))
  for (const i of [0, 1, 2]) await writePicture(at('photos', `${i}.png`), i)
  await writePicture(at('photo.png'), 5)
})
test.after.always(() => remove?.())

test.serial('statistics are learnt from a folder once, and kept', async t => {
  const first = await attribute('--images', at('photos'), '--json')
  t.is(first.code, 0, first.stderr)
  t.regex(first.stderr, /Learnt the statistics of layer2 from 3 images/)
  t.is((await readdir(at('cache', 'statistics'))).length, 1)
  const again = await attribute('--images', at('photos'), '--json')
  t.regex(again.stderr, /are those in the cache/)
  t.is(JSON.parse(again.stdout).bits, JSON.parse(first.stdout).bits)
  const other = await attribute('--images', at('photos'), '--crop', '32')
  t.regex(other.stderr, /Learnt the statistics/)
  t.is((await readdir(at('cache', 'statistics'))).length, 2)
})

test('statistics of a folder are kept for all that decides them', async t => {
  const photos = at('listed')
  await mkdir(photos)
  for (const i of [0, 1]) await writePicture(join(photos, `${i}.png`), i)
  await using model = await smallModel()
  await using other = await smallModel({ weights: 'seeded:1' })
  await using squashing = await smallModel({ preprocessing: { squash: true } })
  const first = await cachedStatisticsPath(model, photos, {})
  t.is(
    await cachedStatisticsPath(model, photos, {
      layer: model.bottleneckLayer,
      preset: 'iba',
      samples: 10_000,
    }),
    first,
  )
  const others = [
    await cachedStatisticsPath(model, photos, { layer: 'layer1' }),
    await cachedStatisticsPath(model, photos, { preset: 'paper' }),
    await cachedStatisticsPath(model, photos, { samples: 1 }),
    await cachedStatisticsPath(other, photos, {}),
    await cachedStatisticsPath(squashing, photos, {}),
  ]
  await utimes(join(photos, '1.png'), 0, 0)
  others.push(await cachedStatisticsPath(model, photos, {}))
  await writePicture(join(photos, '2.png'), 2)
  others.push(await cachedStatisticsPath(model, photos, {}))
  t.is(new Set([first, ...others]).size, 8)
})

test.serial('rough ones are learnt from the images themselves, the same each time', async t => {
  const [first, second] = [
    await attribute('--statistics', 'auto', '--json'),
    await attribute('--statistics', 'auto', '--json'),
  ]
  t.is(first!.code, 0, first!.stderr)
  t.regex(first!.stderr, /statistics of layer2 are rough.*--images FOLDER/)
  t.true(JSON.parse(first!.stdout).bits > 0)
  t.is(JSON.parse(first!.stdout).bits, JSON.parse(second!.stdout).bits)
})

test.serial(
  'the message that asks for statistics offers both, and what makes no sense is refused',
  async t => {
    const missing = await attribute()
    t.is(missing.code, 2)
    t.regex(missing.stderr, /--images FOLDER learns and keeps them, --statistics auto/)
    const both = await attribute('--images', at('photos'), '--statistics', 'x.safetensors')
    t.regex(both.stderr, /--images and --statistics exclude each other/)
    const words = ['attribute', at('photo.png'), ...network, '--images', at('photos'), '--method', 'gradient']
    t.regex((await iba(words)).stderr, /no statistics are needed for gradient/)
  },
)

const compare = (...words: string[]) =>
  iba(['compare', at('photo.png'), ...network, '--out', at('sheet.png'), '--methods', ...words], {
    env: ownCache(at('cache')),
  })
const few = ['--set', 'steps=1', '--set', 'copies=1', '--json']

test.serial('a comparison learns statistics for the methods that need them', async t => {
  for (const [words, said] of [
    [['--images', at('photos')], /statistics of layer2 from/],
    [['--statistics', 'auto'], /statistics of layer2 are rough/],
  ] as const) {
    const { code, stdout, stderr } = await compare('gradient,per-sample', ...words, ...few)
    t.is(code, 0, stderr)
    t.regex(stderr, said)
    const [image] = JSON.parse(stdout).images as { methods: { method: string }[] }[]
    t.deepEqual(
      image!.methods.map(({ method }) => method),
      ['gradient', 'per-sample'],
    )
  }
  t.regex(
    (await compare('gradient', '--images', at('photos'))).stderr,
    /no statistics are needed for gradient/,
  )
})

test.serial('an evaluation learns statistics from typical images, and not from its own', async t => {
  const labelled = at('labelled', '0')
  await mkdir(labelled, { recursive: true })
  await writePicture(join(labelled, 'photo.png'), 5)
  const evaluate = (...words: string[]) =>
    iba(
      [
        ...['evaluate', 'degradation', ...network, '--data', at('labelled'), '--tile', '32', '--json'],
        ...['--method', 'per-sample', '--steps', '1', '--copies', '1', '--out', at('results'), ...words],
      ],
      { env: ownCache(at('cache')) },
    )
  const { code, stdout, stderr } = await evaluate('--images', at('photos'))
  t.is(code, 0, stderr)
  t.like(JSON.parse(stdout).method.statistics, { layers: ['layer2'], samples: 3 })
  const own = await evaluate('--statistics', 'auto')
  t.is(own.code, 2)
  t.regex(own.stderr, /auto learns rough statistics.*--images FOLDER/)
})
