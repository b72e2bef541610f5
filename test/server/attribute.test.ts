import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import sharp from 'sharp'
import { type Attribution, perSample, readNpy, stepMaps } from '../../lib/index.js'
import { makeFolder } from '../support/command.js'
import {
  decoded,
  eventsOf,
  get,
  picture,
  post,
  postJson,
  startServer,
  type TestServer,
} from '../support/server.js'
import { until } from '../support/until.js'

// One after another: they share a server, and with what else is in its batch a map may differ by rounding.

let server: TestServer
let image: Buffer

test.before(async () => {
  server = await startServer({ limits: { passes: 100_000 } })
  image = await picture()
})
test.after.always(() => server?.close())

/** So many steps that they don't end while a test looks. */
const endless = 'steps=4000&copies=25'

async function running(): Promise<number> {
  return (await get(`${server.url}/ready`)).json.models[0].running
}

async function expected(options: object, seed = 0): Promise<Attribution> {
  await using attributer = perSample(server.model, { statistics: server.statistics, ...options })
  const [result] = await attributer.attribute(image, { seed })
  return result!
}

test.serial('the bytes of an image are answered with the map that the library gives', async t => {
  const { status, json } = await post(`${server.url}/v1/attribute?steps=3&copies=2&seed=5`, image)
  t.is(status, 200)
  const { map, target, score, probability, series } = await expected({ steps: 3, copies: 2 }, 5)
  t.deepEqual([json.model, json.method, json.unit], ['small', 'per-sample', 'bits/pixel'])
  t.deepEqual([json.map.height, json.map.width], [64, 64])
  t.deepEqual(decoded(json.map.data), map.data)
  t.deepEqual([json.target, json.score, json.probability], [target, score, probability])
  t.is(
    json.bits,
    map.data.reduce((sum, value) => sum + value, 0),
  )
  t.deepEqual(
    json.steps.map(({ loss }: { loss: number }) => loss),
    series.loss,
  )
})

test.serial('a form, and JSON, ask for the same as a query', async t => {
  const query = await post(`${server.url}/v1/attribute?steps=2&copies=2&target=4&beta=5&include=map`, image)
  const settings = { target: 4, options: { steps: 2, copies: 2, beta: 5 } }
  const form = new FormData()
  form.set('image', new Blob([new Uint8Array(image)]), 'a.png')
  form.set('settings', JSON.stringify(settings))
  const asForm = await post(`${server.url}/v1/attribute`, form)
  const asJson = await postJson(`${server.url}/v1/attribute`, {
    ...settings,
    image: image.toString('base64'),
  })
  t.is(query.json.target, 4)
  for (const { status, json } of [asForm, asJson]) {
    t.is(status, 200)
    t.deepEqual(json.map, query.json.map)
  }
})

test.serial('the form of an answer follows from Accept', async t => {
  const { folder, remove } = await makeFolder()
  t.teardown(remove)
  const url = `${server.url}/v1/attribute?steps=2&copies=2`
  const { map } = await expected({ steps: 2, copies: 2 })
  const png = await fetch(url, {
    method: 'POST',
    body: new Uint8Array(image),
    headers: { accept: 'image/png' },
  })
  t.is(png.headers.get('content-type'), 'image/png')
  t.is(png.headers.get('iba-method'), 'per-sample')
  t.regex(png.headers.get('iba-bits')!, /^\d+\.\d+$/)
  t.is((await sharp(Buffer.from(await png.arrayBuffer())).metadata()).format, 'png')
  const npy = await fetch(url, {
    method: 'POST',
    body: new Uint8Array(image),
    headers: { accept: 'text/html;q=0.1, application/x-npy' },
  })
  const path = join(folder, 'map.npy')
  await writeFile(path, Buffer.from(await npy.arrayBuffer()))
  t.deepEqual(await readNpy(path), { data: map.data, shape: [64, 64] })
  await rm(path)
  const other = await post(url, image, { headers: { accept: 'image/webp' } })
  t.is(other.status, 406)
  t.is(other.json.error.code, 'NOT_ACCEPTABLE')
})

