import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import {
  type BatchMessage,
  type LoadMessage,
  loadModel,
  loadStatistics,
  type MapMessage,
  methods,
} from '../../lib/index.js'
import { run } from '../../lib/install/process.mjs'
import { root } from '../../scripts/setup/paths.mjs'

const image = join(root, 'demo', 'images', '01-teapot.jpg')

test('subscribers are told of loads, batches and maps', async t => {
  const told: { channel: string; message: unknown }[] = []
  const channels = ['load', 'batch', 'map'].map(event => `attribution-bottleneck:${event}`)
  const listen = (message: unknown, channel: string | symbol) =>
    told.push({ channel: String(channel), message })
  for (const channel of channels) subscribe(channel, listen)
  const stop = () => {
    for (const channel of channels) unsubscribe(channel, listen)
  }
  t.teardown(stop)

  await using model = await loadModel('demo')
  await using statistics = await loadStatistics('demo')
  t.true(statistics.description.layers.length > 0)
  await using gradient = methods.gradient(model)
  const results = await gradient.attribute([image, image, image])
  const of = <Message>(event: string) =>
    told.filter(({ channel }) => channel.endsWith(`:${event}`)).map(({ message }) => message as Message)

  const loads = of<LoadMessage>('load')
  t.like(loads.at(-2), { kind: 'model', name: 'demo' })
  t.like(loads.at(-1), { kind: 'statistics', name: 'demo' })
  t.true(loads.every(({ seconds }) => seconds > 0 && seconds < 100))
  const batches = of<BatchMessage>('batch')
  t.is(
    batches.reduce((sum, { images }) => sum + images, 0),
    3,
  )
  for (const message of batches) t.true(message.model === model && message.method === 'gradient')
  const maps = of<MapMessage>('map')
  t.is(maps.length, 3)
  for (const { attribution } of maps) t.true(results.includes(attribution), 'it is what the caller gets')

  stop()
  const before = told.length
  await gradient.attribute([image])
  t.is(told.length, before)
})

test('NODE_DEBUG has them on standard error, and without it there is nothing', async t => {
  const library = pathToFileURL(join(root, 'dist', 'lib', 'index.js')).href
  const program = `
    const { loadModel, methods } = await import('${library}')
    const gradient = methods.gradient(await loadModel('demo'))
    await gradient.attribute(['${image}'])`
  const output = async (NODE_DEBUG: string) =>
    (
      await run(process.execPath, ['--input-type=module', '-e', program], {
        env: { ...process.env, NODE_DEBUG },
      })
    ).output
  t.is(await output(''), '')
  const lines = await output('attribution-bottleneck')
  t.regex(lines, /^ATTRIBUTION-BOTTLENECK \d+: loaded addon .*\.so in \d+\.\d{3} s$/m)
  t.regex(lines, /: loaded model demo in \d+\.\d{3} s$/m)
  t.regex(lines, /: gradient of 1 image by resnet18 in \d+\.\d{3} s$/m)
  t.regex(lines, /: map of .*01-teapot\.jpg: 224×224 \S+, gradient by resnet18$/m)
})
