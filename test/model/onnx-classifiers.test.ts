import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadModel } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { seededNormal } from '../../scripts/testing/module.js'
import { makeModels, readReference } from '../support/imported-models.js'
import { judge } from '../support/onnx-runtime.js'
import { pythonOnnx, testNeeding } from '../support/requirements.js'

/** As the scripts name them, with a layer where the gradient is compared with PyTorch's. */
const libraries = {
  torchvision: [
    'resnet:layer2',
    'resnet.single',
    'resnet.dynamo:layer2',
    'resnet-bottleneck:layer2',
    'resnext',
    'resnet-dilated',
    'vgg',
    'vgg-bn',
    'alexnet',
    'squeezenet1_0',
    'squeezenet1_1',
    'densenet:features.denseblock2',
    'mobilenet_v2:features.6',
    'mobilenet_v3_small',
    'mobilenet_v3_large',
    'shufflenet_v2',
    'shufflenet_v2.single',
    'mnasnet',
    'googlenet',
    'efficientnet:features.2',
    'efficientnet.dynamo:features.2',
    'efficientnet_v2',
    'regnet_x',
    'regnet_y',
    'regnet_y.single.dynamo',
    'convnext:features.3',
    'vit:encoder.layers.encoder_layer_0',
    'vit.single',
    'vit.dynamo:encoder.layers.encoder_layer_0',
    'swin:features.1',
    'swin_v2',
    'maxvit',
  ],
  timm: [
    'timm-resnet10t',
    'timm-seresnet',
    'timm-vit:blocks.0',
    'timm-deit',
    'timm-mixer',
    'timm-convnextv2',
    'timm-efficientnet',
    'timm-ghostnet',
    'timm-regnety',
    'timm-repvgg',
    'timm-mobilevit',
    'timm-pvt_v2',
  ],
  transformers: [
    'transformers-vit',
    'transformers-beit',
    'transformers-dinov2',
    'transformers-resnet',
    'transformers-convnext',
    'transformers-swin',
    'transformers-mobilenet_v2',
  ],
  keras: [
    'keras-sequential',
    'keras-separable',
    'keras-mobilenet',
    'keras-mobilenet_v3',
    'keras-efficientnet',
  ],
  onnx: ['light-squeezenet', 'light-shufflenet'],
} as const

/** Where the bottleneck goes and where Grad-CAM reads: the last block at an eighth of the side, or else the middle block, and the last
 * place by place. Narrow networks without a second block in a stage may have others than their wide ones. */
const defaults = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../../test/fixtures/default-layers.json', import.meta.url)), 'utf8'),
) as Record<string, [string, string]>

/** One of its gates is nearly closed for one of the images: in float32, PyTorch itself is off by 1e-5 there from double precision. */
const leastExact: Record<string, number> = { 'timm-ghostnet': 1e-4 }

/** Whether the file was made for a single image. */
const isForOne = (name: string) => name.includes('.single') || name.startsWith('light-')

const scripts = {
  torchvision: 'make-onnx-models',
  timm: 'make-onnx-models',
  transformers: 'make-onnx-models',
  keras: 'make-keras-models',
  onnx: 'make-light-models',
} as const

for (const library of ['torchvision', 'timm', 'transformers', 'keras', 'onnx'] as const) {
  const python = pythonOnnx(library)
  const folder = makeModels(scripts[library], libraries[library], python)
  const testWithOnnx = testNeeding(python)

  for (const entry of libraries[library]) {
    const [name, layer] = entry.split(':') as [string, string | undefined]
    const gradient = layer ? `, and the gradient at ${layer} PyTorch's` : ''

    testWithOnnx(`${name}: its default layers; logits are ONNX Runtime's${gradient}`, async t => {
      const path = join(folder, `${name}.onnx`)
      await using model = await loadModel(path, { device: 'cpu', memoryFormat: 'contiguous' })
      const errors: number[] = []
      for (const count of [1, 3]) {
        const shape = [count, 3, ...model.imageSize!]
        const images = { data: seededNormal('images', 0, shape), shape }
        const found = await addon().logits({ model: model.handle, images })
        const wanted = await judge(path, images, isForOne(name) ? 1 : count)
        t.is(found.data.length, wanted.length)
        errors.push(relativeError(found.data, wanted))
      }
      const { bottleneckLayer, gradCamLayer } = addon().describeModel({ model: model.handle })
      if (name in defaults) {
        const [bottleneck, gradCam] = defaults[name]!
        t.is(bottleneckLayer, bottleneck)
        // Of untrained weights, a processor's rounding may tell two layers of places apart that are as good.
        t.true(gradCam.split(' or ').includes(gradCamLayer), gradCamLayer)
      }
      if (layer) {
        const { images, gradient } = await readReference(folder, name)
        const found = await addon().layerGradient({ model: model.handle, images, layer, target: 3 })
        t.deepEqual(found.shape, gradient!.shape)
        errors.push(relativeError(found.data, gradient!.data))
      }
      t.log(errors.map(error => error.toExponential(1)).join(', '))
      t.true(errors.every(error => error <= (leastExact[name] ?? 1e-5)))
    })
  }
}
