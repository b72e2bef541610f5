import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadModel, type Model, ModelError, methods } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { iba, makeFolder, writePicture } from '../support/command.js'
import { loadFile, makeModels, readReference, testWithModels } from '../support/imported-models.js'
import { noiseImages, smallStatistics } from '../support/small-model.js'

const folder = makeModels('make-structured-models')

const load = (file: string, height = 64, width = height) => loadFile(join(folder, file), [height, width])

const square: [number, number] = [64, 64]

/** The images of a reference, one by one. */
function each({ data, shape }: { data: Float32Array; shape: number[] }) {
  const size = data.length / shape[0]!
  const one = shape.slice(1) as [number, number, number]
  return Array.from({ length: shape[0]! }, (_, i) => ({
    data: data.slice(i * size, (i + 1) * size),
    shape: one,
  }))
}

/** Where the bottleneck goes and where Grad-CAM reads: the last block at an eighth of the side, or else the middle
 * block; and the last that the outputs still depend on place by place, which is no embedding. */
const defaults: Record<string, { size?: [number, number]; bottleneck: string; gradCam: string }> = {
  'efficientnet.pt': { bottleneck: 'blocks.2', gradCam: 'bn2' },
  'efficientnet.pt2': { bottleneck: 'blocks.2', gradCam: 'bn2' },
  'convnext.pt': { bottleneck: 'stages.1', gradCam: 'stages' },
  'swin.pt': { bottleneck: 'layers.1.blocks.0', gradCam: 'layers.2' },
  'regnet.pt': { bottleneck: 'trunk_output.block2', gradCam: 'trunk_output' },
  'oblong-regnet.pt': { size: [64, 128], bottleneck: 'trunk_output.block2', gradCam: 'trunk_output' },
  'pyramid.pt': { bottleneck: 'blocks.1', gradCam: 'blocks.1' },
  'plain.pt': { bottleneck: 'stages.4', gradCam: 'stages' },
  'small-images.pt': { size: [32, 32], bottleneck: 'trunk_output.block1', gradCam: 'trunk_output' },
  'vit.pt': { bottleneck: 'vit.encoder.layer.2', gradCam: 'vit.encoder.layer.4' },
  'registers.pt': { bottleneck: 'vit.encoder.layer.2', gradCam: 'vit.encoder.layer.4' },
  'class-token-behind.pt': { bottleneck: 'vit.encoder.layer.2', gradCam: 'vit.encoder.layer.4' },
  'oblong-vit.pt': { size: [32, 64], bottleneck: 'vit.encoder.layer.2', gradCam: 'vit.encoder.layer.4' },
}

for (const [file, { size = square, bottleneck, gradCam }] of Object.entries(defaults)) {
  testWithModels(`the default layers of ${file} are blocks, not its stem`, async t => {
    await using model = await load(file, ...size)
    const { gradCamLayer } = addon().describeModel({ model: model.handle })
    t.deepEqual([model.bottleneckLayer, gradCamLayer], [bottleneck, gradCam])
  })
}

testWithModels('most places of a default layer matter to the outputs', async t => {
  for (const [file, { size = square }] of Object.entries(defaults)) {
    await using model = await load(file, ...size)
    const [image] = noiseImages(1, { height: size[0], width: size[1] })
    const [gradient] = await model.layerGradient(image!, { layer: model.bottleneckLayer, target: 0 })
    const zeros = gradient!.data.filter(value => value === 0).length
    t.true(2 * zeros < gradient!.data.length, file)
  }
})

for (const ending of ['pt', 'pt2']) {
  testWithModels(
    `oblong-regnet.${ending}: Grad-CAM is what PyTorch gives, where channels are as many as rows`,
    async t => {
      const { images, logits, cam } = await readReference(folder, 'oblong-regnet')
      await using model = await load(`oblong-regnet.${ending}`, 64, 128)
      const options = { layer: 'trunk_output.block4', keepRaw: true } as const
      const found = await methods['grad-cam'](model, options).attribute(each(images), { targets: 1 })
      const raw = found.map(({ tensors }) => tensors.raw!)
      t.deepEqual(raw[0]!.shape, [1, 2, 4])
      const maps = Float32Array.from(raw.flatMap(({ data }) => [...data]))
      t.true(relativeError(maps, cam!.data) < 1e-4)
      t.true(relativeError((await addon().logits({ model: model.handle, images })).data, logits.data) < 1e-5)
    },
  )
}

