import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { requireWritableFile, requireWritableFolder } from '../../lib/command/writable.js'
import { readNpy, writeNpy } from '../../lib/index.js'
import { ownCache } from '../support/cache.js'
import { ended, iba, makeFolder, network, startIba, writePicture } from '../support/command.js'
import { writeEqualWeights } from '../support/weights.js'

const brief = ['--steps', '2', '--copies', '2']

let folder: string
let statistics: string
let remove: () => Promise<void>

const at = (...parts: string[]) => join(folder, ...parts)
const attribute = (...words: string[]) => iba(['attribute', ...words, ...network, '--statistics', statistics])

test.before(async t => {
  ;({ folder, remove } = await makeFolder())
  statistics = at('layer2.safetensors')
  await mkdir(at('photos', 'more'), { recursive: true })
  for (const i of [0, 1, 2]) await writePicture(at('photos', `${i}.png`), i)
  await writePicture(at('photos', 'more', '0.jpg'), 3)
  const values = new Float32Array(2 * 3 * 64 * 64).map((_, i) => Math.sin(i / 50))
  await writeNpy(at('two.npy'), values, [2, 3, 64, 64])

  const made = await iba(['estimate', ...network, '--images', at('photos'), '--out', statistics])
  t.is(made.code, 0, made.stderr)
  t.true(made.stdout.includes('layer2 (128×8×8), 4 images, preset iba'), made.stdout)
  t.true(made.stderr.includes('are rough'), made.stderr)
})

test.after.always(() => remove?.())

test.serial('attribute writes a map, a picture, an animation and the capacity, and prints a row', async t => {
  const out = at('all')
  const files = ['--animate', 'webp', '--save-capacity']
  const { code, stdout, stderr } = await attribute(at('photos', '1.png'), '--out', out, ...brief, ...files)
  t.is(code, 0, stderr)
  t.deepEqual((await readdir(out)).sort(), ['1.capacity.npy', '1.npy', '1.png', '1.webp'])
  t.deepEqual((await readNpy(join(out, '1.npy'))).shape, [64, 64])
  t.deepEqual((await readNpy(join(out, '1.capacity.npy'))).shape, [128, 8, 8])
  const [heading, row, ...rest] = stdout.trimEnd().split('\n')
  t.regex(heading!, /^image +class +probability +bits +time +result$/)
  t.true(row!.startsWith(at('photos', '1.png')) && row!.endsWith(join(out, '1.png')), row)
  t.deepEqual(rest, [])
})

test.serial(
  '--json prints a line for each image, and names results that would have the same name apart',
  async t => {
    const out = at('json')
    const inputs = [at('photos'), at('two.npy')]
    const { code, stdout, stderr } = await attribute(
      ...inputs,
      '--out',
      out,
      '--json',
      '--no-image',
      ...brief,
    )
    t.is(code, 0, stderr)
    const records = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    t.deepEqual(
      records.map(({ files }) => files),
      ['0', '1', '2', '0-2', 'two.0', 'two.1'].map(name => ({ map: join(out, `${name}.npy`) })),
    )
    for (const record of records) {
      const map = await readNpy(record.files.map)
      t.true(Math.abs(record.bits - map.data.reduce((sum, value) => sum + value, 0)) < 1e-6 * record.bits)
      t.is(record.unit, 'bits/pixel')
      t.is(record.method, 'per-sample')
      t.is(record.steps.length, 2)
      t.deepEqual(Object.keys(record.steps[0]), ['loss', 'crossEntropy', 'information'])
      t.true(Number.isInteger(record.target) && record.probability > 0 && record.seconds > 0)
    }
    t.is(records[4].input, `${at('two.npy')}#0`)
    t.is(records[5].input, `${at('two.npy')}#1`)
  },
)

