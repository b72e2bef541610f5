import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { architectures, loadModel, ModelError, WeightsError } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { seededNormal, writeSafetensors } from '../../scripts/testing/module.js'
import { noiseImage, smallModel } from '../support/small-model.js'

/** What the networks' packages in Python compute and how they name things; support/make-zoo-fixtures.py writes it. */
interface ZooFixture {
  logits: Record<string, number[]>
  modules: Record<string, string[]>
  state: Record<string, Record<string, number[]>>
}

let zoo: ZooFixture
let folder: string
test.before(async () => {
  zoo = JSON.parse(await readFile(new URL('../../../test/fixtures/zoo.json', import.meta.url), 'utf8'))
  folder = await mkdtemp(join(tmpdir(), 'network-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

const onCpu = { weights: 'seeded:0', device: 'cpu' } as const

test.serial('the zoo has the architectures of the fixture, with the bottleneck where the paper has it', t => {
  const names = architectures().map(({ name }) => name)
  t.deepEqual([...names].sort(), Object.keys(zoo.logits).sort())
  const places = new Map(architectures().map(({ name, bottleneckLayer }) => [name, bottleneckLayer]))
  t.is(places.get('resnet50'), 'layer2')
  t.is(places.get('vgg16'), 'features.17')
  t.is(places.get('efficientnet-lite0'), '_blocks.4', 'the last block at an eighth of the side')
})

for (const [name, place] of [
  ['resnet50', 'layer4'],
  ['vgg16', 'features.30'],
  ['efficientnet-lite0', '_swish#2'],
] as const) {
  test.serial(
    `${name}: Grad-CAM reads ${place}, the last layer with places before they are pooled`,
    async t => {
      await using model = await loadModel(name, { ...onCpu, width: 8, classes: 10 })
      const { gradCamLayer } = addon().describeModel({ model: model.handle })
      t.is(gradCamLayer, place)
      const layers = await model.layers({ height: 64, width: 64 })
      const index = layers.findIndex(layer => layer.name === gradCamLayer)
      t.deepEqual(layers[index]!.shape.slice(1), [2, 2])
      const next = layers.slice(index + 1).find(({ kind }) => kind !== 'group')
      t.is(next?.kind, 'average-pool')
    },
  )
}

for (const { name } of architectures()) {
  test.serial(`${name}: logits equal the Python package's`, async t => {
    await using model = await loadModel(name, onCpu)
    const [logits] = await model.logits(noiseImage({ name: 'image' }))
    t.is(logits!.length, 1000)
    t.true(relativeError(logits!.subarray(0, 16), zoo.logits[name]!) < 1e-4)
  })
}

/** A module that runs several times is a layer for each of its calls. */
function withCalls(module: string, layers: ReadonlySet<string>): string[] {
  if (layers.has(module)) return [module]
  return [...layers].filter(layer => layer.startsWith(`${module}#`))
}

for (const name of ['resnet50', 'vgg16_bn']) {
  test.serial(`${name}: the layers are torchvision's modules, additions and the flattening`, async t => {
    await using model = await loadModel(name, { ...onCpu, width: 8, classes: 10 })
    const layers = new Set(model.layerNames)
    t.is(layers.size, model.layerNames.length, 'no name twice')
    const found = zoo.modules[name]!.map(module => withCalls(module, layers))
    t.deepEqual(
      zoo.modules[name]!.filter((_, i) => found[i]!.length === 0),
      [],
    )
    const others = [...layers].filter(layer => !found.flat().includes(layer))
    t.true(others.every(layer => layer === 'flatten' || layer.endsWith('.add')))
  })
}

test.serial('a module that runs several times has its calls numbered in order', async t => {
  await using model = await loadModel('resnet50', { ...onCpu, width: 8, classes: 10 })
  const calls = model.layerNames.filter(name => name.startsWith('layer1.0.relu'))
  t.deepEqual(calls, ['layer1.0.relu#1', 'layer1.0.relu#2', 'layer1.0.relu#3'])
  t.true(model.layerNames.includes('relu'), 'the stem has one')
  const layers = new Map(
    (await model.layers({ height: 64, width: 64 })).map(({ name, shape }) => [name, shape]),
  )
  t.deepEqual(layers.get('layer1.0.relu#1'), [8, 16, 16])
  t.deepEqual(layers.get('layer1.0.relu#3'), [32, 16, 16])
})

test.serial('classes, width and input channels shape the network', async t => {
  await using model = await smallModel({ classes: 7, width: 16, inputChannels: 1 })
  t.deepEqual([model.classes, model.inputChannels], [7, 1])
  const data = seededNormal('grey', 0, [2, 1, 40, 56])
  const images = { data, shape: [2, 1, 40, 56] }
  t.deepEqual((await addon().logits({ model: model.handle, images })).shape, [2, 7])
  const layers = await model.layers({ height: 40, width: 56 })
  const shape = (name: string) => layers.find(layer => layer.name === name)?.shape
  t.deepEqual(shape('conv1'), [16, 20, 28])
  t.deepEqual(shape('layer2'), [32, 5, 7])
  t.deepEqual(shape('fc'), [7])
  t.deepEqual(
    layers.filter(({ isDefault }) => isDefault).map(({ name }) => name),
    ['layer2'],
  )
})

test.serial(
  'a narrow EfficientNet-Lite keeps multiples of 8 where they grow, and takes any size of images',
  async t => {
    await using model = await loadModel('efficientnet-lite1', { ...onCpu, width: 8, classes: 10 })
    const layers = new Map(
      (await model.layers({ height: 50, width: 33 })).map(({ name, shape }) => [name, shape]),
    )
    t.deepEqual(layers.get('_conv_stem'), [8, 25, 17])
    t.deepEqual(layers.get(model.bottleneckLayer), [16, 7, 5])
    t.deepEqual(layers.get('_conv_head'), [320, 2, 2])
    t.deepEqual(layers.get('_fc'), [10])
  },
)

test.serial(
  'EfficientNet-Lite takes its images as its authors have it, unless it is told otherwise',
  async t => {
    const narrow = { ...onCpu, width: 8, classes: 10 }
    await using model = await loadModel('efficientnet-lite1', narrow)
    t.like(model.preprocessing, { resize: 272, crop: 240, interpolation: 'bicubic' })
    t.deepEqual([model.preprocessing.mean, model.preprocessing.std].flat(), [
      ...[0.498, 0.498, 0.498],
      ...[0.502, 0.502, 0.502],
    ])
    await using grey = await loadModel('efficientnet-lite0', {
      ...narrow,
      inputChannels: 1,
      preprocessing: { crop: 96 },
    })
    t.like(grey.preprocessing, { resize: 256, crop: 96, mean: [0.498] })
  },
)

test.serial('a width that the groups of a ResNeXt cannot share is refused', async t => {
  await t.throwsAsync(loadModel('resnext50_32x4d', { ...onCpu, width: 1 }), {
    instanceOf: ModelError,
    message: /so narrow/,
  })
})

interface Entry {
  name: string
  shape: number[]
  data: Float32Array
}

/** torchvision's state dict at an eighth of its width, with 10 classes, filled with noise. */
function narrowState(architecture: string): Entry[] {
  return Object.entries(zoo.state[architecture]!).map(([name, shape]) => {
    const narrow = shape.map(extent => (extent === 1000 ? 10 : extent % 64 === 0 ? extent / 8 : extent))
    const length = narrow.reduce((product, extent) => product * extent, 1)
    const data = name.endsWith('running_var')
      ? new Float32Array(length).fill(1)
      : seededNormal(name, 0, [length]).map(value => value / Math.sqrt(length))
    return { name, shape: narrow, data }
  })
}

async function writeState(name: string, entries: readonly Entry[]): Promise<string> {
  const path = join(folder, `${name}.safetensors`)
  writeSafetensors(path, entries, {})
  return path
}

for (const architecture of ['resnet50', 'vgg16_bn']) {
  test.serial(`${architecture}: a file with torchvision's entries loads, and decides the shape`, async t => {
    const weights = await writeState(architecture, narrowState(architecture))
    await using model = await loadModel(architecture, { weights, device: 'cpu' })
    t.is(model.classes, 10)
    const [first] = await model.layers({ height: 64, width: 64 })
    t.deepEqual(first!.shape.slice(0, 1), [8])
    const [logits] = await model.logits(noiseImage())
    t.true(logits!.every(Number.isFinite))
  })
}

test.serial('missing, unknown and misshapen entries are named, all at once', async t => {
  const entries = narrowState('resnet50')
    .filter(({ name }) => name !== 'layer3.1.conv2.weight')
    .map(entry => (entry.name === 'bn1.bias' ? { ...entry, shape: [2, 4] } : entry))
  entries.push({ name: 'layer9.weight', shape: [1], data: new Float32Array(1) })
  const error = await t.throwsAsync(
    loadModel('resnet50', { weights: await writeState('broken', entries), device: 'cpu' }),
    { instanceOf: WeightsError, code: 'WEIGHTS' },
  )
  t.regex(error!.message, /Missing \(1\): layer3\.1\.conv2\.weight\./)
  t.regex(error!.message, /bn1\.bias is \(2, 4\), expected \(8\)/)
  t.regex(error!.message, /Unknown \(1\): layer9\.weight\./)
})

test.serial('weights of another architecture are refused', async t => {
  const weights = await writeState('resnet50', narrowState('resnet50'))
  for (const other of ['resnet18', 'vgg11', 'resnet101']) {
    await t.throwsAsync(loadModel(other, { weights, device: 'cpu' }), { instanceOf: WeightsError })
  }
})

test.serial('the same weights have the same hash, others another', async t => {
  await using seeded = await smallModel()
  await using again = await smallModel()
  await using other = await smallModel({ weights: 'seeded:1' })
  t.is(seeded.weightHash, again.weightHash)
  t.not(seeded.weightHash, other.weightHash)
  const entries = narrowState('resnet50')
  const weights = await writeState('hash', entries)
  entries[0]!.data[0]! += 1e-3
  const changed = await writeState('hash-changed', entries)
  await using a = await loadModel('resnet50', { weights, device: 'cpu' })
  await using b = await loadModel('resnet50', { weights: changed, device: 'cpu' })
  t.not(a.weightHash, b.weightHash)
})

test.serial('an unknown model or layer gets the nearest names', async t => {
  await t.throwsAsync(loadModel('resnet5O', onCpu), { instanceOf: ModelError, message: /resnet50/ })
  await using model = await smallModel()
  const error = t.throws(() =>
    addon().createStatistics({ model: model.handle, layers: ['layer2.0.conv3'], preset: 'iba' }),
  )
  t.is((error as Error & { code?: string }).code, 'MODEL')
  t.regex(error!.message, /layer2\.0\.conv[12]/)
})

test.serial('an image batch gives what its images give alone', async t => {
  await using model = await smallModel()
  const data = seededNormal('batch', 0, [3, 3, 64, 64])
  const logits = async (values: Float32Array, count: number) => {
    const images = { data: values, shape: [count, 3, 64, 64] }
    return (await addon().logits({ model: model.handle, images })).data
  }
  const together = await logits(data, 3)
  const size = data.length / 3
  for (let i = 0; i < 3; i++) {
    const alone = await logits(data.slice(i * size, (i + 1) * size), 1)
    t.true(relativeError(together.subarray(i * 10, (i + 1) * 10), alone) < 1e-5)
  }
})

test.serial('a prediction is the greatest logit, with its softmax', async t => {
  await using model = await smallModel()
  const image = noiseImage()
  const [logits] = await model.logits(image)
  const [prediction] = await model.predict(image)
  t.is(prediction!.target, logits!.indexOf(Math.max(...logits!)))
  const sum = logits!.reduce((total, value) => total + Math.exp(value), 0)
  t.true(Math.abs(prediction!.probability - Math.exp(logits![prediction!.target]!) / sum) < 1e-5)
})