/** The share of the map's sum that lies in the changed corner, of the per-sample bottleneck's change. */
async function placesOf(t: ExecutionContext, model: Model, layer: string, height: number, width: number) {
  const shapes = await model.layers({ height, width })
  t.truthy(shapes.find(({ name }) => name === layer))
  await using statistics = await smallStatistics(model, [layer], { height, width })
  const method = methods['per-sample'](model, { statistics, layer, steps: 1, copies: 1, sigma: 0 })
  const [image] = noiseImages(1, { height, width })
  const bright = image!.data.slice()
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height / 4; y++)
      bright.fill(9, (c * height + y) * width + 0.75 * width, (c * height + y + 1) * width)
  }
  const changed = { data: bright, shape: image!.shape }
  const [before, after] = await method.attribute([image!, changed], { targets: 0 })
  let [inside, all] = [0, 0]
  after!.map.data.forEach((value, i) => {
    const change = Math.abs(value - before!.map.data[i]!)
    all += change
    if (Math.floor(i / width) < height / 4 && i % width >= 0.75 * width) inside += change
  })
  return inside / all
}

const places: Record<string, { size?: [number, number]; layer: string }> = {
  'vit.pt': { layer: 'vit.embeddings' },
  'registers.pt': { layer: 'vit.embeddings' },
  'class-token-behind.pt': { layer: 'vit.embeddings' },
  'oblong-vit.pt': { size: [32, 64], layer: 'vit.embeddings' },
  'swin.pt': { layer: 'layers.1.blocks.0' },
  'oblong-regnet.pt': { size: [64, 128], layer: 'trunk_output.block2' },
}

for (const [file, { size = square, layer }] of Object.entries(places)) {
  testWithModels(`a changed corner changes that corner of the map: ${file}, ${layer}`, async t => {
    await using model = await load(file, ...size)
    const share = await placesOf(t, model, layer, ...size)
    t.true(share > 0.5, `${share}`)
  })
}

testWithModels('a layer whose tokens are in no order of the image has no map', async t => {
  await using model = await load('scrambled-tokens.pt')
  const layer = 'vit.encoder.layer.2'
  const [image] = noiseImages(1, { height: 64, width: 64 })
  const failure = { instanceOf: ModelError, message: /'vit\.encoder\.layer\.2', \(65, 16\).* in no order/ }
  await t.throwsAsync(methods['grad-cam'](model, { layer }).attribute(image!), failure)
  await using statistics = await smallStatistics(model, [layer])
  await t.throwsAsync(methods['per-sample'](model, { statistics, layer }).attribute(image!), failure)
  t.false(model.bottleneckLayer.includes('encoder'))
})

testWithModels('image files are cut to the size of a model that is no square', async t => {
  const { folder: own, remove } = await makeFolder()
  try {
    const picture = join(own, 'one.png')
    await writePicture(picture, 1)
    await using exported = await loadModel(join(folder, 'oblong-regnet.pt2'), { device: 'cpu' })
    t.deepEqual(exported.preprocessing.crop, [64, 128])
    const [{ map } = { map: undefined }] = await methods.saliency(exported).attribute(picture)
    t.deepEqual([map!.height, map!.width], [64, 128])
    const file = join(folder, 'oblong-vit.pt')
    const words = ['attribute', picture, '--model', file, '--method', 'grad-cam', '--out', own]
    t.is((await iba([...words, '--crop', '32x64'])).code, 0)
    const wrong = await iba(words)
    t.not(wrong.code, 0)
    t.regex(wrong.stderr, /224×224 .*preprocessing\.crop, \[height, width\]/)
    t.is((await iba([...words, '--crop', '32x64x3'])).code, 2)
    const layers = await iba(['layers', file, '--crop', '32x64'])
    t.regex(layers.stdout, /vit\.encoder\.layer\.2 +ViTLayer +33×16 +← default/)
  } finally {
    await remove()
  }
})

for (const [name, note] of Object.entries({
  softmax: /ends with a softmax/,
  'log-softmax': /logarithm of a softmax/,
})) {
  testWithModels(`logits are found before the end of a model: ${name}`, async t => {
    const { images, logits } = await readReference(folder, name)
    await using model = await load(`${name}.pt`, 16)
    const found = await addon().logits({ model: model.handle, images })
    t.true(relativeError(found.data, logits.data) < 1e-5)
    t.regex(model.notes.join(' '), note)
  })
}

