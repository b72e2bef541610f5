import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import sharp from 'sharp'
import { openModel } from '../../lib/command/common-options.js'
import { InterruptedError } from '../../lib/command/exit.js'
import { describeMethods, methodNames, readNpy, writeNpy } from '../../lib/index.js'
import { ended, iba, makeFolder, startIba, writePicture } from '../support/command.js'
import { ofAttention } from '../support/methods.js'

// Weights that have learnt nothing and small images: what is tested is the command.
const network = '--model resnet18 --weights seeded:0 --device cpu --resize 64 --crop 64'.split(' ')

let folder: string
let remove: () => Promise<void>
const at = (...parts: string[]) => join(folder, ...parts)

test.before(async () => {
  ;({ folder, remove } = await makeFolder())
  await mkdir(at('photos'))
  for (const i of [0, 1, 2]) await writePicture(at('photos', `${i}.png`), i)
})
test.after.always(() => remove?.())

test.serial('methods lists all, and the options of one with its defaults in both presets', async t => {
  const listed = await iba(['methods'])
  t.is(listed.code, 0, listed.stderr)
  for (const name of methodNames) t.true(listed.stdout.includes(`\n${name} `), name)
  const all = JSON.parse((await iba(['methods', '--json'])).stdout) as { name: string }[]
  t.deepEqual(
    all.map(({ name }) => name),
    [...methodNames] as string[],
  )
  const one = await iba(['methods', 'lrp'])
  t.regex(one.stdout, /\nepsilon +0\.000001 +5 /)
  t.regex(one.stdout, /\npreset +iba +paper /)
  t.regex((await iba(['methods', 'patternnet'])).stdout, /needs: --patterns/)
  t.regex((await iba(['methods', 'per-sample'])).stdout, /takes: --readout, .*where the optimisation begins/)
  const wrong = await iba(['methods', 'gradcam'])
  t.is(wrong.code, 2)
  t.regex(wrong.stderr, /Did you mean 'grad-cam'\?/)
})

test.serial('attribute takes a method with its options, and writes the raw attribution', async t => {
  const out = at('smoothgrad')
  const set = ['--method', 'smoothgrad', '--set', 'samples=3', '--set', 'noise=0.1', '--raw', '--json']
  const { code, stdout, stderr } = await iba([
    'attribute',
    at('photos', '0.png'),
    ...network,
    ...set,
    '--out',
    out,
  ])
  t.is(code, 0, stderr)
  t.deepEqual((await readdir(out)).sort(), ['0.npy', '0.png', '0.raw.npy'])
  t.deepEqual((await readNpy(join(out, '0.raw.npy'))).shape, [3, 64, 64])
  const record = JSON.parse(stdout)
  t.deepEqual(
    [record.method, record.unit, record.bits, record.steps],
    ['smoothgrad', 'relative', null, undefined],
  )
})

test.serial('a readout writes the capacity that it is asked for, and the image is then done', async t => {
  const words = ['attribute', at('photos', '0.png'), '--model', 'demo', '--device', 'cpu', '--no-image']
  const readout = [...words, '--method', 'readout', '--save-capacity', '--out', at('readout')]
  const first = await iba([...readout, '--json'])
  t.is(first.code, 0, first.stderr)
  const { files } = JSON.parse(first.stdout) as { files: Record<string, string> }
  t.is(files.capacity, at('readout', '0.capacity.npy'))
  t.is((await readNpy(files.capacity!)).shape.length, 3)
  const again = await iba([...readout, '--skip-existing'])
  t.regex(again.stderr, /1 of 1 image is done already/)
  t.is(again.stdout, '')
})

test.serial('the checks of a method are printed', async t => {
  const words = [
    'attribute',
    at('photos', '0.png'),
    ...network,
    '--out',
    at('lrp'),
    '--no-image',
    '--method',
    'lrp',
  ]
  const table = await iba(words)
  t.is(table.code, 0, table.stderr)
  t.regex(table.stdout, /^image +class +probability +conservation gap +time +result\n/)
  const record = JSON.parse((await iba([...words, '--json'])).stdout)
  t.true(Number.isFinite(record.checks.conservationGap))
})

