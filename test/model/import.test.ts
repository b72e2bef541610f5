import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { loadModel, ModelError, WeightsError } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { seededNormal } from '../../scripts/testing/module.js'
import { iba, makeFolder, writePicture } from '../support/command.js'
import { loadFile, makeModels, readReference, testWithModels } from '../support/imported-models.js'

const endings = ['scripted.pt', 'traced.pt', 'pt2'] as const

/** The size of the images of each architecture, and a layer; both as make-models.py has them. */
const architectures: Record<string, { size: number; layer: string; memoryFormat?: 'contiguous' }> = {
  resnet50: { size: 64, layer: 'layer2' },
  vgg16: { size: 64, layer: 'features.17' },
  densenet121: { size: 64, layer: 'features.denseblock2.denselayer5' },
  efficientnet_b0: { size: 64, layer: 'features.4' },
  convnext_tiny: { size: 64, layer: 'features.3' },
  // One of their activations is so near to a bend that the order of additions decides about the gradient.
  mobilenet_v3_large: { size: 64, layer: 'features.6', memoryFormat: 'contiguous' },
  inception_v3: { size: 96, layer: 'Mixed_5d', memoryFormat: 'contiguous' },
  vit_b_16: { size: 64, layer: 'encoder.layers.encoder_layer_1' },
  swin_t: { size: 64, layer: 'features.3' },
}

const folder = makeModels('make-models')
const odd = makeModels('make-odd-models')

for (const [name, { size, layer, memoryFormat = 'channels-last' }] of Object.entries(architectures)) {
  for (const ending of endings) {
    testWithModels(`${name}.${ending}: logits and gradients are PyTorch's`, async t => {
      const { images, logits, gradient } = await readReference(folder, name)
      await using model = await loadFile(join(folder, `${name}.${ending}`), size, { memoryFormat })
      const call = { model: model.handle, images }
      const found = await addon().logits(call)
      const ofLayer = await addon().layerGradient({ ...call, layer, target: 3 })
      t.deepEqual(ofLayer.shape, gradient!.shape)
      const errors = [relativeError(found.data, logits.data), relativeError(ofLayer.data, gradient!.data)]
      t.log(errors.map(error => error.toExponential(1)).join(', '))
      t.true(errors[0]! <= 1e-5)
      t.true(errors[1]! <= 1e-4)
    })
  }
}

testWithModels(
  'a card beside a file says how its images are prepared and what its classes are called',
  async t => {
    const file = join(folder, 'carded.pt')
    await copyFile(join(folder, 'resnet50.traced.pt'), file)
    await using plain = await loadModel(file, { device: 'cpu' })
    t.regex(plain.notes.join(), /Nobody stated how .*carded\.pt'.*mean 0\.485 0\.456 0\.406.*carded\.json'/)
    const classes = Array.from({ length: 10 }, (_, i) => `class ${i}`)
    const preprocessing = { resize: 64, crop: 64, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }
    await writeFile(join(folder, 'carded.json'), JSON.stringify({ preprocessing, classes }))
    await using model = await loadModel(file, { device: 'cpu', preprocessing: { interpolation: 'bicubic' } })
    t.like(model.preprocessing, { ...preprocessing, interpolation: 'bicubic' })
    t.deepEqual(model.classNames, classes)
    t.deepEqual(model.notes, [])
    await using renamed = await loadModel(file, { device: 'cpu', classes: classes.map(name => `${name}!`) })
    t.is(renamed.classIndex('class 3!'), 3)
    await writeFile(join(folder, 'carded.json'), JSON.stringify({ classes: ['one'] }))
    await t.throwsAsync(loadModel(file, { device: 'cpu' }), {
      instanceOf: ModelError,
      message: /1 names.*10 outputs/,
    })
  },
)

testWithModels('an imported ResNet-50 has the layers of the built-in one, and its default', async t => {
  await using own = await loadModel('resnet50', { weights: 'seeded:0', width: 8, classes: 10, device: 'cpu' })
  const names = own.layerNames.filter(name => !/relu|add|flatten|avgpool/.test(name))
  for (const ending of endings) {
    await using model = await loadFile(join(folder, `resnet50.${ending}`), 64)
    t.is(model.bottleneckLayer, own.bottleneckLayer)
    t.deepEqual(
      names.filter(name => !model.layerNames.includes(name)),
      [],
      ending,
    )
  }
})