test.serial('a broken image among good ones is named, and the others go on', async t => {
  const out = at('broken-results')
  await mkdir(at('mixed'))
  await writePicture(at('mixed', 'a.png'), 1)
  await writeFile(at('mixed', 'b.png'), 'no picture')
  await writePicture(at('mixed', 'c.png'), 2)
  await writeFile(at('short.npy'), 'no array')
  const inputs = [at('short.npy'), at('mixed'), at('nothing.jpg')]
  const { code, stdout, stderr } = await attribute(...inputs, '--out', out, '--json', ...brief)
  t.is(code, 1)
  t.is(stdout.trimEnd().split('\n').length, 2)
  t.deepEqual((await readdir(out)).sort(), ['a.npy', 'a.png', 'c.npy', 'c.png'])
  for (const path of [at('short.npy'), at('mixed', 'b.png'), at('nothing.jpg')])
    t.true(stderr.includes(path), stderr)
  t.true(stderr.includes('3 of 5 images failed.'), stderr)
})

test.serial('Ctrl-C stops within a step, keeps what is done and says how to go on', async t => {
  const out = at('interrupted')
  const words = [
    'attribute',
    at('photos'),
    ...network,
    '--statistics',
    statistics,
    '--out',
    out,
    '--no-image',
  ]
  const child = startIba([...words, '--steps', '15', '--copies', '4', '--json'])
  child.stdout!.once('data', () => child.kill('SIGINT'))
  const { code, stdout, stderr } = await ended(child)
  t.is(code, 130, stderr)
  const done = stdout.trimEnd().split('\n').length
  t.true(done < 4, stdout)
  t.true(stderr.includes(`Interrupted: ${done} of 4 images done`), stderr)
  t.true(stderr.includes('--skip-existing'), stderr)
  t.is((await readdir(out)).length, done)

  const first = join(out, '0.npy')
  const { mtimeMs } = await stat(first)
  const again = await iba([...words, ...brief, '--skip-existing'])
  t.is(again.code, 0, again.stderr)
  t.true(again.stderr.includes(`${done} of 4 images`), again.stderr)
  t.is((await readdir(out)).length, 4)
  t.is((await stat(first)).mtimeMs, mtimeMs)
})

test.serial('a reader that has seen enough is no failure', async t => {
  const child = startIba(['weights', 'list', '--json'])
  child.stdout!.destroy()
  const { code, stderr } = await ended(child)
  t.is(code, 0)
  t.is(stderr, '')
})

test.serial('files are all written, whether or not anybody reads what is printed', async t => {
  const out = at('unread')
  const words = ['attribute', at('photos'), ...network, '--method', 'gradient', '--out', out, '--json']
  const child = startIba(words)
  child.stdout!.once('data', () => child.stdout!.destroy())
  const { code, stderr } = await ended(child)
  t.is(code, 0, stderr)
  t.is((await readdir(out)).length, 2 * 4)
})

const testOnLinux = process.platform === 'linux' ? test.serial : test.serial.skip

testOnLinux('results that can not be printed are told, and the exit code is 1', async t => {
  for (const words of [['models', '--json'], ['--help']]) {
    const full = openSync('/dev/full', 'w')
    const child = startIba(words, { stdout: full })
    closeSync(full)
    const { code, stderr } = await ended(child)
    t.is(code, 1)
    t.is(
      stderr,
      "iba: Can't write to standard output: the disk is full. Free some space or choose another folder.\n",
    )
  }
})

testOnLinux('results that can not be written are told before the work begins', async t => {
  // Nobody makes files in /proc, not even root. What comes next is missing, so that it would be told of otherwise.
  const training = ['train-readout', ...network, '--data', at('absent'), '--out']
  const check = async (words: string[]) => {
    const { code, stdout, stderr } = await iba(words)
    t.is(code, 1, stderr)
    t.is(stdout, '')
    t.regex(stderr, /^iba: --(out|log|tensorboard|html).*\/proc.*: no such file or folder/, words.join(' '))
  }
  await check(['estimate', ...network, '--images', at('absent'), '--out', '/proc/x.safetensors'])
  await check([...training, '/proc/x.safetensors'])
  await check([...training, at('x.safetensors'), '--log', '/proc/log'])
  await check(['compare', at('absent'), ...network, '--methods', 'gradient', '--out', '/proc/x.png'])
  await check(['attribute', at('photos'), ...network, '--method', 'gradient', '--out', '/proc'])
  await check(['reproduce', '--model', 'demo', '--data', 'demo', '--out', '/proc/results'])
  t.false(existsSync(at('x.safetensors')))
})

