import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { demo, demoClassNames } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { type NamedTensor, writeSafetensors } from '../../scripts/testing/module.js'
import { onnxFile } from './onnx.js'
import { type Head, resNetGraph } from './resnet-onnx.js'
import { checkpoint } from './torch-checkpoint.js'

/** The files that the pages of docs/examples begin with: the demo's network in other forms, and its images. */
export const exampleFiles: Record<string, (folder: string) => Promise<void>> = {
  'hugging-face': writeHuggingFaceFolder,
  onnx: writeOnnx,
  'fine-tuned': writeFineTuned,
  grey: writeGrey,
  binary: writeBinary,
}

async function demoTensors(): Promise<NamedTensor[]> {
  return (await addon().readWeightFile({ path: demo.weights })).tensors
}

async function writeJson(path: string, content: object): Promise<void> {
  await writeFile(path, JSON.stringify(content))
}

async function copyPhoto(folder: string, image: string, name: string): Promise<void> {
  await copyFile(join(demo.images, image), join(folder, name))
}

/** A photograph to explain, and a folder of typical ones. */
async function copyPhotos(folder: string): Promise<void> {
  await copyPhoto(folder, '01-teapot.jpg', 'teapot.jpg')
  await copyPhoto(folder, '09-key.jpg', 'key.jpg')
  await mkdir(join(folder, 'photos'))
  for (const image of ['04-butterfly.jpg', '05-bicycle.jpg', '08-mug.jpg', '12-teapot.jpg'])
    await copyPhoto(folder, image, join('photos', image))
}

async function writeHuggingFaceFolder(folder: string): Promise<void> {
  await copyPhotos(folder)
  const path = join(folder, 'things')
  await mkdir(path)
  await writeJson(join(path, 'config.json'), {
    architectures: ['ResNetForImageClassification'],
    model_type: 'resnet',
    layer_type: 'basic',
    depths: [2, 2, 2, 2],
    embedding_size: 24,
    hidden_sizes: [24, 48, 96, 192],
    hidden_act: 'relu',
    downsample_in_first_stage: false,
    id2label: { ...(await demoClassNames()) },
  })
  await writeJson(join(path, 'preprocessor_config.json'), {
    image_processor_type: 'ViTImageProcessor',
    do_resize: true,
    size: { height: 224, width: 224 },
    resample: 2,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.485, 0.456, 0.406],
    image_std: [0.229, 0.224, 0.225],
  })
  const tensors = (await demoTensors()).map(tensor => ({ ...tensor, name: transformersName(tensor.name) }))
  writeSafetensors(join(path, 'model.safetensors'), tensors, { format: 'pt' })
}

/** What transformers calls a parameter of torchvision's ResNet. */
function transformersName(name: string): string {
  if (name.startsWith('fc.')) return name.replace('fc', 'classifier.1')
  const named = name
    .replace(/^(conv|bn)1\./, 'embedder.embedder.$11.')
    .replace(/^layer(\d)\.(\d)\./, (_, stage, layer) => `encoder.stages.${stage - 1}.layers.${layer}.`)
    .replace(/(?<=layers\.\d\.)(conv|bn)([12])/, (_, kind, unit) => `layer.${unit - 1}.${kind}1`)
    .replace('downsample.0', 'shortcut.conv1')
    .replace('downsample.1', 'shortcut.bn1')
    .replace('conv1.', 'convolution.')
    .replace('bn1.', 'normalization.')
  return `resnet.${named}`
}

async function writeOnnx(folder: string): Promise<void> {
  await copyPhotos(folder)
  await writeFile(join(folder, 'things.onnx'), onnxFile(resNetGraph(await demoTensors())))
  await writeJson(join(folder, 'things.json'), {
    preprocessing: { resize: 224, crop: 224, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    classes: await demoClassNames(),
  })
}

async function writeFineTuned(folder: string): Promise<void> {
  await copyPhotos(folder)
  await writeFile(join(folder, 'checkpoint.pth'), checkpoint(await demoTensors()))
  await writeFile(join(folder, 'classes.txt'), `${(await demoClassNames()).join('\n')}\n`)
}

/** The demo's images as scans of 16 bits, and its network for images of one channel. */
async function writeGrey(folder: string): Promise<void> {
  await mkdir(join(folder, 'scans'))
  for (const [image, name] of [
    ['09-key.jpg', 'key.png'],
    ['01-teapot.jpg', 'scans/1.png'],
    ['05-bicycle.jpg', 'scans/2.png'],
    ['08-mug.jpg', 'scans/3.png'],
  ] as const) {
    await sharp(join(demo.images, image)).toColourspace('grey16').png().toFile(join(folder, name))
  }
  const tensors = (await demoTensors()).map(tensor =>
    tensor.name === 'conv1.weight' ? grey(tensor) : tensor,
  )
  await writeFile(join(folder, 'scans.onnx'), onnxFile(resNetGraph(tensors)))
  await writeJson(join(folder, 'scans.json'), {
    preprocessing: { resize: 224, crop: 224, mean: [0.449], std: [0.226] },
    classes: await demoClassNames(),
  })
}

/** A first convolution that sees the same in each colour. */
function grey({ name, shape, data }: NamedTensor): NamedTensor {
  const [outputs, colours, height, width] = shape as [number, number, number, number]
  const size = height * width
  const sums = Float32Array.from({ length: outputs * size }, (_, i) => {
    const first = Math.floor(i / size) * colours * size + (i % size)
    return Array.from({ length: colours }, (_, c) => data[first + c * size]!).reduce((a, b) => a + b, 0)
  })
  return { name, shape: [outputs, 1, height, width], data: sums }
}

/** The demo's network with the one question whether it is a teapot, or something else. */
async function writeBinary(folder: string): Promise<void> {
  await copyPhotos(folder)
  const teapot = (await demoClassNames()).indexOf('teapot')
  const against = (values: readonly number[]) =>
    values.reduce((sum, value, k) => sum + (k === teapot ? value : -value / (values.length - 1)), 0)
  const head: Head = ({ weight, bias, width }) => ({
    weight: Array.from({ length: width }, (_, i) => against(weight.filter((_, j) => j % width === i))),
    // A key is none.
    bias: [against(bias) - 2],
  })
  await writeFile(join(folder, 'teapot.onnx'), onnxFile(resNetGraph(await demoTensors(), head)))
  await writeJson(join(folder, 'teapot.json'), {
    preprocessing: { resize: 224, crop: 224, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    classes: ['teapot'],
  })
}