test.serial('what does not belong to the method is wrong use, and names what does', async t => {
  const gradient = ['attribute', at('photos'), ...network, '--out', at('none'), '--method', 'gradient']
  const wrong: [string[], RegExp][] = [
    [['--beta', '3'], /--beta is no option of gradient/],
    [['--statistics', 'x.safetensors'], /--statistics is no option of gradient\. It is for: per-sample/],
    [['--animate'], /--animate: gradient has no such result/],
    [['--set', 'samples=3'], /gradient has no option 'samples'/],
    [['--set', 'rows=many'], /Expected a number/],
    [['--set', 'rows=0'], /from 1 to 4096/],
    [['--set', 'keepRaw=yes'], /Expected true or false/],
    [['--set', 'rows'], /Expected an option and its value/],
    [['--method', 'saliancy'], /Did you mean 'saliency'\?/],
    [['--method', 'patternnet'], /iba fit-patterns --model resnet18/],
    [['--method', 'per-sample', '--raw'], /--raw: per-sample has no such result/],
  ]
  for (const [words, message] of wrong) {
    const { code, stderr } = await iba([...gradient, ...words])
    t.is(code, 2, stderr)
    t.regex(stderr, message)
  }
  t.false(existsSync(at('none')))
})

test.serial('compare draws a contact sheet and a page, with a row for each image', async t => {
  const { code, stdout, stderr } = await iba([
    'compare',
    at('photos'),
    ...network,
    '--methods',
    'gradient,lrp,smoothgrad,random',
    '--set',
    'smoothgrad.samples=2',
    '--out',
    at('sheet.png'),
    '--html',
  ])
  t.is(code, 0, stderr)
  t.regex(stdout, /\nlrp +logits +[\d.e-]+ +conservation gap /)
  t.regex(stdout, /sheet\.png and .*sheet\.html: 3 images, 4 methods, resnet18/)
  const { width, height } = await sharp(at('sheet.png')).metadata()
  t.true(width > 5 * 224 && height > 3 * 224, `${width}×${height}`)
  const page = await readFile(at('sheet.html'), 'utf8')
  t.is(page.match(/<img /g)?.length, 3 * 5)
  t.false(/<script|https?:/.test(page), 'the page holds all that it shows')
})

test.serial('compare takes all methods that can run, and says why the others are left out', async t => {
  const words = ['compare', at('photos', '1.png'), ...network, '--set', 'patch=32', '--set', 'samples=2']
  const { code, stdout, stderr } = await iba([
    ...words,
    '--set',
    'integrated-gradients.steps=2',
    ...[
      '--set',
      'guided-ig.steps=2',
      '--set',
      'blur-ig.steps=2',
      '--set',
      'xrai.steps=2',
      '--set',
      'rise.masks=2',
    ],
    '--json',
    '--out',
    at('all.png'),
  ])
  t.is(code, 0, stderr)
  const { files, images } = JSON.parse(stdout)
  t.deepEqual(files, { picture: at('all.png') })
  const needing = describeMethods().filter(({ needs }) => needs.length > 0)
  const needy = [...needing.map(({ name }) => name), ...ofAttention]
  t.deepEqual(
    images[0].methods.map(({ method }: { method: string }) => method),
    methodNames.filter(name => !needy.includes(name)),
  )
  t.true(images[0].methods.every(({ seconds }: { seconds: number }) => seconds > 0))
  t.regex(stderr, /per-sample is left out: it needs --statistics/)
  t.regex(stderr, /readout is left out: it needs --readout/)
  t.regex(stderr, /patternnet is left out: it needs --patterns/)
  t.regex(stderr, /Attention rollout follows the attention between tokens, of which this resnet18 has none/)
})

test.serial('per-sample begins with a readout only where it is given one', async t => {
  const words = [
    'attribute',
    at('photos', '1.png'),
    '--model',
    'demo',
    '--device',
    'cpu',
    '--json',
    '--no-image',
  ]
  const lossOf = async (more: string[]) => {
    const brief = ['--set', 'steps=1', '--set', 'copies=2', '--out', at('begins')]
    const { code, stdout, stderr } = await iba([...words, ...brief, ...more])
    t.is(code, 0, stderr)
    return JSON.parse(stdout).steps[0].information as number
  }
  const cold = await lossOf([])
  t.true((await lossOf(['--readout', 'demo'])) < 0.9 * cold)
  const refused = await iba([...words, '--method', 'saliency', '--readout', 'demo'])
  t.is(refused.code, 2)
  t.regex(refused.stderr, /--readout is no option of saliency. It is for: per-sample, readout/)
})

test.serial('the demo network brings the statistics and the readout that methods need', async t => {
  const words = ['compare', at('photos', '1.png'), '--model', 'demo', '--device', 'cpu', '--set', 'steps=1']
  const needing = ['per-sample', 'readout', 'gradient']
  // A preset of per-sample alone: the others follow the conventions that it has.
  const { code, stdout, stderr } = await iba([
    ...words,
    ...['--methods', needing.join(), '--preset', 'fast', '--json', '--out', at('demo.png')],
  ])
  t.is(code, 0, stderr)
  const [{ methods }] = JSON.parse(stdout).images
  t.deepEqual(
    methods.map(({ method }: { method: string }) => method),
    needing,
  )
})