test('a file or folder that can not be written is refused, and nothing is left of the try', async t => {
  const own = at('writable')
  await requireWritableFolder('--out', own)
  await requireWritableFile('--out', join(own, 'x.safetensors'))
  t.deepEqual(await readdir(own), [])
  await writeFile(join(own, 'file'), '')
  await requireWritableFile('--out', join(own, 'file'))
  const cases: [Promise<void>, RegExp][] = [
    [requireWritableFile('--log', join(own, 'no', 'x')), /^--log '.*x': there is no folder '.*no'/],
    [requireWritableFile('--log', own), /^--log '.*' is a folder/],
    [requireWritableFolder('--out', join(own, 'file')), /^--out '.*file' is a file/],
    [
      requireWritableFolder('--out', join(own, 'file', 'x')),
      /nothing can be written into .*file\/x': a part of the path is a file/,
    ],
  ]
  for (const [tried, message] of cases) await t.throwsAsync(tried, { message })
})

test.serial('estimate takes several layers and says what it wrote', async t => {
  const out = at('two-layers.safetensors')
  const words = ['estimate', ...network, '--images', at('two.npy'), '--out', out, '--quiet']
  const { code, stdout, stderr } = await iba([...words, '--layers', 'layer1,layer3', '--preset', 'paper'])
  t.is(code, 0, stderr)
  t.true(stdout.includes('layer1 (64×16×16), layer3 (256×4×4), 2 images, preset paper'), stdout)

  const inspected = await iba(['weights', 'inspect', out, '--json'])
  const { format, tensors } = JSON.parse(inspected.stdout)
  t.is(format, 'safetensors')
  t.true(tensors.length > 0 && Array.isArray(tensors[0].shape))
})

test.serial('models, layers and weights list what there is', async t => {
  const env = ownCache(at('cache'))
  const { file } = JSON.parse((await iba(['weights', 'list', '--json'], { env })).stdout)[0]
  await mkdir(at('cache', 'weights'), { recursive: true })
  await writeFile(at('cache', 'weights', file), '')

  const [models, modelTable, weightTable, layers] = await Promise.all([
    iba(['models', '--json'], { env }),
    iba(['models'], { env }),
    iba(['weights', 'list'], { env }),
    iba(['layers', 'resnet18', '--crop', '64', '--json']),
  ])
  const vgg11 = { name: 'vgg11', family: 'VGG', bottleneckLayer: 'features.11' }
  t.deepEqual(JSON.parse(models.stdout)[0], { ...vgg11, published: true, downloaded: true })
  t.regex(modelTable.stdout, /^vgg13 +VGG +features.15 +published$/m)
  t.regex(weightTable.stdout, /^resnet50 +v2 +resnet50-11ad3fa6.pth +232 +-$/m)
  const conv1 = { name: 'conv1', kind: 'convolution', shape: [64, 32, 32], isDefault: false }
  t.deepEqual(JSON.parse(layers.stdout)[0], conv1)
  t.regex(layers.stdout, /"name": "layer2",[^}]*"isDefault": true/)
})

test.serial('doctor describes the installation, and fails with the remedy where it is broken', async t => {
  const works = await iba(['doctor', '--json'])
  t.is(works.code, 0, works.stderr)
  const { problem, runtime, libtorch } = JSON.parse(works.stdout)
  t.is(problem, null)
  t.true(runtime.threads > 0 && libtorch.version.length > 0)

  const broken = await iba(['doctor'], { env: { LIBTORCH: at('nowhere') } })
  t.is(broken.code, 1)
  t.true(broken.stdout.includes('does not exist') && broken.stderr.includes('npm run setup'), broken.stderr)
})