test.serial('an answer has what it is asked to include', async t => {
  const url = `${server.url}/v1/attribute?steps=2&copies=2&include=`
  const none = await post(url, image)
  t.false('map' in none.json || 'overlay' in none.json || 'tensors' in none.json)
  const all = await post(`${url}map,overlay,image,stepMaps,capacity`, image)
  const seen = await sharp(Buffer.from(all.json.image, 'base64')).metadata()
  t.deepEqual([seen.width, seen.height], [64, 64])
  t.is((await sharp(Buffer.from(all.json.overlay, 'base64')).metadata()).format, 'png')
  t.deepEqual(all.json.tensors.stepMaps.shape, [2, 64, 64])
  t.deepEqual(decoded(all.json.tensors.stepMaps.data).slice(4096), decoded(all.json.map.data))
  t.is(all.json.tensors.capacity.shape.length, 3)
})

test.serial('steps are told as events, then the result', async t => {
  const url = `${server.url}/v1/attribute/stream?steps=3&copies=2`
  const response = await fetch(url, { method: 'POST', body: new Uint8Array(image) })
  t.is(response.headers.get('content-type'), 'text/event-stream')
  const events = eventsOf(await response.text())
  const names = events.map(({ event }) => event)
  t.deepEqual(
    names.filter(name => name !== 'progress'),
    ['start', 'step', 'step', 'step', 'result'],
  )
  const result = await expected({ steps: 3, copies: 2, keepSteps: true })
  const start = events.find(({ event }) => event === 'start')!.data
  t.like(start, { model: 'small', method: 'per-sample', target: result.target, steps: 3, unit: 'bits/pixel' })
  t.false('image' in start)
  const steps = events.filter(({ event }) => event === 'step').map(({ data }) => data)
  t.deepEqual(
    steps.map(({ step, loss }) => [step, loss]),
    [...result.series.loss!].map((loss, i) => [i + 1, loss]),
  )
  for (const [i, map] of stepMaps(result).entries())
    t.deepEqual(decoded((steps[i]!.map as { data: string }).data), map.data)
  t.is(steps[2]!.bits, events.at(-1)!.data.bits)
  t.deepEqual(decoded((events.at(-1)!.data.map as { data: string }).data), result.map.data)
})

test.serial('steps are told while the work goes on, and end with it when the client goes', async t => {
  const url = `${server.url}/v1/attribute/stream?${endless}&include=image`
  const response = await fetch(url, { method: 'POST', body: new Uint8Array(image) })
  let text = ''
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece
    if (text.split('event: step').length > 3) break
  }
  t.false(text.includes('event: result'))
  const [start] = eventsOf(text).filter(({ event }) => event === 'start')
  const seen = await sharp(Buffer.from(String(start!.data.image), 'base64')).metadata()
  t.deepEqual([seen.width, seen.height], [64, 64])
  const left = performance.now()
  await until(async () => (await running()) === 0)
  t.true(performance.now() - left < 10_000)
})

test.serial(
  'numbers of a method that has no such steps are told at its end, and maps of too many never',
  async t => {
    const without = await fetch(`${server.url}/v1/attribute/stream?method=gradient`, {
      method: 'POST',
      body: new Uint8Array(image),
    })
    t.deepEqual(
      eventsOf(await without.text())
        .map(({ event }) => event)
        .filter(name => name !== 'progress'),
      ['result'],
    )
    const small = await startServer({ limits: { keptValues: 64 * 64 * 2 } })
    t.teardown(small.close)
    const many = await fetch(`${small.url}/v1/attribute/stream?steps=3&copies=1`, {
      method: 'POST',
      body: new Uint8Array(image),
    })
    const steps = eventsOf(await many.text()).filter(({ event }) => event === 'step')
    t.is(steps.length, 3)
    t.true(steps.every(({ data }) => typeof data.loss === 'number' && !('map' in data) && !('bits' in data)))
  },
)

test.serial('what fails later than at the settings is an event too', async t => {
  const response = await fetch(`${server.url}/v1/attribute`, {
    method: 'POST',
    body: 'no image',
    headers: { accept: 'text/event-stream' },
  })
  t.is(response.status, 200)
  const [failure] = eventsOf(await response.text())
  t.is(failure!.event, 'error')
  t.is(failure!.data.code, 'IMAGE')
  const refused = await post(`${server.url}/v1/attribute/stream?steps=0`, image)
  t.is(refused.status, 400)
})

