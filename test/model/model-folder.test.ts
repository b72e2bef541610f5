import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { loadModel, ModelError } from '../../lib/index.js'
import { readModelFolder } from '../../lib/model/model-folder.js'
import { preprocessingOf } from '../../lib/model/transformers-config.js'
import { seededNormal } from '../../scripts/testing/module.js'
import { makeFolder } from '../support/command.js'
import { noiseImage } from '../support/small-model.js'

let folder: string
let remove: () => Promise<void>

test.before(async () => {
  ;({ folder, remove } = await makeFolder())
})
test.after.always(() => remove?.())

/** A folder with some files; objects are written as JSON. */
async function makeModelFolder(
  name: string,
  files: Record<string, object | string | Uint8Array>,
): Promise<string> {
  const path = join(folder, name)
  for (const [file, content] of Object.entries(files)) {
    await mkdir(join(path, file, '..'), { recursive: true })
    const isText = typeof content === 'string' || content instanceof Uint8Array
    await writeFile(join(path, file), isText ? content : JSON.stringify(content))
  }
  return path
}

type Shapes = Map<string, number[]>

/** The parameters of a narrow ResNet-18 by torchvision's names, and by transformers'. */
function resNetShapes(): { torchvision: Shapes; transformers: Shapes } {
  const [torchvision, transformers]: Shapes[] = [new Map(), new Map()]
  const add = (own: string, theirs: string, shape: number[]) => {
    torchvision!.set(own, shape)
    transformers!.set(theirs, shape)
  }
  const addUnit = (own: [convolution: string, norm: string], theirs: string, shape: number[]) => {
    add(`${own[0]}.weight`, `resnet.${theirs}.convolution.weight`, shape)
    for (const part of ['weight', 'bias', 'running_mean', 'running_var'])
      add(`${own[1]}.${part}`, `resnet.${theirs}.normalization.${part}`, [shape[0]!])
  }
  addUnit(['conv1', 'bn1'], 'embedder.embedder', [4, 3, 7, 7])
  let before = 4
  for (const stage of [0, 1, 2, 3]) {
    const width = 4 * 2 ** stage
    for (const layer of [0, 1]) {
      const [own, theirs] = [`layer${stage + 1}.${layer}`, `encoder.stages.${stage}.layers.${layer}`]
      addUnit([`${own}.conv1`, `${own}.bn1`], `${theirs}.layer.0`, [width, before, 3, 3])
      addUnit([`${own}.conv2`, `${own}.bn2`], `${theirs}.layer.1`, [width, width, 3, 3])
      if (before !== width)
        addUnit([`${own}.downsample.0`, `${own}.downsample.1`], `${theirs}.shortcut`, [width, before, 1, 1])
      before = width
    }
  }
  add('fc.weight', 'classifier.1.weight', [3, 32])
  add('fc.bias', 'classifier.1.bias', [3])
  return { torchvision: torchvision!, transformers: transformers! }
}

/** A safetensors file of values that follow from the positions of the parameters. */
function safetensorsOf(shapes: Shapes): Uint8Array {
  const header: Record<string, object> = {}
  const parts: Buffer[] = []
  let begin = 0
  for (const [name, shape] of shapes) {
    const values = seededNormal('parameter', parts.length, shape).map(Math.abs)
    const bytes = Buffer.from(values.buffer)
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, begin + bytes.length] }
    begin += bytes.length
    parts.push(bytes)
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, ...parts])
}

const resNet = {
  architectures: ['ResNetForImageClassification'],
  model_type: 'resnet',
  layer_type: 'basic',
  depths: [2, 2, 2, 2],
  hidden_act: 'relu',
  downsample_in_first_stage: false,
  id2label: { 0: 'cat', 1: 'dog', 2: 'sea lion' },
}
const processor = {
  image_processor_type: 'ConvNextImageProcessor',
  do_resize: true,
  size: { shortest_edge: 224 },
  crop_pct: 0.875,
  resample: 3,
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.5, 0.4, 0.3],
  image_std: [0.1, 0.2, 0.3],
}