testWithModels('probabilities that no softmax makes are explained by their logarithm', async t => {
  const { images, logits } = await readReference(folder, 'mean-of-softmaxes')
  await using model = await load('mean-of-softmaxes.pt', 16)
  t.regex(model.notes.join(' '), /gives probabilities/)
  const softmax = (values: number[]) => {
    const sum = values.reduce((total, value) => total + Math.exp(value), 0)
    return values.map(value => Math.exp(value) / sum)
  }
  for (const [i, { probability, target }] of (await model.predict(each(images))).entries()) {
    const own = [...logits.data.slice(5 * i, 5 * i + 5)]
    const [a, b] = [softmax(own), softmax(own.map(value => 2 * value))]
    t.true(Math.abs(probability - (a[target]! + b[target]!) / 2) < 1e-5)
  }
})

testWithModels('several sigmoids at the end are labels, not classes', async t => {
  const { images, logits } = await readReference(folder, 'sigmoid')
  await using model = await load('sigmoid.pt', 16)
  t.is(model.outputKind, 'labels')
  t.regex(model.notes.join(' '), /sigmoid of each output: they are taken for labels/)
  for (const [i, { probability, target }] of (await model.predict(each(images))).entries()) {
    const own = [...logits.data.slice(5 * i, 5 * i + 5)]
    t.is(target, own.indexOf(Math.max(...own)))
    t.true(Math.abs(probability - 1 / (1 + Math.exp(-own[target]!))) < 1e-6)
  }
  await using values = await loadModel(join(folder, 'sigmoid.pt'), {
    device: 'cpu',
    outputKind: 'values',
    preprocessing: { crop: 16, resize: 16 },
  })
  t.is(values.outputKind, 'values')
  const [outputs] = await values.logits(each(images)[0]!)
  t.true(outputs!.every((value, i) => Math.abs(value - 1 / (1 + Math.exp(-logits.data[i]!))) < 1e-6))
})

for (const name of ['one-logit', 'one-sigmoid']) {
  testWithModels(`a single logit is two classes by its sigmoid: ${name}`, async t => {
    const { images, logits } = await readReference(folder, name)
    await using model = await load(`${name}.pt`, 16)
    t.is(model.classes, 2)
    t.is(/ends with a sigmoid/.test(model.notes.join()), name === 'one-sigmoid')
    t.regex(model.notes.join(), /single logit z.*0 \(no\) and 1 \(yes\)/)
    const sigmoid = (value: number) => 1 / (1 + Math.exp(-value))
    for (const [i, { probability, target }] of (await model.predict(each(images))).entries()) {
      const logit = logits.data[i]!
      t.is(target, logit > 0 ? 1 : 0)
      t.true(Math.abs(probability - sigmoid(Math.abs(logit))) < 1e-6)
    }
    const maps = methods.gradient(model, { keepRaw: true })
    const raw = async (target: number) =>
      (await maps.attribute(each(images), { targets: target })).flatMap(({ tensors }) => [
        ...tensors.raw!.data,
      ])
    const opposite = (await raw(0)).map(value => -value)
    t.true(relativeError(Float32Array.from(await raw(1)), Float32Array.from(opposite)) < 1e-6)
  })
}

test('a single logit of the zoo is two classes, with one name or two', async t => {
  const settings = { weights: 'seeded:0', width: 8, device: 'cpu' } as const
  await using model = await loadModel('resnet18', { ...settings, classes: ['teapot'] })
  t.deepEqual([model.classes, [...model.classNames]], [2, ['not teapot', 'teapot']])
  t.regex(model.notes.join(), /single logit/)
  const [image] = noiseImages(1)
  const [[no, yes] = []] = await model.logits(image!)
  t.true(Math.abs(no! + yes!) < 1e-6)
  const probability = 1 / (1 + Math.exp(-2 * Math.abs(yes!)))
  const [prediction] = await model.predict(image!)
  t.is(prediction!.className, yes! > 0 ? 'teapot' : 'not teapot')
  t.true(Math.abs(prediction!.probability - probability) < 1e-6)
  await using statistics = await smallStatistics(model)
  const [found] = await methods['per-sample'](model, { statistics, beta: 0, steps: 3 }).attribute(image!)
  t.true(Math.abs(found!.probability - probability) < 1e-6)
  // At the start all but everything passes, and the mean over the copies is near that of the image.
  const [first] = found!.series.crossEntropy!
  t.true(first! > 0)
  t.true(Math.abs(first! + Math.log(probability)) < 0.2 * Math.max(1, -Math.log(probability)), `${first}`)
})

