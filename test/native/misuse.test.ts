import test from 'ava'
import type { AttributionError } from '../../lib/foundation/errors.js'
import { type Addon, addon } from '../../lib/native/addon.js'
import { fromNative } from '../../lib/native/call.js'
import { type ChildResult, runModule } from '../support/child.js'

type Function = keyof Addon
const native = () => addon() as unknown as Record<string, (...args: unknown[]) => unknown>

// These take no argument.
const harmless: Function[] = [
  'describeRuntime',
  'probePrecisions',
  'errorCodes',
  'createCancellation',
  'architectures',
  'methods',
]
const refused = () => Object.keys(addon()).filter(name => !harmless.includes(name as Function))

/** Values of every kind, none of which is a first argument of anything; most are wrong everywhere. */
const garbage: [string, () => unknown][] = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['a number', () => 5],
  ['NaN', () => Number.NaN],
  ['infinity', () => -Infinity],
  ['a bigint', () => 5n],
  ['a symbol', () => Symbol('x')],
  ['a function', () => () => {}],
  ['an object', () => ({})],
  ['an object without prototype', () => Object.create(null)],
  ['an array', () => [[]]],
  ['an array of holes', () => new Array(1e6)],
  ['a typed array', () => new Float32Array(12)],
  ['bytes', () => new Uint8Array(0)],
  ['a date', () => new Date(0)],
  ['a proxy', () => new Proxy({}, {})],
  ['shared memory', () => new Float32Array(new SharedArrayBuffer(16))],
  ['a cancellation', () => addon().createCancellation()],
  ['true as text', () => 'true'],
]

/** What is as it should be. */
const valid = new Set(['dispose of a cancellation', 'cancel of a cancellation', 'randomMasks of a number'])

async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'no error'
  } catch (error) {
    return (fromNative(error) as AttributionError).code ?? String(error)
  }
}

const codes = ['INVALID_ARGUMENT', 'MODEL', 'WEIGHTS', 'IMAGE', 'STATISTICS']

test('every native function refuses to be called with nothing', async t => {
  t.true(refused().length > 20)
  for (const name of refused()) t.is(await codeOf(() => native()[name]!()), 'INVALID_ARGUMENT', name)
})

test('every native function refuses garbage of every kind with a typed error', async t => {
  for (const name of refused()) {
    for (const [kind, make] of garbage) {
      if (valid.has(`${name} of ${kind}`)) continue
      const value = make()
      // In place of the options, and of each of them.
      for (const given of [value, new Proxy({}, { get: () => value })]) {
        const code = await codeOf(() => native()[name]!(given))
        t.true(codes.includes(code), `${name} of ${kind}: ${code}`)
      }
    }
  }
})

test('a handle of one kind is not taken for another', async t => {
  const model = await addon().loadModel({ network: tiny, place })
  const statistics = addon().createStatistics({ model, layers: ['layer2'], preset: 'iba' })
  const handles: Record<string, unknown> = {
    model,
    statistics,
    cancellation: addon().createCancellation(),
  }
  const wants: Record<string, Function[]> = {
    model: ['describeModel', 'layerShapes', 'logits', 'predict', 'createStatistics'],
    statistics: ['updateStatistics', 'mergeStatistics', 'saveStatistics', 'describeStatistics'],
    cancellation: ['cancel'],
  }
  for (const [kind, names] of Object.entries(wants)) {
    for (const [given, handle] of Object.entries(handles)) {
      if (given === kind) continue
      for (const name of names) {
        t.is(
          await codeOf(() => native()[name]!({ [kind]: handle })),
          'INVALID_ARGUMENT',
          `${name} of ${given}`,
        )
      }
    }
  }
  addon().dispose(model)
  t.is(await codeOf(() => addon().describeModel({ model })), 'DISPOSED')
})

const tiny = {
  architecture: 'resnet18',
  weights: null,
  seed: 0,
  outputKind: 'classes' as const,
  classes: 10,
  width: 8,
  inputChannels: 3,
}
const place = { device: 'cpu', precision: 'float32', memoryFormat: 'channels-last' } as const
const settings = {
  resize: [8, 8] as [number, number],
  crop: [4, 4] as [number, number],
  cropFirst: false,
  squash: false,
  interpolation: 'bilinear' as const,
  channelOrder: 'rgb' as const,
  mean: [0.5],
  std: [0.2],
  mirror: false,
}

test('numbers out of range are refused where they come in', async t => {
  const a = addon()
  const model = await a.loadModel({ network: tiny, place })
  const picture = { data: new Uint8Array(300), shape: [10, 10, 3] }
  const prepare = (options: object) => a.preprocess({ picture, options: { ...settings, ...options } })
  const pictured = (length: number, shape: number[]) =>
    a.preprocess({ picture: { data: new Uint8Array(length), shape }, options: settings })
  const images = (length: number, shape: number[]) => ({
    model,
    images: { data: new Float32Array(length), shape },
  })
  const load = (network: object) => a.loadModel({ network: { ...tiny, ...network }, place })
  const calls: Record<string, () => unknown> = {
    'no pixels': () => pictured(0, [0, 0, 3]),
    'negative sides': () => pictured(3, [-1, -1, 3]),
    'a crop of nothing': () => prepare({ crop: 0 }),
    'a negative size': () => prepare({ resize: -8 }),
    'an enormous size': () => prepare({ resize: 2 ** 52 }),
    'too few pixels': () => pictured(300, [11, 10, 3]),
    'another number of means': () => prepare({ std: [1, 1, 1] }),
    'no images': () => a.predict(images(0, [0, 3, 64, 64])),
    'images of no height': () => a.logits(images(0, [1, 3, 0, 64])),
    'a negative shape': () => a.logits(images(12, [-1, 3, -2, 2])),
    'a shape that overflows': () => a.logits(images(0, [2 ** 31, 3, 2 ** 31, 2 ** 31])),
    'other channels': () => a.logits(images(16, [1, 1, 4, 4])),
    'layers of nothing': () => a.layerShapes({ model, height: 0, width: 64 }),
    'no classes': () => load({ classes: 0 }),
    'half a class': () => load({ classes: 1.5 }),
    'a negative width': () => load({ width: -8 }),
  }
  for (const [what, call] of Object.entries(calls)) t.is(await codeOf(call), 'INVALID_ARGUMENT', what)
})

const ending = ({ code, signal, stdout, stderr }: ChildResult) => ({ code, signal, stdout, stderr })

test('shutting down with a wrong argument shuts nothing down', async t => {
  const script = `
    try { addon().shutDown({ processEnds: 'yes' }) } catch (error) { console.log(error.code) }
    console.log((await smallModel()).architecture)`
  t.deepEqual(ending(await runModule(script)), {
    code: 0,
    signal: null,
    stdout: 'INVALID_ARGUMENT\nresnet18\n',
    stderr: '',
  })
})

test('work that comes after the shut-down is refused, not lost', async t => {
  const script = `
    const model = await smallModel()
    addon().shutDown({ processEnds: true })
    await model.predict(noiseImage()).catch(error => console.log(error.name))`
  t.deepEqual(ending(await runModule(script)), { code: 0, signal: null, stdout: 'AbortError\n', stderr: '' })
})