test("a ResNet of transformers is the zoo's, with its classes and pre-processing", async t => {
  const { torchvision, transformers } = resNetShapes()
  const path = await makeModelFolder('resnet', {
    'config.json': resNet,
    'preprocessor_config.json': processor,
    'model.safetensors': safetensorsOf(transformers),
    'own.safetensors': safetensorsOf(torchvision),
  })
  await using model = await loadModel(path, { device: 'cpu' })
  t.is(model.architecture, 'resnet18')
  t.deepEqual(model.classNames, ['cat', 'dog', 'sea lion'])
  t.deepEqual(model.notes, [])
  t.like(model.preprocessing, {
    resize: 256,
    crop: 224,
    squash: false,
    interpolation: 'bicubic',
    mean: [0.5, 0.4, 0.3],
    std: [0.1, 0.2, 0.3],
  })
  await using own = await loadModel('resnet18', { weights: join(path, 'own.safetensors'), device: 'cpu' })
  t.is(model.weightHash, own.weightHash)
  t.deepEqual(await model.logits(noiseImage()), await own.logits(noiseImage()))
  await using changed = await loadModel(path, {
    device: 'cpu',
    classes: ['a', 'b', 'c'],
    preprocessing: { crop: 64 },
  })
  t.is(changed.classIndex('b'), 1)
  t.like(changed.preprocessing, { crop: 64, interpolation: 'bicubic' })
})

const problems = {
  single_label_classification: 'classes',
  multi_label_classification: 'labels',
  regression: 'values',
} as const

for (const [problem, outputKind] of Object.entries(problems)) {
  test(`a folder says what its outputs are: ${problem}`, async t => {
    const path = await makeModelFolder(problem, {
      'config.json': { ...resNet, problem_type: problem },
      'model.safetensors': safetensorsOf(resNetShapes().transformers),
    })
    await using model = await loadModel(path, { device: 'cpu' })
    t.is(model.outputKind, outputKind)
    await using otherwise = await loadModel(path, { device: 'cpu', outputKind: 'embedding' })
    t.is(otherwise.outputKind, 'embedding')
  })
}

test('a folder with another problem than those of classifiers is refused for what it is', async t => {
  const path = await makeModelFolder('other-problem', {
    'config.json': { ...resNet, problem_type: 'poetry' },
    'model.safetensors': safetensorsOf(resNetShapes().transformers),
  })
  const message = /Expected one of: single_label_classification, .* for problem_type but received 'poetry'/
  await t.throwsAsync(loadModel(path, { device: 'cpu' }), { instanceOf: ModelError, message })
})

test('a folder that says nothing of mean and standard deviation is told what was assumed', async t => {
  const files = { 'config.json': resNet, 'model.safetensors': safetensorsOf(resNetShapes().transformers) }
  const path = await makeModelFolder('bare', files)
  await using model = await loadModel(path, { device: 'cpu' })
  t.regex(model.notes.join(), /Nobody stated.*model\.json/)
  await writeFile(join(path, 'model.json'), '{"preprocessing": {"mean": [0, 0, 0], "std": [1, 1, 1]}}')
  await using stated = await loadModel(path, { device: 'cpu' })
  t.deepEqual(stated.notes, [])
  t.deepEqual(stated.preprocessing.std, [1, 1, 1])
})

test("a ResNet of timm is the zoo's", async t => {
  const path = await makeModelFolder('timm', {
    'config.json': {
      architecture: 'resnet18',
      num_classes: 3,
      label_names: ['cat', 'dog', 'sea lion'],
      pretrained_cfg: {
        input_size: [3, 224, 224],
        crop_pct: 0.95,
        crop_mode: 'squash',
        interpolation: 'bicubic',
        mean: [0.5, 0.4, 0.3],
        std: [0.1, 0.2, 0.3],
      },
    },
    'model.safetensors': safetensorsOf(resNetShapes().torchvision),
  })
  await using model = await loadModel(path, { device: 'cpu' })
  t.is(model.architecture, 'resnet18')
  t.is(model.classIndex('sea lion'), 2)
  t.like(model.preprocessing, { resize: 235, crop: 224, squash: true, interpolation: 'bicubic' })
})

