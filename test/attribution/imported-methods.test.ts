import { join } from 'node:path'
import test from 'ava'
import {
  createAttributer,
  describeMethods,
  estimate,
  InvalidArgumentError,
  loadModel,
  ModelError,
  methods,
  type PreparedImage,
  perSample,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { runModule } from '../support/child.js'
import { loadFile, makeModels, testWithModels } from '../support/imported-models.js'
import { Attributers, distance, ofAttention, type Trial } from '../support/methods.js'
import { noiseImage, noiseImages, smallStatistics } from '../support/small-model.js'

const folder = makeModels('make-models', [
  'resnet18',
  'densenet121',
  'mobilenet_v3_large',
  'vit_b_16',
  'swin_t',
])
const odd = makeModels('make-odd-models')
const image = noiseImage()

const attributers = new Attributers()
test.after.always(() => attributers.dispose())

const finite = (values: Float32Array) => values.every(Number.isFinite)
const varies = (values: Float32Array) => values.some(value => value !== values[0])

for (const ending of ['scripted.pt', 'pt2']) {
  testWithModels(`every method gives the same maps on resnet18.${ending} as on the built-in one`, async t => {
    const on = { device: 'cpu', weights: join(folder, 'resnet18.weights.pth') } as const
    await using own = await loadModel('resnet18', on)
    await using model = await loadFile(join(folder, `resnet18.${ending}`), 64)
    const [expected, found]: Trial[] = [own, model].map(model => ({ model, height: 64, width: 64 })) as never
    for (const method of describeMethods().filter(({ name }) => !ofAttention.includes(name))) {
      const [a] = await (await attributers.make(found!, method)).attribute(image, { targets: 3 })
      const [b] = await (await attributers.make(expected!, method)).attribute(image, { targets: 3 })
      t.true(distance(a!, b!) <= 1e-3, `${method.name}: ${distance(a!, b!)}`)
      t.is(a!.map.unit, b!.map.unit)
    }
  })
}

for (const name of ['densenet121', 'mobilenet_v3_large', 'vit_b_16', 'swin_t']) {
  testWithModels(`methods of gradients and occlusion explain ${name}`, async t => {
    await using model = await loadFile(join(folder, `${name}.scripted.pt`), 64)
    const made = {
      gradient: methods.gradient(model),
      saliency: methods.saliency(model),
      smoothgrad: methods.smoothgrad(model, { samples: 2 }),
      'integrated-gradients': methods['integrated-gradients'](model, { steps: 2 }),
      'grad-cam': methods['grad-cam'](model),
      'grad-cam-plus-plus': methods['grad-cam-plus-plus'](model),
      'layer-cam': methods['layer-cam'](model),
      'eigen-cam': methods['eigen-cam'](model),
      'score-cam': methods['score-cam'](model),
      'finer-cam': methods['finer-cam'](model),
      'guided-backprop': methods['guided-backprop'](model),
      'guided-grad-cam': methods['guided-grad-cam'](model),
      occlusion: methods.occlusion(model, { patch: 16 }),
    }
    for (const [method, attributer] of Object.entries(made)) {
      const [attribution] = await attributer.attribute(image)
      const { data, width, height } = attribution!.map
      t.deepEqual([width, height], [64, 64], method)
      t.true(finite(data) && varies(data), method)
    }
  })

  testWithModels(`occlusion of ${name} is what its logits say`, async t => {
    await using model = await loadFile(join(folder, `${name}.scripted.pt`), 64)
    const [{ map } = { map: undefined }] = await methods
      .occlusion(model, { patch: 16, baseline: 'zero' })
      .attribute(image, { targets: 3 })
    const [clean] = await model.logits(image)
    const naive = new Float32Array(64 * 64)
    const fall = Math.max(...clean!) * 1e-4
    for (let row = 0; row < 64; row += 16) {
      for (let column = 0; column < 64; column += 16) {
        const [occluded] = await model.logits(withSquare(image, row, column, 16))
        for (let y = row; y < row + 16; y++)
          naive.fill(clean![3]! - occluded![3]!, 64 * y + column, 64 * y + column + 16)
      }
    }
    const worst = naive.reduce((most, value, i) => Math.max(most, Math.abs(value - map!.data[i]!)), 0)
    t.true(worst <= fall, `${worst}`)
  })
}

function withSquare({ data, shape }: PreparedImage, row: number, column: number, side: number) {
  const changed = Float32Array.from(data)
  const [channels, height, width] = shape
  for (let channel = 0; channel < channels; channel++)
    for (let y = row; y < row + side; y++)
      changed.fill(0, (channel * height + y) * width + column, (channel * height + y) * width + column + side)
  return { data: changed, shape }
}

for (const [name, layer, shape] of [
  ['vit_b_16', 'encoder.layers.encoder_layer_1', [17, 32]],
  ['swin_t', 'features.3', [8, 8, 48]],
] as const) {
  testWithModels(
    `the bottleneck of ${name} has a map of bits over the image, whatever its batch`,
    async t => {
      await using model = await loadFile(join(folder, `${name}.scripted.pt`), 64)
      await using statistics = await smallStatistics(model, [layer])
      const iba = perSample(model, { statistics, layer, steps: 4, copies: 2, batch: 3, keepCapacity: true })
      const images = noiseImages(3)
      const together = await iba.attribute(images, { targets: 3, seed: 5 })
      const [alone] = await iba.attribute(images[0]!, { targets: 3, seed: 5 })
      t.true(distance(alone!, together[0]!) <= 1e-4)
      for (const { map, tensors } of together) {
        t.deepEqual([map.width, map.height, map.unit], [64, 64, 'bits/pixel'])
        t.true(finite(map.data) && varies(map.data))
        t.deepEqual(tensors.capacity!.shape, shape)
      }
    },
  )
}

testWithModels('a layer gives the same map as an image, with its channels last, and as tokens', async t => {
  const maps = []
  for (const name of ['pixels', 'channels-last', 'tokens', 'class-token']) {
    await using model = await loadFile(join(odd, `${name}.pt`), 32)
    const statistics = await estimate(model, {
      layer: 'spot',
      images: noiseImages(24, { height: 32 }),
      onWarning: () => {},
    })
    const iba = perSample(model, { statistics, layer: 'spot', steps: 10, copies: 50, beta: 0.1 })
    maps.push((await iba.attribute(noiseImage({ height: 32 }), { targets: 1, seed: 0 }))[0]!)
    statistics.dispose()
  }
  const [pixels, channelsLast, tokens, classToken] = maps
  t.true(varies(pixels!.map.data))
  t.true(distance(tokens!, channelsLast!) <= 1e-6)
  // In which order the places get their noise differs, and nothing else.
  for (const other of [channelsLast!, classToken!]) {
    t.log(distance(other, pixels!))
    t.true(distance(other, pixels!) <= 0.05)
    t.true(distance(other, pixels!) > 0)
  }
})

testWithModels(
  'class activation maps are the same of an image, with its channels last, and of tokens',
  async t => {
    const methods = describeMethods().filter(
      ({ name, options }) => options.some(({ name }) => name === 'layer') && name.includes('cam'),
    )
    const readable = methods.filter(({ name }) => name !== 'guided-grad-cam')
    t.is(readable.length, 9)
    for (const { name } of readable) {
      const maps = []
      for (const file of ['pixels', 'channels-last', 'tokens', 'class-token']) {
        await using model = await loadFile(join(odd, `${file}.pt`), 32)
        await using attributer = createAttributer(model, name, { layer: 'spot', rows: 3 })
        maps.push((await attributer.attribute(noiseImage({ height: 32 }), { targets: 1 }))[0]!)
      }
      const [pixels, ...others] = maps
      t.true(varies(pixels!.map.data), name)
      for (const other of others)
        t.true(distance(other, pixels!) < 1e-4, `${name} ${distance(other, pixels!)}`)
    }
  },
)

testWithModels('Grad-CAM of a transformer reads the last layer whose places still matter', async t => {
  await using model = await loadFile(join(folder, 'vit_b_16.scripted.pt'), 64)
  const [automatic] = await methods['grad-cam'](model).attribute(image, { targets: 3 })
  const layer = 'encoder.layers.encoder_layer_2'
  const [chosen] = await methods['grad-cam'](model, { layer }).attribute(image, { targets: 3 })
  t.deepEqual(automatic!.map.data, chosen!.map.data)
})

// The signal outgrows a float in the MobileNet; the Swin's linear layers read (height, width, channels).
for (const name of ['resnet18', 'mobilenet_v3_large', 'swin_t']) {
  testWithModels(`patterns of few images give a map of finite values on ${name}`, async t => {
    await using model = await loadFile(join(folder, `${name}.scripted.pt`), 64)
    const patternnet = describeMethods().find(({ name }) => name === 'patternnet')!
    const attributer = await attributers.make({ model, height: 64, width: 64 }, patternnet)
    const [result] = await attributer.attribute(image)
    t.true(finite(result!.map.data) && varies(result!.map.data))
  })
}

testWithModels(
  'relevance is propagated through a DenseNet, and an operation without a rule is named',
  async t => {
    await using dense = await loadFile(join(folder, 'densenet121.scripted.pt'), 64)
    const [{ map } = { map: undefined }] = await methods.lrp(dense).attribute(image)
    t.true(finite(map!.data) && varies(map!.data))
    await using model = await loadFile(join(folder, 'vit_b_16.scripted.pt'), 64)
    const error = await t.throwsAsync(methods.lrp(model).attribute(image), {
      message: /have none for the operation '[a-z-]+' of the step/,
    })
    t.log(error?.message)
  },
)

testWithModels('relevance goes through a batch norm of features without places', async t => {
  await using model = await loadFile(join(odd, 'normed-features.pt'), 32)
  const lrp = methods.lrp(model, { composite: 'epsilon' })
  const [{ map } = { map: undefined }] = await lrp.attribute(noiseImage({ height: 32 }))
  t.true(finite(map!.data) && varies(map!.data))
})

testWithModels('relevance goes past the gates of a MobileNet', async t => {
  await using model = await loadFile(join(folder, 'mobilenet_v3_large.scripted.pt'), 64)
  for (const composite of ['z-plus', 'epsilon-plus-flat'] as const) {
    const [{ map } = { map: undefined }] = await methods.lrp(model, { composite }).attribute(image)
    t.true(finite(map!.data) && varies(map!.data), composite)
  }
})

testWithModels('a readout refuses a network of tokens', async t => {
  await using model = await loadFile(join(folder, 'vit_b_16.scripted.pt'), 64)
  t.throws(() => addon().readoutPlace({ model: model.handle }), {
    message: /no usual place for a readout bottleneck/,
  })
})

testWithModels('an image of another size than the model was made for is refused, naming both', async t => {
  await using model = await loadFile(join(folder, 'vit_b_16.scripted.pt'), 64)
  const wide = noiseImage({ height: 64, width: 96 })
  const error = await t.throwsAsync(methods.gradient(model).attribute(wide), { message: /64.*96|96.*64/ })
  t.log(error?.message)
  t.true(error instanceof ModelError || error instanceof InvalidArgumentError)
})

testWithModels('models from files that come and go leave the memory as it was', async t => {
  const { stdout, stderr } = await runModule(
    `
    const load = async () => {
      const options = { device: 'cpu', preprocessing: { resize: 32, crop: 32 } }
      for (const ending of ['pt', 'pt2']) {
        const model = await iba.loadModel(${JSON.stringify(join(odd, 'shared'))} + '.' + ending, options)
        model.dispose()
      }
      globalThis.gc()
    }
    const used = () => process.memoryUsage.rss() / 2 ** 20
    for (let i = 0; i < 12; i++) await load()
    const warm = used()
    for (let i = 0; i < 24; i++) await load()
    console.log(used() < 1.1 * warm ? 'steady' : JSON.stringify([warm, used()]))`,
    ['--expose-gc'],
  )
  t.is(stdout, 'steady\n', stderr)
})
