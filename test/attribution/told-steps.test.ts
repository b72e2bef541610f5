import test from 'ava'
import {
  type AttributeOptions,
  type Attribution,
  type AttributionStep,
  describeMethods,
  type Model,
  type PerSampleOptions,
  perSample,
  type Statistics,
  stepMaps,
} from '../../lib/index.js'
import { Attributers, type Trial, trial } from '../support/methods.js'
import { noiseImage, noiseImages, smallModel, smallStatistics } from '../support/small-model.js'

let model: Model
let statistics: Statistics
let tried: Trial
const attributers = new Attributers()
test.before(async () => {
  model = await smallModel()
  statistics = await smallStatistics(model)
  tried = await trial('resnet18', 64, 64)
})
test.after.always(async () => {
  await attributers.dispose()
  statistics?.dispose()
  model?.dispose()
  tried?.model.dispose()
})

const attributer = (options: Partial<PerSampleOptions> = {}) => perSample(model, { statistics, ...options })

/** A result with the steps that were told of each image. */
async function withSteps(
  explain: (options: AttributeOptions) => Promise<Attribution[]>,
  options: AttributeOptions = {},
): Promise<{ results: Attribution[]; told: AttributionStep[][] }> {
  const told: AttributionStep[][] = []
  const onStep = (step: AttributionStep) => {
    const steps = told[step.index] ?? []
    told[step.index] = steps
    steps.push(step)
  }
  return { results: await explain({ onStep, ...options }), told }
}

const withoutTime = ({ seconds: _, ...rest }: Attribution) => rest

const numbersOf = (steps: readonly AttributionStep[], name: string) =>
  steps.map(({ numbers }) => numbers[name])

const optimising = describeMethods().filter(({ options }) => options.some(({ name }) => name === 'keepSteps'))

for (const method of optimising) {
  test(`each step of ${method.name} is told as the result has it, and the result stays the same`, async t => {
    const images = noiseImages(2)
    await using iba = await attributers.make(tried, method, { keepSteps: true, rows: 2 })
    const plain = await iba.attribute(images)
    const { results, told } = await withSteps(options => iba.attribute(images, options), { stepMaps: true })
    t.deepEqual(results.map(withoutTime), plain.map(withoutTime))
    t.is(told.length, images.length)
    for (const [i, steps] of told.entries()) {
      const { series, map, target, className, score, probability, image, name } = results[i]!
      t.deepEqual(
        steps.map(({ step }) => step),
        steps.map((_, i) => i + 1),
      )
      for (const each of Object.keys(series)) t.deepEqual(numbersOf(steps, each), [...series[each]!], each)
      for (const step of steps) t.like(step, { target, className, score, probability, name, steps: 4 })
      t.deepEqual(steps[0]!.image, image)
      const kept = stepMaps(results[i]!)
      if (kept.length > 0)
        t.deepEqual(
          steps.map(({ map }) => map!.data),
          kept.map(({ data }) => data),
        )
      // Of several layers the steps are those of the first.
      if (method.name !== 'multi-layer') t.deepEqual(steps.at(-1)!.map, map)
    }
  })
}

test('the mask of InputIBA is told as it grows, and its bits where the map is in bits', async t => {
  const inputIba = optimising.find(({ name }) => name === 'input-iba')!
  for (const [map, unit] of [
    ['mask', 'relative'],
    ['bits', 'bits/pixel'],
  ] as const) {
    await using iba = await attributers.make(tried, inputIba, { map })
    const { results, told } = await withSteps(options => iba.attribute(noiseImage(), options), {
      stepMaps: true,
    })
    t.is(told[0]!.length, 4, 'not those of the hidden layer')
    t.true(told[0]!.every(step => step.map!.unit === unit))
    t.deepEqual(told[0]!.at(-1)!.map, results[0]!.map)
    t.notDeepEqual(told[0]![0]!.map, results[0]!.map)
  }
})

test('maps are told to those alone who ask for them, though the batch is one', async t => {
  const iba = attributer({ batch: 2, steps: 3 })
  const [first, second] = noiseImages(2)
  const [plain, drawn] = await Promise.all([
    withSteps(options => iba.attribute(first!, options)),
    withSteps(options => iba.attribute(second!, options), { stepMaps: true }),
  ])
  t.is(plain.results[0]!.seconds, drawn.results[0]!.seconds, 'one batch')
  t.deepEqual(
    plain.told[0]!.map(({ map }) => map),
    [undefined, undefined, undefined],
  )
  t.deepEqual(drawn.told[0]!.at(-1)!.map, drawn.results[0]!.map)
  t.deepEqual(numbersOf(drawn.told[0]!, 'loss'), [...drawn.results[0]!.series.loss!])
  t.notDeepEqual(numbersOf(plain.told[0]!, 'loss'), numbersOf(drawn.told[0]!, 'loss'))
})

test('an image that has come to rest is told no more', async t => {
  const iba = attributer({ solver: 'proximal', steps: 40, tolerance: 0.05, copies: 4, batch: 4, rows: 16 })
  const { results, told } = await withSteps(options => iba.attribute(noiseImages(4), options), {
    stepMaps: true,
  })
  t.true(new Set(results.map(({ steps }) => steps)).size > 1, 'they stop at different steps')
  for (const [i, { steps, map }] of results.entries()) {
    t.is(told[i]!.length, steps)
    t.deepEqual(told[i]!.at(-1)!.map, map)
  }
})

test.serial('an abort amid the steps stops within one of them', async t => {
  const iba = attributer({ steps: 100_000 })
  const controller = new AbortController()
  const reason = new Error('enough')
  const told: number[] = []
  const running = iba.attribute(noiseImage(), {
    signal: controller.signal,
    onStep: ({ step }) => {
      told.push(step)
      if (step === 3) controller.abort(reason)
    },
  })
  t.is(await t.throwsAsync(running), reason)
  t.deepEqual(told, [1, 2, 3])
  const after = performance.now()
  await attributer({ steps: 1 }).attribute(noiseImage())
  t.true(performance.now() - after < 2000, 'the thread is free again')
})

test('a callback that fails rejects its call, and no other', async t => {
  const iba = attributer({ batch: 3, steps: 3 })
  const wrong = new Error('of the callback')
  const [first, second, third] = noiseImages(3)
  const found = await Promise.allSettled([
    iba.attribute(first!, {
      onStep: () => {
        throw wrong
      },
    }),
    iba.attribute(second!, { onStep: () => Promise.reject(wrong) }),
    withSteps(options => iba.attribute(third!, options)),
  ])
  t.deepEqual(
    found.slice(0, 2).map(each => each.status === 'rejected' && each.reason),
    [wrong, wrong],
  )
  t.true(found[2]!.status === 'fulfilled' && found[2]!.value.told[0]!.length === 3)
})

test('the call waits for the promises of its callback', async t => {
  let answered = 0
  const onStep = async () => {
    await new Promise(resolve => setTimeout(resolve, 50))
    answered++
  }
  await attributer({ steps: 3 }).attribute(noiseImage(), { onStep })
  t.is(answered, 3)
})

test('methods without such steps tell nothing', async t => {
  for (const name of ['gradient', 'readout', 'smoothgrad']) {
    const method = describeMethods().find(each => each.name === name)!
    await using iba = await attributers.make(tried, method)
    const { told } = await withSteps(options => iba.attribute(noiseImage(), options), { stepMaps: true })
    t.deepEqual(told, [], name)
  }
})
