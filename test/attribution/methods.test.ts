import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import {
  type AttributeProgress,
  createAttributer,
  DisposedError,
  describeMethods,
  ImageError,
  InvalidArgumentError,
  type MethodDescription,
  methodNames,
  methods,
  type PreparedImage,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { describedFiles } from '../../scripts/describe-methods.js'
import { testing, writeSafetensors } from '../../scripts/testing/module.js'
import {
  Attributers,
  distance,
  ofAttention,
  type Trial,
  transformerTrial,
  trial,
} from '../support/methods.js'
import { noiseImages } from '../support/small-model.js'

const described = describeMethods()
const has = (method: MethodDescription, option: string) => method.options.some(({ name }) => name === option)

/** Those whose map is another with another seed. */
const drawn = [
  ...['per-sample', 'coiba', 'multi-layer', 'input-iba', 'm2ib', 'smoothgrad', 'random'],
  ...['gradient-shap', 'deep-shap', 'rise', 'lime', 'kernel-shap'],
]

/** Whether a method says nothing on a network: Eigen-CAM tells places of a layer apart, and 'tiny' has one. */
const isEmpty = ({ name }: MethodDescription, network: string) =>
  name === 'zero' || (name === 'eigen-cam' && network === 'tiny')

const attributers = new Attributers()
let trials: Record<'resnet' | 'vgg' | 'grey' | 'tall' | 'tiny', Trial>
let transformer: Trial
test.before(async () => {
  const resnet = await trial('resnet18', 64, 64)
  trials = {
    resnet,
    tall: { model: resnet.model, height: 80, width: 48 },
    // Its last layers have one pixel.
    tiny: { model: resnet.model, height: 32, width: 32 },
    vgg: await trial('vgg11', 64, 64),
    grey: await trial('resnet18', 64, 64, { inputChannels: 1 }),
  }
  transformer = await transformerTrial()
})
test.after.always(async () => {
  await attributers.dispose()
  for (const { model } of Object.values(trials ?? {})) model.dispose()
  transformer?.model.dispose()
})

/** What a method is tried on where one network, with images of 64 pixels a side, is enough. */
const usual = ({ name }: MethodDescription) => (ofAttention.includes(name) ? transformer : trials.resnet)

function imagesOf({ model, height, width }: Trial, count: number): PreparedImage[] {
  return noiseImages(count, { channels: model.inputChannels, height, width })
}

/** A test for each method. */
function forEach(title: string, run: (t: ExecutionContext, method: MethodDescription) => Promise<void>) {
  for (const method of described) test.serial(`${method.name}: ${title}`, t => run(t, method))
}

test('the typed methods are those of the registry, in its order', t => {
  const registered = addon().methods()
  t.deepEqual(
    registered.map(({ name }) => name),
    [...methodNames],
  )
  t.deepEqual(
    described.map(({ name }) => name),
    [...methodNames] as string[],
  )
})

test('what follows from the registry is current; `npm run describe` writes it', async t => {
  for (const { path, content } of await describedFiles()) t.is(await readFile(path, 'utf8'), content, path)
})

forEach('a map of the image, finite, on every network and size', async (t, method) => {
  const all = ofAttention.includes(method.name) ? { transformer } : trials
  for (const [name, tried] of Object.entries(all)) {
    const { height, width, model } = tried
    const options = has(method, 'keepRaw') ? { keepRaw: true } : {}
    await using attributer = await attributers.make(tried, method, options)
    const images = imagesOf(tried, 2)
    const results = await attributer.attribute(images, { targets: [null, 3] })
    const predicted = await model.predict(images)
    t.is(results.length, 2)
    for (const [
      i,
      { index, method: by, target, probability, map, tensors, checks, seconds },
    ] of results.entries()) {
      t.deepEqual(
        [index, by, map.width, map.height, map.data.length],
        [i, method.name, width, height, width * height],
      )
      t.true(map.data.every(Number.isFinite), `${name} ${i}`)
      t.true(Object.values(checks).every(Number.isFinite))
      t.true(probability > 0 && probability < 1 && seconds > 0)
      t.is(target, i === 1 ? 3 : predicted[i]!.target)
      const { raw } = tensors
      t.is(raw !== undefined, has(method, 'keepRaw'))
      if (!raw) continue
      t.is(
        raw.data.length,
        raw.shape.reduce((product, size) => product * size, 1),
      )
      t.is(raw.shape.length, 3)
      t.true(raw.data.every(Number.isFinite))
    }
    t.is(
      results[0]!.map.data.some(value => value !== 0),
      !isEmpty(method, name),
      `${name} is empty`,
    )
  }
})

forEach('alone or in a batch, in many rows or few, the map is the same', async (t, method) => {
  const images = imagesOf(usual(method), 5)
  await using attributer = await attributers.make(usual(method), method, { batch: 5 })
  await using narrow = await attributers.make(usual(method), method, {
    batch: 5,
    rows: 2,
  })
  const together = await attributer.attribute(images, { targets: 3 })
  const inFewRows = await narrow.attribute(images, { targets: 3 })
  for (const [i, image] of images.entries()) {
    const [alone] = await attributer.attribute(image, { targets: 3 })
    t.true(distance(together[i]!, alone!) < 1e-3, `batch ${i}: ${distance(together[i]!, alone!)}`)
    t.true(distance(inFewRows[i]!, alone!) < 1e-3, `rows ${i}: ${distance(inFewRows[i]!, alone!)}`)
    t.true(Math.abs(together[i]!.probability - alone!.probability) < 1e-6)
  }
})

forEach('a seed decides what is drawn, and nothing else', async (t, method) => {
  const [image] = imagesOf(usual(method), 1)
  await using attributer = await attributers.make(usual(method), method)
  const [first, again] = [
    await attributer.attribute(image!, { seed: 7 }),
    await attributer.attribute(image!, { seed: 7 }),
  ]
  const other = await attributer.attribute(image!, { seed: 8 })
  t.deepEqual(first[0]!.map.data, again[0]!.map.data)
  t.is(distance(first[0]!, other[0]!) > 0, drawn.includes(method.name))
})

forEach('an abort stops it, before and in the middle', async (t, method) => {
  await using attributer = await attributers.make(usual(method), method, {
    batch: 24,
    rows: 1,
  })
  const images = imagesOf(usual(method), 24)
  const reason = new Error('enough')
  t.is(await t.throwsAsync(attributer.attribute(images, { signal: AbortSignal.abort(reason) })), reason)
  const controller = new AbortController()
  let last: AttributeProgress | undefined
  const onProgress = (progress: AttributeProgress) => {
    last = progress
    controller.abort(reason)
  }
  t.is(await t.throwsAsync(attributer.attribute(images, { signal: controller.signal, onProgress })), reason)
  t.true(last!.step < last!.steps, 'it went on to the end')
  t.is((await attributer.attribute(images[0]!)).length, 1)
})

forEach('progress grows step by step to its total, with a step for each pass', async (t, method) => {
  await using attributer = await attributers.make(usual(method), method, {
    batch: 3,
    rows: 1,
  })
  const seen: AttributeProgress[] = []
  await attributer.attribute(imagesOf(usual(method), 3), { onProgress: progress => seen.push(progress) })
  for (const index of [0, 1, 2]) {
    const own = seen.filter(progress => progress.index === index)
    const [{ steps }] = own as [AttributeProgress]
    t.true(steps >= 3, `${steps} steps for three images`)
    t.deepEqual(
      own.map(({ step }) => step),
      Array.from({ length: steps }, (_, i) => i + 1),
    )
    t.true(own.every(progress => progress.steps === steps))
  }
})

forEach('images of one colour, of huge and of tiny values give finite maps', async (t, method) => {
  const size = 3 * 64 * 64
  await using attributer = await attributers.make(usual(method), method)
  for (const value of [0, 0.5, -1e3, 1e-20]) {
    const image: PreparedImage = { data: new Float32Array(size).fill(value), shape: [3, 64, 64] }
    const [result] = await attributer.attribute(image)
    t.true(result!.map.data.every(Number.isFinite), `${value}`)
  }
})

test.serial('a network whose logits are constant gives finite maps with every method', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'iba-methods-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const seeded = join(folder, 'seeded.safetensors')
  const trainer = testing().createTrainer({ architecture: 'resnet18', classes: 10, width: 8, seed: 0 })
  testing().saveTrained({ trainer, path: seeded })
  const { tensors } = await addon().readWeightFile({ path: seeded })
  for (const { name, data } of tensors) if (name.startsWith('fc.')) data.fill(0)
  const weights = join(folder, 'constant.safetensors')
  writeSafetensors(weights, tensors, {})

  const constant = await trial('resnet18', 64, 64, { weights })
  t.teardown(() => constant.model.dispose())
  const images = imagesOf(constant, 2)
  t.deepEqual([...(await constant.model.logits(images[0]!))[0]!], new Array(10).fill(0))
  for (const method of described) {
    if (ofAttention.includes(method.name)) continue
    await using attributer = await attributers.make(constant, method)
    for (const { map, checks, probability } of await attributer.attribute(images, { targets: 1 })) {
      t.true(map.data.every(Number.isFinite), method.name)
      t.true(Object.values(checks).every(Number.isFinite), method.name)
      t.true(Math.abs(probability - 0.1) < 1e-6)
    }
  }
})

