import test from 'ava'
import {
  type Attribution,
  type Model,
  type PerSampleOptions,
  perSample,
  type Statistics,
  stepMaps,
} from '../../lib/index.js'
import { relativeError } from '../support/family.js'
import { noiseImages, smallModel, smallStatistics } from '../support/small-model.js'

const images = noiseImages(4)
const steps = 40

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

async function explain(
  options: Partial<PerSampleOptions>,
  explained = images,
  onProgress?: (step: number, steps: number) => void,
): Promise<Attribution[]> {
  await using iba = perSample(model, { statistics, solver: 'proximal', steps, ...options })
  return await iba.attribute(explained, {
    ...(onProgress && { onProgress: ({ step, steps }) => onProgress(step, steps) }),
  })
}

/** After how many steps the average of these losses has fallen too little in five steps. */
function expectedSteps(losses: readonly number[], tolerance: number): number {
  const averages: number[] = []
  for (const [i, loss] of losses.entries()) {
    const share = Math.max((i + 1) ** -0.7, 0.1)
    averages.push(i === 0 ? loss : (1 - share) * averages[i - 1]! + share * loss)
    const before = averages[i - 5]
    if (before !== undefined && before - averages[i]! <= tolerance * Math.abs(before)) return i + 1
  }
  return losses.length
}

test('an image stops when its averaged loss no longer falls, with the map of that step', async t => {
  const full = await explain({ tolerance: 0, keepSteps: true })
  for (const tolerance of [0.02, 0.1]) {
    const found = await explain({ tolerance, keepSteps: true })
    for (const [i, { steps: taken, map, series }] of found.entries()) {
      const wanted = Math.min(steps, expectedSteps(full[i]!.series.loss!, tolerance))
      t.is(taken, wanted)
      t.is(series.loss!.length, taken)
      t.deepEqual(series.loss, full[i]!.series.loss!.slice(0, taken))
      t.deepEqual(map.data, stepMaps(full[i]!)[taken - 1]!.data)
      t.is(stepMaps(found[i]!).length, taken)
    }
  }
  t.true((await explain({ tolerance: 0.1 })).some(({ steps: taken }) => taken < steps))
})

test('images of a batch stop by themselves, and keep their maps while others go on', async t => {
  const options = { tolerance: 0.05, copies: 4 }
  const together = await explain({ ...options, batch: 4, rows: 16 })
  t.true(new Set(together.map(({ steps: taken }) => taken)).size > 1, 'they stop at different steps')
  for (const [i, image] of images.entries()) {
    const [alone] = await explain({ ...options, batch: 1 }, [image])
    t.is(together[i]!.steps, alone!.steps)
    t.is(together[i]!.series.loss!.length, alone!.series.loss!.length)
    t.true(relativeError(together[i]!.map.data, alone!.map.data) < 1e-4)
  }
})

test('progress comes to its end where steps were spared', async t => {
  const seen: (readonly [number, number])[] = []
  const [found] = await explain({ tolerance: 1, batch: 1 }, images.slice(0, 1), (...step) => seen.push(step))
  t.deepEqual(seen.at(-1), [steps, steps])
  t.true(found!.steps < steps)
})

test('Adam takes all steps', async t => {
  const [adam] = await explain({ solver: 'adam', tolerance: 1, steps: 7 }, images.slice(0, 1))
  t.is(adam!.steps, 7)
})

test('the loss of the found mask is estimated with copies of its own', async t => {
  for (const solver of ['adam', 'proximal'] as const) {
    const options = { solver, steps: 5, beta: 10 }
    const [plain] = await explain(options, images.slice(0, 1))
    const [many] = await explain({ ...options, lossCopies: 2000 }, images.slice(0, 1))
    const [some] = await explain({ ...options, lossCopies: 45, keepCapacity: true }, images.slice(0, 1))
    t.deepEqual(some!.map.data, plain!.map.data, 'the map stays')
    t.deepEqual(plain!.checks, {})
    const { loss, crossEntropy, information } = some!.checks as Record<string, number>
    t.true(Math.abs(loss! - crossEntropy! - 10 * information!) < 1e-9)
    const { data } = some!.tensors.capacity!
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length
    t.true(Math.abs(information! / mean - 1) < 1e-5, 'it is the information of the map')
    t.not(many!.checks.crossEntropy, crossEntropy)
    t.true(Math.abs(many!.checks.crossEntropy! / crossEntropy! - 1) < 0.2)
  }
})