test.serial('wrong use ends with 2 and says what would be right', async t => {
  const photo = at('photos', '1.png')
  const cases: [words: string[], expected: RegExp][] = [
    [['atribute'], /unknown command 'atribute'. Did you mean attribute\?\nSee `iba --help`/],
    [
      ['attribute', photo, '--modle', 'x'],
      /unknown option '--modle'. Did you mean --model\?\nSee `iba attribute --help`/,
    ],
    [['attribute', photo], /--model is missing.*iba models/],
    [['estimate', ...network], /--images is missing/],
    [['attribute', photo, '--model', 'resnet5'], /no model 'resnet5'.*resnet50/],
    [['attribute', photo, ...network, '--beta', '10abc'], /--beta .*10abc.*a number from 0 to 1e12/],
    [['attribute', photo, ...network, '--steps', '0'], /--steps .*'0'.*from 1 to 100000/],
    [['attribute', photo, ...network, '--crop', '65'], /--crop 65 doesn't fit into --resize 64/],
    [
      ['attribute', photo, ...network],
      /iba estimate --model resnet18 --weights seeded:0 --layers layer2 --images FOLDER/,
    ],
    [
      ['attribute', photo, ...network, '--statistics', statistics, '--layer', 'layer22'],
      /no layer 'layer22'.*layer2/,
    ],
    [
      ['attribute', photo, ...network, '--statistics', statistics, '--target', '1000'],
      /--target 1000.*0 to 999/,
    ],
    [
      ['attribute', at('photos'), ...network, '--statistics', statistics, '--out', at('photos')],
      /among the images/,
    ],
    [['estimate', ...network, '--images', at('photos'), '--out', at('x.pth')], /must end in .safetensors/],
    [['weights', 'get', 'resnet18', '--version', 'v2'], /Only v1 weights.*\nSee `iba weights get --help`/],
  ]
  const check = async ([words, expected]: (typeof cases)[number]) => {
    const { code, stdout, stderr } = await iba(words)
    t.is(code, 2, stderr)
    t.regex(stderr, expected)
    t.is(stdout, '')
  }
  await Promise.all(cases.map(check))
})

test.serial('weights that are not finite end with 1 and give no picture', async t => {
  const [weights, out] = [at('nan.safetensors'), at('nan')]
  writeEqualWeights(weights, Number.NaN)
  const model = ['--model', 'vgg11', '--weights', weights, '--device', 'cpu']
  const words = ['attribute', at('photos', '0.png'), ...model, '--method', 'saliency', '--out', out]
  const { code, stdout, stderr } = await iba(words)
  t.is(code, 1, stderr)
  t.is(stdout, '')
  t.regex(stderr, /'features\.0\.weight' of vgg11.*expected finite numbers/)
  t.false(existsSync(join(out, '0.png')))
})

test.serial('results never replace an input', async t => {
  await mkdir(at('same'))
  const photo = at('same', 'a.png')
  await writePicture(photo, 1)
  const before = await readFile(photo)
  const { code, stderr } = await attribute(photo, '--out', at('same'), ...brief)
  t.is(code, 0, stderr)
  t.deepEqual(await readFile(photo), before)
  t.true(existsSync(at('same', 'a-2.png')))
})

test.serial('help is no failure', async t => {
  const commands = [[], ['attribute'], ['weights', 'get']]
  const check = async (words: string[]) => {
    const { code, stdout } = await iba([...words, '--help'])
    t.is(code, 0)
    t.true(stdout.startsWith(`Usage: ${['iba', ...words].join(' ')}`), stdout)
  }
  await Promise.all(commands.map(check))
  t.regex((await iba(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
})