forEach('what can not be is refused', async (t, method) => {
  await using attributer = await attributers.make(usual(method), method)
  const [image] = imagesOf(usual(method), 1)
  for (const target of [10, -1, 1.5, Number.NaN]) {
    await t.throwsAsync(attributer.attribute(image!, { targets: target }), {
      instanceOf: InvalidArgumentError,
    })
  }
  const data = Float32Array.from(image!.data)
  data[100] = Number.NaN
  await t.throwsAsync(attributer.attribute({ ...image!, data }), {
    instanceOf: ImageError,
    message: /not finite/,
  })
  const grey = noiseImages(1, { channels: 1 })
  await t.throwsAsync(attributer.attribute(grey), { instanceOf: ImageError, message: /1 channels/ })
  t.is((await attributer.attribute(image!)).length, 1)
})

forEach(
  'every option is refused, by name, where its value is of another form or out of range',
  async (t, method) => {
    const wrong = {
      ...{ number: 'x', whole: 1.5, flag: 1, choice: 'nothing like it', text: 5, numbers: 3 },
      ...{ array: [1, 2], images: 5 },
    }
    for (const { name, form, minimum, maximum } of method.options) {
      const values: unknown[] = [wrong[form], Symbol('x'), null]
      const isList = form === 'numbers' || form === 'array'
      if (minimum !== undefined && !isList) values.push(minimum - 1)
      if (maximum !== undefined && !isList) values.push(maximum + 1)
      if (form === 'array') values.push(Float32Array.of(maximum! + 1), Float32Array.of(Number.NaN))
      for (const value of values) {
        await t.throwsAsync(() => attributers.make(usual(method), method, { [name]: value }), {
          instanceOf: InvalidArgumentError,
          message: new RegExp(`for ${name}`),
        })
      }
    }
    const [first] = method.options.filter(({ name }) => name.length > 4)
    await t.throwsAsync(() => attributers.make(usual(method), method, { [`${first!.name}x`]: 1 }), {
      instanceOf: InvalidArgumentError,
      message: new RegExp(`Did you mean '${first!.name}'\\?`),
    })
  },
)