testWithModels(
  'a script takes images of any size; a program that was exported for one, only that',
  async t => {
    const image = { data: seededNormal('wide', 0, [3, 96, 128]), shape: [3, 96, 128] as const }
    await using script = await loadFile(join(folder, 'resnet50.scripted.pt'), 64)
    t.is(script.imageSize, null)
    t.is((await script.logits(image))[0]!.length, 10)
    await using exported = await loadFile(join(folder, 'resnet50.pt2'), 64)
    t.deepEqual(exported.imageSize, [64, 64])
    await t.throwsAsync(exported.logits(image), { message: /64/ })
  },
)

const unusual = [
  'shared',
  'grey',
  'named',
  'in-place',
  'shaped',
  'rounding',
  'standardised',
  'normed-features',
  'same',
]
for (const file of [...unusual.flatMap(name => [`${name}.pt`, `${name}.pt2`]), 'wrapped.pt2']) {
  testWithModels(`unusual, but a list of steps: ${file}`, async t => {
    const { images, logits } = await readReference(odd, file.slice(0, file.lastIndexOf('.')))
    await using model = await loadFile(join(odd, file), 32)
    t.is(model.inputChannels, images.shape[1]!)
    const found = await addon().logits({ model: model.handle, images })
    t.true(relativeError(found.data, logits.data) <= 1e-6)
  })
}

for (const file of ['same.pt', 'same.pt2']) {
  testWithModels(
    `a convolution with padding 'same' is one wherever its borders are even: ${file}`,
    async t => {
      await using model = await loadFile(join(odd, file), 32)
      const kinds = new Map((await model.layers()).map(({ name, kind }) => [name, kind]))
      t.is(kinds.get('body'), 'convolution')
      t.not(kinds.get('uneven'), 'convolution')
    },
  )
}

for (const file of ['several.pt', 'several.pt2']) {
  testWithModels(`of several outputs, one is asked for by its name: ${file}`, async t => {
    const path = join(odd, file)
    await t.throwsAsync(loadFile(path, 32), {
      instanceOf: ModelError,
      message: /'species' of the shape \(\d, 5\), 'genus' of the shape \(\d, 3\)\. Name the one to explain/,
    })
    await t.throwsAsync(loadFile(path, 32, { output: 'genius' }), {
      instanceOf: ModelError,
      message: /no output 'genius'.*nearest names are: genus, species/,
    })
    const { images, logits } = await readReference(odd, 'several')
    await using model = await loadFile(path, 32, { output: 'genus' })
    t.is(model.output, 'genus')
    const found = await addon().logits({ model: model.handle, images })
    t.true(relativeError(found.data, logits.data) <= 1e-6)
  })
}

testWithModels('an output beside the only one that could be classes is told', async t => {
  for (const file of ['named.pt', 'named.pt2']) {
    await using model = await loadFile(join(odd, file), 32)
    t.regex(model.notes.join(), /output 'logits', the only one.*'features' of the shape \(\d, 8, 32, 32\)/)
  }
  await t.throwsAsync(loadFile(join(odd, 'shared.pt'), 32, { output: 'logits' }), {
    message: /a single output without a name, but output is 'logits'/,
  })
})

testWithModels('a model that was traced in training mode computes as in evaluation', async t => {
  const { images, logits } = await readReference(odd, 'training')
  await using model = await loadFile(join(odd, 'training.pt'), 32)
  const found = await addon().logits({ model: model.handle, images })
  t.true(relativeError(found.data, logits.data) <= 1e-5)
})

testWithModels('a module that runs several times has its calls numbered in order', async t => {
  for (const ending of ['pt', 'pt2']) {
    await using model = await loadFile(join(odd, `shared.${ending}`), 32)
    t.deepEqual(
      model.layerNames.filter(name => name.startsWith('body')),
      ['body#1', 'body#2', 'body#3'],
    )
  }
})

const refused: Record<string, RegExp> = {
  'branching.pt': /reads a number off the pixels .* Trace it with torch\.jit\.trace/,
  'looping.pt': /reads a number off the pixels .* Trace it with torch\.jit\.trace/,
  'forking.pt': /prim::fork.* Trace the model/,
  'counting.pt': /assignment to its attribute 'count', .* Trace the model/,
  'reading.pt': /calls the operator 'aten::from_file', which a model must not do/,
  'writing.pt': /calls the operator 'aten::save', which a model must not do/,
  'random.pt': /depends on something that steps don't see/,
  'segmenting.pt': /returns a tensor of shape \(3, 8, 32, 32\), expected \(images, outputs\)/,
  'guided.pt': /'forward' takes 'mask' as well.* Save a module whose forward takes the images alone/,
  'mixing.pt': /depend on the other images of its batch.*model\.eval\(\)/,
  'batch-statistics.pt': /'norm' is a batch norm without running statistics.*track_running_stats=True/,
  'two-images.pt2': /exported for one number of images only.*dynamic_shapes/,
}

