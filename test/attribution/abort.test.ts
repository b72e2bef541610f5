import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { estimate, type Model, type PerSampleOptions, perSample, type Statistics } from '../../lib/index.js'
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

// Some minutes of work, were it not for the abort.
const endless = { steps: 100_000, batch: 2 }
const attributer = (options: Partial<PerSampleOptions>) => perSample(model, { statistics, ...options })

const pause = (milliseconds: number) => new Promise(resolve => setTimeout(resolve, milliseconds))

test.serial('a signal that is aborted already rejects with its reason', async t => {
  const reason = new Error('too late')
  const running = attributer({}).attribute(noiseImage(), { signal: AbortSignal.abort(reason) })
  t.is(await t.throwsAsync(running), reason)
  const plain = attributer({}).attribute(noiseImage(), { signal: AbortSignal.abort() })
  await t.throwsAsync(plain, { any: true, name: 'AbortError' })
})

test.serial('an abort stops running work soon, with the reason', async t => {
  const iba = attributer(endless)
  const controller = new AbortController()
  let steps = 0
  const running = iba.attribute(noiseImages(6), { signal: controller.signal, onProgress: () => void steps++ })
  while (steps < 4) await pause(5)
  const aborted = performance.now()
  controller.abort()
  await t.throwsAsync(running, { any: true, name: 'AbortError' })
  t.true(performance.now() - aborted < 500)
  const after = performance.now()
  await attributer({ steps: 1 }).attribute(noiseImage())
  t.true(performance.now() - after < 2000, 'the thread is free again')
})

test.serial('a reason of any kind is what the call rejects with', async t => {
  for (const reason of ['a word', 42, { own: true }, new Error('own')]) {
    const controller = new AbortController()
    const running = attributer(endless).attribute(noiseImage(), { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 20)
    t.is(await t.throwsAsync(running, { any: true }), reason as Error)
  }
})

test.serial('a time-out is a TimeoutError', async t => {
  const running = attributer(endless).attribute(noiseImage(), { signal: AbortSignal.timeout(30) })
  await t.throwsAsync(running, { any: true, name: 'TimeoutError' })
})

test.serial('an aborted call leaves others in its batch alone', async t => {
  const iba = attributer({ steps: 400, copies: 2, batch: 4 })
  const controllers = [0, 1, 2].map(() => new AbortController())
  let begun = 0
  const calls = controllers.map(({ signal }, i) =>
    iba.attribute(noiseImage(), { signal, targets: i, onProgress: () => void begun++ }),
  )
  const settled = Promise.allSettled(calls)
  while (begun < 3) await pause(1)
  controllers[1]!.abort()
  const [first, second, third] = await settled
  t.deepEqual([first!.status, second!.status, third!.status], ['fulfilled', 'rejected', 'fulfilled'])
  t.is(first?.status === 'fulfilled' && first.value[0]!.series.loss!.length, 400)
})

test.serial('an abort of what waits in the queue does not stop what runs', async t => {
  const iba = attributer({ steps: 400, copies: 2, batch: 1 })
  let begun = 0
  const running = iba.attribute(noiseImage(), { onProgress: () => void begun++ })
  while (begun < 2) await pause(1)
  const controller = new AbortController()
  const waiting = iba.attribute(noiseImage(), { signal: controller.signal })
  await pause(5)
  controller.abort()
  await t.throwsAsync(waiting, { any: true, name: 'AbortError' })
  t.is((await running)[0]!.series.loss!.length, 400)
})

test.serial('an abort ends a stream and closes its source', async t => {
  const controller = new AbortController()
  let closed = false
  async function* source() {
    try {
      for (;;) yield noiseImage()
    } finally {
      closed = true
    }
  }
  let taken = 0
  const run = async () => {
    const iba = attributer({ steps: 1, batch: 2 })
    for await (const _ of iba.attributeAll(source(), { signal: controller.signal })) {
      if (++taken === 5) controller.abort()
    }
  }
  await t.throwsAsync(run, { any: true, name: 'AbortError' })
  t.true(closed)
  t.true(taken < 12)
})

test.serial('an abort ends a call at once while its source waits', async t => {
  const controller = new AbortController()
  let closed = false
  const silent = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => {}),
      return: async () => {
        closed = true
        return { done: true as const, value: undefined }
      },
    }),
  }
  const waiting = attributer({}).attributeAll(silent, { signal: controller.signal }).next()
  await pause(20)
  controller.abort()
  await t.throwsAsync(waiting, { any: true, name: 'AbortError' })
  t.true(closed)
})

test.serial('an abort ends a call at once while its image is a pipe that nobody writes', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'pipes-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const paths = Array.from({ length: 6 }, (_, i) => join(folder, `${i}.png`))
  spawnSync('mkfifo', paths)
  const controller = new AbortController()
  const { signal } = controller
  const calls = Promise.allSettled([
    attributer({}).attribute(paths, { signal }),
    estimate(model, { images: paths, signal, onError: () => t.fail() }),
  ])
  await pause(50)
  t.is((await attributer({ steps: 1 }).attribute(noiseImage())).length, 1, 'others go on meanwhile')
  controller.abort()
  for (const call of await calls) t.is(call.status === 'rejected' && call.reason.name, 'AbortError')
})

test.serial('onError is not asked about an abort', async t => {
  const controller = new AbortController()
  const onError = () => t.fail()
  const running = attributer(endless).attribute(noiseImages(3), { signal: controller.signal, onError })
  setTimeout(() => controller.abort(), 20)
  await t.throwsAsync(running, { any: true, name: 'AbortError' })
})

test.serial('many images and calls under one signal raise no warning of a leak', async t => {
  const warnings: string[] = []
  const onWarning = ({ name }: Error) => void warnings.push(name)
  process.on('warning', onWarning)
  const { signal } = new AbortController()
  const iba = attributer({ steps: 1, copies: 1, batch: 16 })
  await iba.attribute(noiseImages(40), { signal })
  await Promise.all(noiseImages(40).map(image => iba.attribute(image, { signal })))
  await pause(10)
  process.off('warning', onWarning)
  t.deepEqual(warnings, [])
})
