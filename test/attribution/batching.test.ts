import test from 'ava'
import type { PreparedImage } from '../../lib/images/source.js'
import {
  type AttributeOptions,
  type AttributeProgress,
  type Attribution,
  describeMethods,
  ImageError,
  InvalidArgumentError,
  type Model,
  type PerSampleOptions,
  perSample,
  type Statistics,
} from '../../lib/index.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { Attributers, ofAttention, transformerTrial } from '../support/methods.js'
import { noiseImage, noiseImages, smallModel, smallStatistics } from '../support/small-model.js'

let model: Model
let statistics: Statistics
test.before(async () => {
  model = await smallModel()
  statistics = await smallStatistics(model)
})
test.after.always(() => {
  statistics?.dispose()
  model?.dispose()
})

const attributer = (options: Partial<PerSampleOptions> = {}) =>
  perSample(model, { statistics, steps: 5, beta: 0.1, batch: 8, ...options })

function sameMap(a: Attribution, b: Attribution): boolean {
  return a.target === b.target && relativeError(a.map.data, b.map.data) < 1e-4
}

async function oneByOne(images: readonly PreparedImage[], options: AttributeOptions = {}) {
  const results: Attribution[] = []
  for (const image of images) results.push(...(await attributer().attribute(image, options)))
  return results
}

test("an image's map is the same alone, in a batch of 5, and in another order", async t => {
  const images = noiseImages(5)
  const alone = await oneByOne(images, { targets: 3 })
  const together = await attributer().attribute(images, { targets: 3 })
  const reversed = (await attributer().attribute(images.toReversed(), { targets: 3 })).toReversed()
  for (const [i, result] of alone.entries()) {
    t.true(sameMap(together[i]!, result))
    t.true(sameMap(reversed[i]!, result))
  }
  t.false(sameMap(together[0]!, together[1]!))
})

test('with one row at a time a map is the same bits in any batch, by every method, and else within 1e-5', async t => {
  const attributers = new Attributers()
  t.teardown(() => attributers.dispose())
  const usual = { model, height: 64, width: 64 }
  const transformer = await transformerTrial()
  t.teardown(() => transformer.model.dispose())
  const images = noiseImages(3)
  for (const method of describeMethods()) {
    const tried = ofAttention.includes(method.name) ? transformer : usual
    for (const rows of [1, undefined]) {
      await using attributer = await attributers.make(tried, method, { batch: 3, ...(rows && { rows }) })
      const [first] = await attributer.attribute(images[0]!, { targets: 3 })
      const [second, , last] = await attributer.attribute([images[0]!, images[1]!, images[0]!], {
        targets: 3,
      })
      for (const { map } of [second!, last!]) {
        const apart = furthest(map.data, first!.map.data)
        t.true(apart <= (rows === 1 ? 0 : 1e-5), `${method.name}: ${apart}`)
      }
    }
  }
})

/** The greatest difference of two maps, as a share of the greatest value. */
function furthest(a: Float32Array, b: Float32Array): number {
  const greatest = (values: Float32Array) =>
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return greatest(a.map((value, i) => value - b[i]!)) / Math.max(greatest(b), Number.MIN_VALUE)
}

test('the same seed gives the same bits, another seed another map', async t => {
  const images = noiseImages(3)
  const [first, again] = [await attributer().attribute(images), await attributer().attribute(images)]
  t.deepEqual(
    first.map(({ map }) => map.data),
    again.map(({ map }) => map.data),
  )
  const other = await attributer().attribute(images, { seed: 1 })
  for (const [i, result] of other.entries()) t.false(sameMap(result, first[i]!))
})

test('an image can have a target and a seed of its own', async t => {
  const image = noiseImage()
  const own = await attributer().attribute([{ image, target: 2, seed: 7 }, { image, seed: 7 }, image], {
    targets: [1, 1, 1],
  })
  t.deepEqual(
    own.map(({ target }) => target),
    [2, 1, 1],
  )
  const [expected] = await attributer().attribute(image, { targets: 1, seed: 7 })
  t.true(sameMap(own[1]!, expected!))
  t.false(sameMap(own[2]!, expected!))
})

test('null in the list of targets means the predicted class', async t => {
  const image = noiseImage()
  const [given, predicted] = await attributer().attribute([image, image], { targets: [0, null] })
  t.is(given!.target, 0)
  t.is(predicted!.target, (await model.predict(image))[0]!.target)
})

test('64 calls at once all give what they give alone', async t => {
  const images = noiseImages(64)
  const iba = attributer({ steps: 2, copies: 2 })
  const together = await Promise.all(images.map(image => iba.attribute(image)))
  for (const i of [0, 1, 7, 8, 31, 63]) {
    const [alone] = await iba.attribute(images[i]!)
    t.true(sameMap(together[i]![0]!, alone!))
  }
})