test.serial('lines of a batch are answered in their order, and a wrong one fails alone', async t => {
  const images = await Promise.all([0, 1, 2].map(picture))
  const lines = [
    JSON.stringify({ id: 'a', image: images[0]!.toString('base64') }),
    '{"id":"b","image":"AAAA"}',
    '',
    'no JSON',
    JSON.stringify({
      id: { n: 3 },
      image: images[2]!.toString('base64'),
      options: { steps: 1 },
      include: [],
    }),
  ]
  const response = await fetch(`${server.url}/v1/attribute/batch?steps=2&copies=2`, {
    method: 'POST',
    body: lines.join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  })
  t.is(response.status, 200)
  const answers = (await response.text())
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.deepEqual(
    answers.map(({ index, id }) => [index, id]),
    [
      [0, 'a'],
      [1, 'b'],
      [2, undefined],
      [3, { n: 3 }],
    ],
  )
  const single = await post(`${server.url}/v1/attribute?steps=2&copies=2`, images[0])
  t.deepEqual(answers[0].map, single.json.map)
  t.is(answers[1].error.code, 'IMAGE')
  t.regex(answers[2].error.message, /JSON/)
  t.is(answers[3].steps.length, 1)
  t.false('map' in answers[3])
})

test.serial(
  'requests that wait together are explained together, and have the maps of single ones',
  async t => {
    const url = `${server.url}/v1/attribute?method=gradient`
    const images = await Promise.all([0, 1, 2, 3, 4, 5].map(picture))
    const alone: string[] = []
    for (const each of images) alone.push((await post(url, each)).json.map.data)
    const before = await batchCounts()
    // Nothing is explained until all of them are there.
    const busy = new AbortController()
    const other = post(`${server.url}/v1/attribute?${endless}`, image, { signal: busy.signal }).catch(
      () => {},
    )
    await until(async () => (await running()) === 1)
    const sent = images.map(each => post(url, each))
    await until(async () => (await running()) === 1 + images.length)
    busy.abort()
    await other
    const together = await Promise.all(sent)
    const after = await batchCounts()
    t.true(after.batches - before.batches < images.length)
    t.is(after.images - before.images, images.length)
    for (const [i, { json }] of together.entries()) {
      const [found, single] = [decoded(json.map.data), decoded(alone[i]!)]
      const scale = Math.max(...single.map(Math.abs))
      t.true(found.every((value, j) => Math.abs(value - single[j]!) <= 1e-4 * scale))
    }
  },
)

async function batchCounts(): Promise<{ batches: number; images: number }> {
  const text = (await get(`${server.url}/metrics`)).json as string
  const value = (name: string) =>
    Number(new RegExp(`^${name}\\{model="small",method="gradient"\\} (\\S+)$`, 'm').exec(text)![1])
  return { batches: value('iba_batch_images_count'), images: value('iba_batch_images_sum') }
}

test.serial('a prediction lists the most probable classes', async t => {
  const { status, json } = await post(`${server.url}/v1/predict?top=3`, image)
  t.is(status, 200)
  const [prediction] = await server.model.predict(image)
  t.is(json.classes.length, 3)
  t.is(json.classes[0].class, prediction!.target)
  t.true(Math.abs(json.classes[0].probability - prediction!.probability) < 1e-6)
  const all = await post(`${server.url}/v1/predict?top=1000`, image)
  const sum = all.json.classes.reduce(
    (total: number, each: { probability: number }) => total + each.probability,
    0,
  )
  t.true(Math.abs(sum - 1) < 1e-9)
})

test.serial('what there is can be listed, and its OpenAPI document names every option', async t => {
  const { json: models } = await get(`${server.url}/v1/models`)
  t.like(models.models[0], {
    name: 'small',
    architecture: 'resnet18',
    classes: 10,
    height: 64,
    defaultMethod: 'per-sample',
  })
  t.true(models.models[0].methods.includes('grad-cam'))
  t.false(models.models[0].methods.includes('readout'))
  const { json: methods } = await get(`${server.url}/v1/methods`)
  const { json: document } = await get(`${server.url}/openapi.json`)
  t.is(document.openapi, '3.1.0')
  for (const { name, options } of methods.methods) {
    const names = options.map((option: { name: string }) => option.name)
    t.false(names.includes('rows') || names.includes('batch'))
    t.deepEqual(Object.keys(document.components.schemas[`Options.${name}`].properties), names)
  }
  const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)]
  t.true(references.length > 40)
  for (const [, name] of references) t.true(name! in document.components.schemas, name)
  for (const path of Object.keys(document.paths)) {
    const verb = 'get' in document.paths[path] ? 'GET' : 'POST'
    t.true(server.app.hasRoute({ url: path, method: verb }), path)
  }
  const page = await fetch(`${server.url}/docs`)
  const html = await page.text()
  t.true(html.includes('/v1/attribute/batch') && html.includes('initialAlpha'))
  t.notRegex(html, /(src|href)="?https?:|<script/)
})
