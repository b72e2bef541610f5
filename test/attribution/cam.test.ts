import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { describeMethods, type MethodName, type Model, methods, type PreparedImage } from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { loadFile } from '../support/imported-models.js'
import { distance } from '../support/methods.js'
import { noiseImage, smallModel } from '../support/small-model.js'

// Class activation maps against pytorch-grad-cam, whose numbers test/support/make-cam-fixtures.py wrote, and what must be true of
// them in every network.

const fixtures = fileURLToPath(new URL('../../../test/fixtures/cam/', import.meta.url))
const names = [
  'grad-cam',
  'grad-cam-plus-plus',
  'hires-cam',
  'layer-cam',
  'xgrad-cam',
  'eigen-cam',
  'ablation-cam',
  'score-cam',
  'finer-cam',
] as const satisfies readonly MethodName[]
type Cam = (typeof names)[number]

interface CamOptions {
  layer?: string
  rows?: number
  target?: number
}

async function explain(
  model: Model,
  name: Cam,
  image: PreparedImage,
  { target, ...options }: CamOptions = {},
) {
  await using attributer = methods[name](model, { ...options, keepRaw: true })
  const [result] = await attributer.attribute(image, target === undefined ? {} : { targets: target })
  return result!
}

let expected: Map<string, { data: Float32Array; shape: readonly number[] }>
let resnet: Model
let vit: Model
const image = noiseImage()
test.before(async () => {
  const { tensors } = await addon().readWeightFile({ path: join(fixtures, 'expected.safetensors') })
  expected = new Map(tensors.map(tensor => [tensor.name, tensor]))
  resnet = await smallModel({ memoryFormat: 'contiguous' })
  vit = await loadFile(join(fixtures, 'vit.pt'), 32)
})
test.after.always(() => {
  resnet?.dispose()
  vit?.dispose()
})

/** The upper left quarter of the image. */
function quarter(): PreparedImage {
  const data = image.data.filter((_, i) => i % 64 < 32 && Math.floor((i % 4096) / 64) < 32)
  return { data, shape: [3, 32, 32] }
}

test('every class activation map has reference numbers', t => {
  const found = describeMethods().map(({ name }) => name)
  t.deepEqual(
    found.filter(name => /-cam\b/.test(name) && name !== 'guided-grad-cam'),
    [...names],
  )
})

for (const name of names) {
  for (const [network, layer] of [
    ['resnet18', 'layer2'],
    ['resnet18', 'layer3'],
    ['vit', 'blocks.0'],
  ] as const) {
    test(`${name} of ${layer} of ${network} equals pytorch-grad-cam's`, async t => {
      const { data, shape } = expected.get(`${network}.${layer}.${name}`)!
      const [model, input] = network === 'vit' ? [vit, quarter()] : [resnet, image]
      const { map, tensors } = await explain(model, name, input, { layer })
      t.deepEqual(tensors.raw!.shape, [1, ...shape])
      const error = relativeError(tensors.raw!.data, data)
      t.log(`relative L2 ${error}`)
      t.true(error < 1e-4, `${error}`)
      t.is(map.width, input.shape[2])
      const greatest = Math.max(...map.data)
      t.true(greatest <= 1 && greatest > 0.99 && map.data.every(value => value >= 0))
    })
  }
}

test('before a mean over the places and a linear layer, three ways to weight channels are one', async t => {
  const grad = await explain(resnet, 'grad-cam', image, { layer: 'layer4' })
  t.true(Math.max(...grad.tensors.raw!.data) > 0)
  for (const name of ['hires-cam', 'xgrad-cam'] as const) {
    const other = await explain(resnet, name, image, { layer: 'layer4' })
    t.true(relativeError(other.tensors.raw!.data, grad.tensors.raw!.data) < 1e-5, name)
  }
})

test('Eigen-CAM says the same of every class, and nothing of a layer with a single place or of one colour', async t => {
  const [one, other] = [
    await explain(resnet, 'eigen-cam', image, { target: 1 }),
    await explain(resnet, 'eigen-cam', image, { target: 2 }),
  ]
  t.deepEqual(one.map.data, other.map.data)
  const single = await explain(resnet, 'eigen-cam', noiseImage({ height: 32 }))
  t.deepEqual(single.tensors.raw!.shape, [1, 1, 1])
  t.true(single.map.data.every(value => value === 0))
  const even = await explain(resnet, 'eigen-cam', {
    data: new Float32Array(image.data.length),
    shape: image.shape,
  })
  t.true(even.map.data.every(Number.isFinite))
})

test('Eigen-CAM is the same for an activation in any batch, also where both ends are equally far out', async t => {
  // Two places differ from their mean by the same, in opposite directions.
  const wide = { height: 32, width: 64 }
  const { map, tensors } = await explain(resnet, 'eigen-cam', noiseImage(wide))
  t.deepEqual(tensors.raw!.shape, [1, 1, 2])
  t.is(tensors.raw!.data.filter(value => value === 0).length, 1)
  await using attributer = methods['eigen-cam'](resnet, { batch: 3 })
  const images = [noiseImage({ ...wide, name: 'a' }), noiseImage({ ...wide, name: 'b' }), noiseImage(wide)]
  const [, , again] = await attributer.attribute(images)
  t.true(distance(again!, { map } as typeof again & object) < 1e-4)
})

test('Score-CAM counts channels alike that are the same everywhere, whatever the class', async t => {
  const single = noiseImage({ height: 32 })
  const [one, other] = [
    await explain(resnet, 'score-cam', single, { target: 1 }),
    await explain(resnet, 'score-cam', single, { target: 2 }),
  ]
  t.deepEqual(one.tensors.raw!.shape, [1, 1, 1])
  t.true(one.tensors.raw!.data[0]! > 0)
  t.true(Math.abs(one.tensors.raw!.data[0]! - other.tensors.raw!.data[0]!) < 1e-6 * one.tensors.raw!.data[0]!)
})

test('a layer without places is refused, and one that is not there with the nearest', async t => {
  for (const name of names) {
    await t.throwsAsync(explain(resnet, name, image, { layer: 'fc' }), {
      code: 'MODEL',
      message: /height and a width.*'fc'/,
    })
    await t.throwsAsync(explain(resnet, name, image, { layer: 'layer9' }), { message: /layer[1-4]/ })
  }
})