test('images of different sizes go in one call', async t => {
  const images = [64, 62, 64, 63, 62].map((height, i) => noiseImage({ height, name: `size ${i}` }))
  const together = await attributer().attribute(images)
  const alone = await oneByOne(images)
  for (const [i, result] of together.entries()) {
    t.is(result.map.height, images[i]!.shape[1])
    t.true(sameMap(result, alone[i]!))
  }
})

test('a stream keeps its order', async t => {
  const images = noiseImages(11)
  const indices: number[] = []
  for await (const { index } of attributer({ batch: 4, steps: 1 }).attributeAll(images)) indices.push(index)
  t.deepEqual(
    indices,
    images.map((_, i) => i),
  )
})

test('an image goes to the device as soon as that is idle, and what arrives meanwhile together', async t => {
  const image = noiseImage()
  const iba = attributer({ batch: 4, steps: 2, copies: 1 })
  let taken = 0
  // It gives an image only once it has the result of the one before: a batch that waits for more would never run.
  async function* live() {
    for (let i = 0; i < 3; i++) {
      while (taken < i) await new Promise(resolve => setTimeout(resolve, 5))
      yield image
    }
  }
  for await (const { index } of iba.attributeAll(live())) t.is(index, taken++)
  t.is(taken, 3)

  // A batch of four tells of its steps for each of its images: one batch after the other shows by the order.
  const told: number[] = []
  const onProgress = ({ index, step }: AttributeProgress) => void (step === 1 && told.push(index))
  const seconds = new Set<number>()
  for await (const result of iba.attributeAll(Array(8).fill(image), { onProgress }))
    seconds.add(result.seconds)
  t.deepEqual(told, [0, 1, 2, 3, 4, 5, 6, 7])
  t.is(seconds.size, 2, 'two batches')
})

test('a stream is read only as fast as its results are taken', async t => {
  const image = noiseImage()
  let given = 0
  async function* source() {
    for (; given < 60; given++) yield image
  }
  let taken = 0
  let furthest = 0
  for await (const _ of attributer({ batch: 3, steps: 1, copies: 1 }).attributeAll(source())) {
    furthest = Math.max(furthest, given - taken)
    taken++
  }
  t.is(taken, 60)
  t.true(furthest <= 2 * 3 + 1, `${furthest} read ahead`)
})

test('who takes no more results does not wait for those under way', async t => {
  const slow = attributer({ batch: 1, steps: 100_000 })
  let ended = false
  async function* source() {
    try {
      yield { image: noiseImage(), target: 99 }
      for (;;) yield noiseImage()
    } finally {
      ended = true
    }
  }
  // The first fails at once; the next would take minutes.
  await t.throwsAsync(slow.attributeAll(source()).next(), { instanceOf: InvalidArgumentError })
  t.true(ended, 'the source is closed')

  const mixed = attributer({ batch: 1, steps: 300 })
  const started = performance.now()
  for await (const { seconds } of mixed.attributeAll(Array(50).fill(noiseImage()))) {
    t.true(seconds > 0)
    break
  }
  const whole = performance.now() - started
  const [{ seconds }] = (await mixed.attribute(noiseImage())) as [Attribution]
  t.true(whole < 1000 * seconds * 8 + 500, `${whole} ms where one takes ${seconds} s`)
})

test('progress tells each step of each image, in order', async t => {
  const seen = new Map<number, number[]>()
  const onProgress = ({ index, name, step, steps }: AttributeProgress) => {
    t.is(steps, 5)
    t.is(name, `image ${index}`)
    seen.set(index, [...(seen.get(index) ?? []), step])
  }
  await attributer({ batch: 2 }).attribute(noiseImages(3), { onProgress })
  t.deepEqual([...seen.keys()].sort(), [0, 1, 2])
  for (const steps of seen.values()) t.deepEqual(steps, [1, 2, 3, 4, 5])
})

test('a callback that throws rejects its call, and no other', async t => {
  const iba = attributer({ steps: 3 })
  const wrong = new Error('of the callback')
  const throwing = () => {
    throw wrong
  }
  const good = noiseImage()
  const broken = '/nowhere.png'
  const [progress, error, fine] = await Promise.allSettled([
    iba.attribute(good, { onProgress: throwing }),
    iba.attribute([good, broken], { onError: throwing }),
    iba.attribute(good),
  ])
  t.is(progress!.status === 'rejected' && progress.reason, wrong)
  t.is(error!.status === 'rejected' && error.reason, wrong)
  t.is(fine!.status, 'fulfilled')
  t.is((await iba.attribute(good)).length, 1, 'the queue goes on')
})