for (const [file, checks] of [
  ['relu6.pt', {}],
  ['relu6.pt2', {}],
  ['clamped.pt', {}],
  ['mixed.pt', { activationsLikeRelu: 1 }],
  ['gelu.pt', { activationsLikeRelu: 2, activationsWithoutRule: 1 }],
] as const) {
  testWithModels(`guided backpropagation and DeconvNet know ReLUs and their like: ${file}`, async t => {
    const reference = await readReference(folder, file.split('.')[0]!)
    await using model = await load(file, 16)
    for (const [method, expected] of [
      ['guided-backprop', reference.guided],
      ['deconvnet', reference.deconvnet],
    ] as const) {
      const options = { keepRaw: true }
      const found = await methods[method](model, options).attribute(each(reference.images), { targets: 0 })
      const raw = Float32Array.from(found.flatMap(({ tensors }) => [...tensors.raw!.data]))
      t.true(relativeError(raw, expected!.data) < 1e-5, `${method}: ${relativeError(raw, expected!.data)}`)
      t.deepEqual(found[0]!.checks, checks)
    }
  })
}

testWithModels('guided backpropagation is refused where there is no ReLU, naming what is there', async t => {
  await using model = await load('tanh.pt', 16)
  const [image] = noiseImages(1, { height: 16, width: 16 })
  for (const method of ['guided-backprop', 'deconvnet', 'guided-grad-cam'] as const) {
    await t.throwsAsync(async () => methods[method](model).attribute(image!), {
      instanceOf: ModelError,
      message: /has none: it has tanh/,
    })
  }
})

/** Files and folders that are given as models, by their first bytes, and what is said of them. */
const foreign: Record<string, [content: string | Record<string, string>, message: RegExp]> = {
  'other.onnx': ['\x08\x07\x10\x01', /named as an ONNX model/],
  'cut.onnx': ['\x08\x07\x12\x07pytorch:\xff\x01\x0a', /255 bytes, but 1 are left/],
  'renamed.pt': ['\x08\x08\x12\x07pytorch', /the ONNX model has no graph/],
  'model.onnx.data': ['\x08\x07\x01', /tensors of an ONNX model.*\.onnx/],
  'model.onnx_data': ['PK', /tensors of an ONNX model/],
  'model.ort': ['\x18\0\0\0ORTM', /ONNX Runtime's own format.*\.onnx/],
  'model.h5': ['\x89HDF\r\n\x1a\n', /Keras/],
  'model.pb': ['\x0a\x20\x0a\x05input', /TensorFlow/],
  'model.tflite': ['\x1c\0\0\0TFL3', /TensorFlow Lite/],
  'model.mlmodel': ['\x08\x04\x12\x10\x0a', /Core ML/],
  'weights.safetensors': ['\x02\0\0\0\0\0\0\0{}      ', /safetensors.*torch\.export/],
  'legacy.pth': ['\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.', /state dict.*torch\.export/],
  'legacy-checkpoint.pth': ['\x80\x02}X\x05\0\0\0epochK\x01.', /training checkpoint/],
  'lfs.pt': ['version https://git-lfs.github.com/spec/v1\noid sha256:0', /Git LFS.*git lfs pull/],
  'download.pt': ['<!DOCTYPE html><html>', /web page.*Download/],
  'empty.pt2': ['', /empty/],
  'notes.txt.pt': ['hello', /text/],
  'code.pt': ['\x7fELF\x02', /machine code/],
  'packed.pt': ['\x1f\x8b\x08', /gzip.*Unpack/],
  'picture.pt': ['\x89PNG\r\n', /image/],
  'noise.pt': ['\x01\x02\x03\x04', /unknown kind/],
  saved_model: [{ 'saved_model.pb': '\x08\x01' }, /SavedModel/],
  'folder.mlpackage': [{ 'Manifest.json': '{}' }, /Core ML/],
  folder: [{}, /is a folder/],
}

test('what is no model is called by its name, with what to do', async t => {
  const { folder: own, remove } = await makeFolder()
  try {
    for (const [name, [content, message]] of Object.entries(foreign)) {
      const path = join(own, name)
      if (typeof content === 'string') {
        await writeFile(path, content, 'latin1')
      } else {
        await mkdir(path)
        for (const [file, bytes] of Object.entries(content))
          await writeFile(join(path, file), bytes, 'latin1')
      }
      const error = await t.throwsAsync(loadModel(path), { code: 'WEIGHTS', message }, name)
      t.true(error!.message.includes(name), name)
      await rm(path, { recursive: true })
    }
  } finally {
    await remove()
  }
})