test('processors of transformers are read as they prepare images', t => {
  const of = (config: object) => preprocessingOf(config).preprocessing
  const plain = {
    do_rescale: true,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  }
  t.like(of({ ...plain, image_processor_type: 'ViTImageProcessor', size: { height: 224, width: 192 } }), {
    resize: [224, 192],
    crop: [224, 192],
    squash: true,
    interpolation: 'bilinear',
  })
  t.like(of({ ...plain, feature_extractor_type: 'ViTFeatureExtractor', size: 224, resample: 2 }), {
    resize: 224,
    crop: 224,
    squash: true,
  })
  const clip = {
    image_processor_type: 'CLIPImageProcessorFast',
    size: 224,
    crop_size: 224,
    do_center_crop: true,
  }
  t.like(of({ ...plain, ...clip, resample: 3 }), { resize: 224, crop: 224, interpolation: 'bicubic' })
  t.not(of({ ...plain, ...clip }).squash, true)
  t.like(of({ ...plain, size: { height: 256, width: 256 }, crop_size: { height: 224, width: 224 } }), {
    resize: [256, 256],
    crop: [224, 224],
    squash: true,
  })
  t.like(of({ ...plain, image_processor_type: 'ConvNextImageProcessor', size: { shortest_edge: 384 } }), {
    resize: 384,
    crop: 384,
    squash: true,
  })
  // Bytes over 127.5 less 1, without normalisation.
  const scaled = of({ size: 224, rescale_factor: 1 / 127.5, rescale_offset: true, do_normalize: false })
  t.deepEqual(
    [scaled.mean, scaled.std],
    [
      [0.5, 0.5, 0.5],
      [0.5, 0.5, 0.5],
    ],
  )
  t.deepEqual(of({ size: 224, do_rescale: false, do_normalize: false }).std, [1 / 255, 1 / 255, 1 / 255])
  t.is(of({ size: { shortest_edge: 224 }, do_flip_channel_order: true }).channelOrder, 'bgr')
  t.regex(preprocessingOf({ size: 224, resample: 0 }).notes.join(), /'nearest'.*bilinear is taken/)
  t.throws(() => of({ size: { longest_edge: 224 } }), { message: /shortest_edge/ })
})

test('a folder without a model that can be loaded says what would do', async t => {
  const weights = safetensorsOf(new Map([['x', [1]]]))
  const vit = { architectures: ['ViTForImageClassification'], model_type: 'vit' }
  const paths: [path: string, message: RegExp][] = [
    [
      await makeModelFolder('vit', { 'config.json': vit, 'model.safetensors': weights }),
      /weights of ViTForImageClassification, which is none .*model\.onnx.*optimum-cli export onnx/,
    ],
    [await makeModelFolder('empty', { 'config.json': {} }), /holds no model/],
    [await makeModelFolder('two', { 'a.pt2': 'x', 'b.pt2': 'x' }), /several models: a\.pt2, b\.pt2/],
    [await makeModelFolder('list', { 'config.json': '[]' }), /config\.json' holds no object/],
    [
      await makeModelFolder('labels', { 'config.json': { ...vit, id2label: { 0: 'cat', 2: 'dog' } } }),
      /config\.json': .*none for 1/,
    ],
  ]
  for (const [path, message] of paths)
    await t.throwsAsync(loadModel(path, { device: 'cpu' }), { instanceOf: ModelError, message })
})

test('a model file in a folder is found, with the classes and the pre-processing beside it', async t => {
  const path = await makeModelFolder('onnx-model', {
    'config.json': { model_type: 'vit', image_size: 192, id2label: { 0: 'LABEL_0', 1: 'LABEL_1' } },
    'onnx/model.onnx': 'x',
  })
  const { network, card } = await readModelFolder(path)
  t.deepEqual(network, { file: join(path, 'onnx', 'model.onnx') })
  t.deepEqual(card, { preprocessing: { crop: 192, resize: 192 } })
})