test('a callback whose promise rejects rejects its call, and no other', async t => {
  const iba = attributer({ steps: 3 })
  const wrong = new Error('of the promise')
  const late = async () => {
    await new Promise(resolve => setImmediate(resolve))
    throw wrong
  }
  const good = noiseImage()
  const [progress, error, fine] = await Promise.allSettled([
    iba.attribute(good, { onProgress: late }),
    iba.attribute([good, '/nowhere.png'], { onError: late }),
    iba.attribute(good),
  ])
  t.is(progress!.status === 'rejected' && progress.reason, wrong)
  t.is(error!.status === 'rejected' && error.reason, wrong)
  t.is(fine!.status, 'fulfilled')
})

test('the call waits for the promises of its callback', async t => {
  let answered = 0
  const onProgress = async () => {
    await new Promise(resolve => setTimeout(resolve, 50))
    answered++
  }
  await attributer({ steps: 3 }).attribute(noiseImage(), { onProgress })
  t.is(answered, 3)
})

test('an image that cannot be read fails the call, or is left out with onError', async t => {
  const images = [noiseImage(), '/nowhere.png', noiseImage({ name: 'other' })]
  await t.throwsAsync(attributer().attribute(images), { instanceOf: ImageError, message: /nowhere/ })
  const failed: [string, number, string][] = []
  const onError = (error: Error, { index, name }: { index: number; name: string }) =>
    void failed.push([error.name, index, name])
  const results = await attributer().attribute(images, { onError })
  t.deepEqual(
    results.map(({ index }) => index),
    [0, 2],
  )
  t.deepEqual(failed, [['ImageError', 1, '/nowhere.png']])
})

test('an image with values that are not finite fails', async t => {
  const image = noiseImage()
  image.data[5] = Number.NaN
  await t.throwsAsync(attributer().attribute(image), { instanceOf: ImageError, message: /finite/ })
})

test('the caller may reuse its buffer at once', async t => {
  const image = noiseImage()
  const [expected] = await attributer().attribute(noiseImage())
  const running = attributer().attribute(image)
  await new Promise(resolve => setImmediate(resolve))
  image.data.fill(0)
  t.true(sameMap((await running)[0]!, expected!))
})

test('wrong targets are refused, also where errors of images are skipped', async t => {
  const images = noiseImages(2)
  const wrong: [unknown, RegExp][] = [
    [10, /target/],
    [-1, /target/],
    [1.5, /target/],
    [true, /targets/],
    [null, /targets/],
    [[0], /2 targets|targets/],
    [[0, 1, 2], /targets/],
    [[0, 10], /target/],
    [[0, [1]], /target/],
    [{ 0: 1 }, /target/],
  ]
  for (const [targets, message] of wrong) {
    for (const onError of [undefined, () => {}]) {
      const options = { targets, ...(onError ? { onError } : {}) } as AttributeOptions
      const expected = { instanceOf: InvalidArgumentError, message }
      await t.throwsAsync(attributer().attribute(images, options), expected, JSON.stringify(targets))
    }
  }
})

test('a stream that outlives its list of targets is refused', async t => {
  const results: number[] = []
  const run = async () => {
    const stream = attributer({ steps: 1 }).attributeAll(noiseImages(3), { targets: [0, 1] })
    for await (const { index } of stream) results.push(index)
  }
  await t.throwsAsync(run, { instanceOf: InvalidArgumentError, message: /targets/ })
  t.deepEqual(results, [0, 1])
})

test('wrong options are named', async t => {
  const wrong: [object, RegExp][] = [
    [{ target: 1 }, /'target'/],
    [{ seed: -1 }, /seed/],
    [{ seed: 0.5 }, /seed/],
    [{ signal: 'x' }, /signal/],
    [{ onProgress: 3 }, /onProgress/],
    [{ onError: 'log' }, /onError/],
    [{ onStep: 3 }, /onStep/],
    [{ stepMaps: 'all' }, /stepMaps/],
  ]
  for (const [options, message] of wrong) {
    const running = attributer().attribute(noiseImage(), options as AttributeOptions)
    await t.throwsAsync(running, { instanceOf: InvalidArgumentError, message })
  }
  const wrongSettings: [object, RegExp][] = [
    [{ betas: 1 }, /'betas'/],
    [{ beta: -1 }, /beta/],
    [{ beta: Number.NaN }, /beta/],
    [{ steps: 0 }, /steps/],
    [{ copies: 2.5 }, /copies/],
    [{ sigma: Infinity }, /sigma/],
    [{ preset: 'IBA' }, /preset/],
    [{ keepSteps: 1 }, /keepSteps/],
    [{ batch: 0 }, /batch/],
    [{ statistics: {} }, /statistics/],
    [{ statistics: undefined }, /statistics/],
  ]
  for (const [options, message] of wrongSettings) {
    t.throws(
      () => attributer(options),
      { instanceOf: InvalidArgumentError, message },
      JSON.stringify(options),
    )
  }
})