test.serial('compare goes on without what fails, and ends with 1', async t => {
  await writeFile(at('broken.png'), 'no picture')
  const words = ['compare', at('broken.png'), at('photos', '0.png'), ...network, '--out', at('some.png')]
  const { code, stdout, stderr } = await iba([
    ...words,
    '--methods',
    'gradient,grad-cam',
    '--set',
    'layer=fc',
  ])
  t.is(code, 1)
  t.regex(stderr, /grad-cam is left out: /)
  t.regex(stderr, /1 image and 1 method failed/)
  t.regex(stdout, /1 image, 1 method/)
  t.true(existsSync(at('some.png')))
  const nothing = await iba(['compare', at('broken.png'), ...network, '--methods', 'zero'])
  t.is(nothing.code, 1)
})

test.serial('compare refuses what can not be before it starts', async t => {
  const words = ['compare', at('photos'), ...network]
  const wrong: [string[], RegExp][] = [
    [['--methods', 'gradiend'], /Did you mean 'gradient'\?/],
    [['--methods', 'per-sample'], /needs statistics of its layer layer2\. Make/],
    [['--methods', 'coiba'], /needs statistics of its layers layer2, layer3 and layer4\. Make/],
    [['--methods', 'patternnet'], /iba fit-patterns/],
    [['--methods', 'gradient', '--set', 'samples=3'], /none of the compared methods takes it/],
    [['--methods', 'gradient', '--set', 'gradient.samples=3'], /gradient has no option 'samples'/],
    [['--out', 'sheet.jpg'], /must end in \.png/],
    [['--html', 'page.txt'], /must end in \.html/],
    [['--target', '5000'], /has 1000 classes/],
  ]
  for (const [more, message] of wrong) {
    const { code, stderr } = await iba([...words, ...more])
    t.is(code, 2, stderr)
    t.regex(stderr, message)
  }
})

test.serial('an interrupted comparison writes nothing and ends with 130', async t => {
  const out = at('interrupted.png')
  const child = startIba([
    'compare',
    at('photos'),
    ...network,
    '--methods',
    'occlusion',
    '--set',
    'patch=1',
    '--out',
    out,
  ])
  setTimeout(() => child.kill('SIGINT'), 2500)
  const { code, stderr } = await ended(child)
  t.is(code, 130, stderr)
  t.regex(stderr, /Interrupted.*; nothing was written/)
  t.false(existsSync(out))
})

test('an interruption while the model is loaded is told as one', async t => {
  const opened = openModel({
    model: 'resnet18',
    weights: 'seeded:0',
    device: 'cpu',
    precision: 'float32',
    signal: AbortSignal.abort(),
  })
  await t.throwsAsync(opened, { instanceOf: InterruptedError, message: /nothing was written/ })
})

test.serial('patterns are fitted, merged and used', async t => {
  const words = ['fit-patterns', ...network, '--images', at('photos')]
  const first = await iba([...words, '--out', at('a.safetensors')])
  t.is(first.code, 0, first.stderr)
  t.regex(first.stdout, /patterns of resnet18, 21 layers, 3 images/)
  const data = new Float32Array(2 * 3 * 64 * 64).map((_, i) => Math.sin(i / 50))
  await writeNpy(at('two.npy'), data, [2, 3, 64, 64])
  const second = await iba([
    'fit-patterns',
    ...network,
    '--images',
    at('two.npy'),
    '--out',
    at('b.safetensors'),
  ])
  t.is(second.code, 0, second.stderr)
  const merge = ['fit-patterns', '--merge', at('a.safetensors'), at('b.safetensors')]
  const merged = await iba([...merge, '--out', at('c.safetensors')])
  t.regex(merged.stdout, /5 images/)
  t.is((await iba(merge)).code, 2, 'no --out')
  t.is((await iba([...merge, ...network, '--out', at('d.safetensors')])).code, 2, '--model as well')
  t.is((await iba(words.slice(0, -2))).code, 2, 'no --images')

  const used = ['attribute', at('photos', '0.png'), ...network, '--out', at('patterns'), '--no-image']
  const method = ['--method', 'pattern-attribution', '--patterns']
  const done = await iba([...used, ...method, at('c.safetensors')])
  t.is(done.code, 0, done.stderr)
  const other = await iba([...used, ...method, at('c.safetensors'), '--weights', 'seeded:1'])
  t.is(other.code, 1)
  t.regex(other.stderr, /[Ff]it/)
})