forEach('the native side checks again', async (t, method) => {
  const { name, options } = method
  t.plan(2 * options.length)
  const { handle: model } = usual(method).model
  const wrong = {
    ...{ number: 'x', whole: 1.5, flag: 1, choice: 'nothing like it', text: 5, numbers: 'x' },
    ...{ array: { data: Float32Array.of(Number.NaN), shape: [1] }, images: 'nowhere' },
  }
  for (const option of options) {
    const given = { [option.name]: wrong[option.form] }
    const error = await t.throwsAsync(async () =>
      addon().createMethod({ model, method: name, options: given, resources: {} }),
    )
    t.is((error as Error & { code?: string }).code, 'INVALID_ARGUMENT', option.name)
  }
})

forEach('what it needs is asked for, by name', async (t, method) => {
  const { name, needs } = method
  t.plan(3 * needs.length)
  const { model } = usual(method)
  for (const need of needs) {
    t.throws(() => createAttributer(model, name), {
      instanceOf: InvalidArgumentError,
      message: new RegExp(`for ${need}`),
    })
    const call = { model: model.handle, method: name, options: {}, resources: {} }
    const error = await t.throwsAsync(async () => addon().createMethod(call), { message: new RegExp(need) })
    t.is((error as Error & { code?: string }).code, 'INVALID_ARGUMENT')
  }
})

test('what the methods need is said of them', t => {
  const needing = described.filter(({ needs }) => needs.length > 0)
  t.deepEqual(
    needing.map(({ name, needs }) => [name, needs]),
    [
      ['per-sample', ['statistics']],
      ['readout', ['readout']],
      ['coiba', ['statistics']],
      ['multi-layer', ['statistics']],
      ['input-iba', ['statistics']],
      ['patternnet', ['patterns']],
      ['pattern-attribution', ['patterns']],
    ],
  )
})

forEach('calls at the same time get the maps of their own images', async (t, method) => {
  await using attributer = await attributers.make(usual(method), method, { batch: 2 })
  const images = imagesOf(usual(method), 4)
  const apart = []
  for (const image of images) apart.push(...(await attributer.attribute(image, { targets: 2 })))
  const calls = await Promise.all(images.map(image => attributer.attribute(image, { targets: 2 })))
  for (const [i, [result]] of calls.entries()) t.true(distance(result!, apart[i]!) < 1e-3)
})

forEach('nothing runs after dispose', async (t, method) => {
  const attributer = await attributers.make(usual(method), method)
  const [image] = imagesOf(usual(method), 1)
  const running = attributer.attribute(image!)
  attributer.dispose()
  attributer.dispose()
  const [settled] = await Promise.allSettled([running])
  t.true(settled!.status === 'fulfilled' || settled!.reason instanceof DisposedError)
  await t.throwsAsync(attributer.attribute(image!), { instanceOf: DisposedError })
})

test.serial('a model that was disposed of is named', async t => {
  const gone = await trial('resnet18', 64, 64)
  const made = methods.gradient(gone.model)
  gone.model.dispose()
  await t.throwsAsync(made.attribute(imagesOf(trials.resnet, 1)), {
    instanceOf: DisposedError,
    message: /resnet18/,
  })
})

test('a name that is no method is refused with the nearest', t => {
  const { model } = trials.resnet
  t.throws(() => createAttributer(model, 'gradcam'), { message: /Did you mean 'grad-cam'\?/ })
  t.throws(() => createAttributer(model, 'gradient', { keepRow: true }), {
    message: /Did you mean 'keepRaw'\?/,
  })
  t.throws(() => createAttributer(model, ''), { instanceOf: InvalidArgumentError })
})