for (const [file, message] of Object.entries(refused)) {
  testWithModels(`refused, with what to do: ${file}`, async t => {
    await t.throwsAsync(loadFile(join(odd, file), 32), { instanceOf: ModelError, message })
  })
}

testWithModels('a model that writes a file is stopped before it does', t => {
  t.false(existsSync('written-by-a-model'))
})

testWithModels('files that hold no model are told so', async t => {
  const message = {
    'state-dict.pt': /holds a state dict and no model/,
    'pickled.pt': /a whole model that torch\.save/,
  }
  for (const [file, text] of Object.entries(message))
    await t.throwsAsync(loadFile(join(odd, file), 32), { instanceOf: WeightsError, message: text })
})

testWithModels('a file that breaks off anywhere is refused', async t => {
  for (const file of ['shared.pt', 'shared.pt2']) {
    const { length } = await readFile(join(odd, file))
    for (let part = 0; part < 24; part++) {
      const broken = join(odd, `broken-${file}`)
      await copyFile(join(odd, file), broken)
      await truncate(broken, Math.floor((length * part) / 24))
      await t.throwsAsync(loadFile(broken, 32), { instanceOf: WeightsError }, `${file}, ${part}/24`)
    }
  }
})

testWithModels(
  'a file with wrong bytes anywhere is loaded or refused, and never ends the process',
  async t => {
    for (const file of ['shared.pt', 'shared.pt2']) {
      const bytes = await readFile(join(odd, file))
      for (let part = 0; part < 40; part++) {
        const damaged = Uint8Array.from(bytes)
        damaged.fill(0xff, Math.floor((bytes.length * part) / 40), Math.floor((bytes.length * part) / 40) + 9)
        const path = join(odd, `damaged-${file}`)
        await writeFile(path, damaged)
        try {
          await using model = await loadFile(path, 32)
          t.is(model.classes, 5)
        } catch (error) {
          t.true(error instanceof WeightsError || error instanceof ModelError, String(error))
        }
      }
    }
  },
)

test('a model file that is missing, empty or of another kind is refused', async t => {
  await t.throwsAsync(loadModel('./nowhere/model.pt'), { message: /nowhere\/model\.pt/ })
  const several = join(odd, 'several')
  await mkdir(several)
  for (const [name, content] of Object.entries({ empty: '', text: 'not a zip', zip: 'PK\x03\x04' })) {
    const path = join(several, `${name}.pt2`)
    await writeFile(path, content)
    await t.throwsAsync(loadModel(path), { instanceOf: WeightsError })
  }
  await t.throwsAsync(loadModel(several), {
    instanceOf: ModelError,
    message: /several models: empty\.pt2, text\.pt2, zip\.pt2\. Give the path of one/,
  })
})

testWithModels('what shapes a network of the zoo is refused for a file, which has its shape', async t => {
  await t.throwsAsync(loadModel(join(odd, 'shared.pt'), { classes: 10 }), { message: /classes/ })
})

testWithModels('a layer that a file does not have is refused, naming the nearest', async t => {
  await using model = await loadFile(join(folder, 'vit_b_16.scripted.pt'), 64)
  const image = { data: seededNormal('one', 0, [3, 64, 64]), shape: [3, 64, 64] as const }
  await t.throwsAsync(model.layerGradient(image, { layer: 'encoder.layers.encoder_layr_1', target: 0 }), {
    instanceOf: ModelError,
    message: /encoder\.layers\.encoder_layer_1/,
  })
})

testWithModels('iba layers shows what a file has, and iba attribute explains with it', async t => {
  const file = join(folder, 'vit_b_16.pt2')
  const layers = await iba(['layers', file])
  t.is(layers.code, 0, layers.stderr)
  t.regex(layers.stdout, /encoder\.layers\.encoder_layer_1 +EncoderBlock +17×32 +← default/)
  const { folder: own, remove } = await makeFolder()
  try {
    await writePicture(join(own, 'one.png'), 1)
    const words = ['attribute', join(own, 'one.png'), '--model', file, '--method', 'grad-cam', '--out', own]
    const { code, stderr } = await iba(words)
    t.is(code, 0, stderr)
    const wrong = await iba([...words, '--set', 'layer=encoder.layers.encoder_layr_1'])
    t.not(wrong.code, 0)
    t.regex(wrong.stderr, /VisionTransformer has no layer .*encoder\.layers\.encoder_layer_1/)
  } finally {
    await remove()
  }
})
