import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import test from 'ava'
import { ModelError } from '../../lib/foundation/errors.js'
import { loadModel, methods, type Tensor } from '../../lib/index.js'
import { fromNative } from '../../lib/native/call.js'
import { root } from '../../scripts/setup/paths.mjs'
import { noiseImage, smallModel, smallStatistics } from '../support/small-model.js'

// Jest, Vitest and node:vm run code in a realm with constructors of its own.
const realm = createContext({ URL, Blob, AbortController })
const image = join(root, 'demo', 'images', '01-teapot.jpg')

/** What code of the other realm makes of some values. */
function made<Value>(expression: string, values: object = {}): Value {
  return runInContext(`(${expression})`, Object.assign(realm, values)) as Value
}

test('targets of another realm are those of ours', async t => {
  await using model = await loadModel('demo')
  await using gradient = methods.gradient(model)
  const weights = Array.from({ length: model.classes }, (_, i) => Number(i === 3))
  const map = async (target: object) => {
    const [result] = await gradient.attribute([image], { targets: target as never })
    return result!.map.data
  }
  const expected = await map({ weights })
  for (const name of ['Float32Array', 'Float64Array', 'Array']) {
    const given = made<{ weights: Float32Array }>(`{ weights: ${name}.from(weights) }`, { weights })
    t.false(given.weights instanceof Float32Array || given instanceof Object)
    t.deepEqual(await map(given), expected, name)
  }
})

test('arrays of options of another realm are those of ours', async t => {
  await using model = await smallModel()
  await using statistics = await smallStatistics(model)
  const mask = Float32Array.from({ length: 64 * 64 }, (_, i) => (i % 7) / 7)
  const map = async (prior: Float32Array) => {
    await using method = methods['input-iba'](model, { statistics, prior, steps: 2, copies: 2 })
    const [result] = await method.attribute([noiseImage()], { targets: 3 })
    return result!.map.data
  }
  t.deepEqual(await map(made<Float32Array>('Float32Array.from(mask)', { mask })), await map(mask))
})

test('images and signals of another realm are taken', async t => {
  await using model = await loadModel('demo')
  const pixels = made<Uint8Array>('new Uint8Array(32 * 32 * 3).fill(90)')
  const prepared = made<Tensor>('{ data: new Float32Array(3 * 224 * 224), shape: [3, 224, 224] }')
  const given = [
    { data: pixels, width: 32, height: 32, channels: 3 as const },
    { pixels, width: 32, height: 32 },
    prepared as never,
  ]
  const { signal } = made<AbortController>('new AbortController()')
  await using method = methods.gradient(model)
  const results = await method.attribute(made<typeof given>('[...given]', { given }), { signal })
  t.is(results.length, 3)
})

test('errors that native code made in another realm get their class', t => {
  const error = made<Error>(`Object.assign(new Error('no such layer'), { code: 'MODEL' })`)
  t.false(error instanceof Error)
  const translated = fromNative(error)
  t.true(translated instanceof ModelError)
  t.is((translated as Error).message, 'no such layer')
})
