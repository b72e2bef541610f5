import { fileURLToPath } from 'node:url'
import test from 'ava'
import {
  type Attribution,
  type ExtremalPerturbationOptions,
  InvalidArgumentError,
  type Model,
  methods,
  type PreparedImage,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import { relativeError } from '../../scripts/bench/numbers.js'
import { noiseImage, noiseImages, smallModel } from '../support/small-model.js'

// Against the authors' TorchRay; test/support/make-perturbation-fixtures.py wrote the numbers.

const path = fileURLToPath(
  new URL('../../../test/fixtures/perturbation/expected.safetensors', import.meta.url),
)
const whole = noiseImage()
const image: PreparedImage = {
  data: whole.data.filter((_, i) => i % 64 < 32 && Math.floor((i % 4096) / 64) < 32),
  shape: [3, 32, 32],
}
const small = { areas: [0.1, 0.3], steps: 12, spacing: 4, sigma: 8, maximumSigma: 6, levels: 5 } as const
// On the processor that wrote them they are equal to 3e-7. On another one rounding ranks values that are nearly equal otherwise, which
// decides the first steps.
const decided = 0.1
let model: Model
let expected: Map<string, Float32Array>
test.before(async () => {
  model = await smallModel({ memoryFormat: 'contiguous' })
  const { tensors } = await addon().readWeightFile({ path })
  expected = new Map(tensors.map(({ name, data }) => [name, data]))
})
test.after.always(() => model?.dispose())

async function explain(options: ExtremalPerturbationOptions, images = [image]): Promise<Attribution[]> {
  await using attributer = methods['extremal-perturbation'](model, { ...small, keepRaw: true, ...options })
  return await attributer.attribute(images)
}

const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length

for (const [game, perturbation] of [
  ['preserve', 'blur'],
  ['preserve', 'fade'],
  ['delete', 'blur'],
  ['dual', 'blur'],
] as const) {
  test(`${game} with ${perturbation} is that of TorchRay`, async t => {
    const [found] = await explain({ game, perturbation })
    const name = `${game}.${perturbation}`
    const { tensors, series, map } = found!
    t.deepEqual(tensors.raw!.shape, [2, 32, 32])
    const errors = [
      relativeError(tensors.raw!.data, expected.get(name)!),
      relativeError(Float32Array.from(series.reward!), expected.get(`${name}.reward`)!),
      relativeError(Float32Array.from(series.areaPenalty!), expected.get(`${name}.penalty`)!),
    ]
    t.log(`relative L2 ${errors.map(error => error.toExponential(1)).join(', ')}`)
    t.true(Math.max(...errors) < decided, `${errors}`)
    const masks = tensors.raw!.data
    t.true(map.data.every((value, i) => Math.abs(value - (masks[i]! + masks[i + 1024]!) / 2) < 1e-6))
  })
}

test('masks lie from 0 to 1, and come to their areas', async t => {
  const areas = [0.05, 0.2, 0.5]
  // The field reaches beyond the image by a margin, over which the area is counted too.
  const [found] = await explain({ areas, steps: 100, areaWeight: 3000 })
  const { data } = found!.tensors.raw!
  t.true(data.every(value => value >= 0 && value <= 1 + 1e-6))
  const found3 = areas.map((_, i) => mean(data.subarray(i * 1024, (i + 1) * 1024) as Float32Array))
  t.log(found3.map(share => share.toFixed(3)).join(', '))
  t.true(found3[0]! < found3[1]! && found3[1]! < found3[2]!)
  const penalty = found!.series.areaPenalty!
  t.true(penalty.at(-1)! / 1.0035 ** 99 < penalty[0]! / 2)
})

test('what is preserved keeps more of the score than what is deleted', async t => {
  const rewards = async (game: 'preserve' | 'delete') => {
    const [found] = await explain({ game, areas: [0.3], steps: 60 })
    return found!.series.reward!
  }
  const [kept, lost] = [await rewards('preserve'), await rewards('delete')]
  // The reward of deleting is the negative score.
  t.true(kept.at(-1)! > -lost.at(-1)!)
})

test('an image has the same masks in a batch as alone, for any number of rows', async t => {
  const images = noiseImages(3)
  const few = { steps: 4, game: 'dual' } as const
  const together = await explain({ ...few, batch: 3, rows: 16 }, images)
  const [alone] = await explain({ ...few, batch: 1, rows: 1 }, [images[1]!])
  t.true(
    relativeError(together[1]!.tensors.raw!.data as Float32Array, alone!.tensors.raw!.data as Float32Array) <
      1e-4,
  )
})

test('settings that can not be are refused', async t => {
  await t.throwsAsync(explain({ spacing: 5, sigma: 8 }), {
    instanceOf: InvalidArgumentError,
    message: /sigma of at least twice the spacing/,
  })
  for (const areas of [[], [0], [1.5], [0.1, Number.NaN]])
    t.throws(() => methods['extremal-perturbation'](model, { areas }), {
      instanceOf: InvalidArgumentError,
      message: /areas/,
    })
})
