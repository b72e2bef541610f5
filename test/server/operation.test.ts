import { setTimeout as pause } from 'node:timers/promises'
import test from 'ava'
import Fastify from 'fastify'
import { InvalidArgumentError } from '../../lib/index.js'
import { attributionServer, createServer } from '../../lib/server/index.js'
import { get, picture, post, startServer } from '../support/server.js'
import { smallModel, smallStatistics } from '../support/small-model.js'
import { until } from '../support/until.js'

const key = '0123456789abcdef0123456789abcdef'

// One after another: they share the thread that explains.

/** So much work that none of it ends by itself, and seconds within which it ends where it is told to. */
const endless = { query: 'steps=100000&copies=10', limits: { passes: 1e6 }, endedWithin: 20 }

test.serial('a server is alive at once, and ready once it has explained an image', async t => {
  const server = await startServer({ warmUp: true })
  t.teardown(server.close)
  t.is((await get(`${server.url}/health`)).status, 200)
  await until(async () => (await get(`${server.url}/ready`)).status === 200)
  const { json } = await get(`${server.url}/ready`)
  t.deepEqual(json.models, [{ name: 'small', ready: true, waiting: 0, running: 0 }])
})

test.serial('a model that cannot explain an image is never ready, and says why', async t => {
  const model = await smallModel({ preprocessing: { resize: 8, crop: 8 } })
  t.teardown(() => model.dispose())
  const statistics = await smallStatistics(model)
  const app = await createServer({ models: [{ name: 'small', model, statistics }] })
  t.teardown(() => app.close())
  await app.ready()
  await until(async () => 'problem' in (await app.inject('/ready')).json().models[0])
  const answer = await app.inject('/ready')
  t.is(answer.statusCode, 503)
  t.regex(answer.json().models[0].problem, /\w+/)
})

test.serial('metrics count requests, batches, stages and rows', async t => {
  const server = await startServer()
  t.teardown(server.close)
  const image = await picture()
  await post(`${server.url}/v1/attribute?steps=3&copies=2`, image)
  await post(`${server.url}/v1/attribute?steps=0`, image)
  const { json: text, headers } = await get(`${server.url}/metrics`)
  t.regex(headers.get('content-type')!, /^text\/plain; version=0\.0\.4/)
  const value = (name: string) =>
    Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1])
  t.is(value('iba_requests_total{route="/v1/attribute",status="200"}'), 1)
  t.is(value('iba_requests_total{route="/v1/attribute",status="400"}'), 1)
  t.is(value('iba_rows_total{model="small",method="per-sample"}'), 6)
  t.is(value('iba_batch_images_count{model="small",method="per-sample"}'), 1)
  t.is(value('iba_stage_seconds_count{model="small",method="per-sample",stage="decoding"}'), 1)
  t.is(value('iba_queue_waiting{model="small"}'), 0)
  t.is(value('iba_queue_places{model="small"}'), 64)
  t.true(value('process_resident_memory_bytes') > 1e7)
  for (const line of (text as string).trim().split('\n'))
    t.regex(line, /^(# (HELP|TYPE) [a-z_0-9]+ .+|[a-z_0-9]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+)$/)
})

test.serial('timers of an idle server are hardly late', async t => {
  const server = await startServer()
  t.teardown(server.close)
  await until(async () => {
    await get(`${server.url}/metrics`)
    await pause(300)
    const { json: text } = await get(`${server.url}/metrics`)
    return Number(/^nodejs_eventloop_delay_seconds_p50 (\S+)$/m.exec(text)?.[1]) < 0.008
  })
  t.pass()
})

test.serial('where there are keys, each request needs one, but the probes', async t => {
  const server = await startServer({ apiKeys: [key, `${key}2`] })
  t.teardown(server.close)
  const models = `${server.url}/v1/models`
  t.is((await get(models)).status, 401)
  t.is((await get(models, { 'x-api-key': `${key}3` })).json.error.code, 'UNAUTHORIZED')
  t.is((await get(models, { authorization: `Bearer ${key}` })).status, 200)
  t.is((await get(models, { 'x-api-key': `${key}2` })).status, 200)
  t.is((await get(`${server.url}/metrics`)).status, 401)
  t.is((await get(`${server.url}/v1/none`)).status, 401)
  t.is((await get(`${server.url}/health`)).status, 200)
  t.not((await get(`${server.url}/ready`)).status, 401)
  const open = await startServer({ apiKeys: [key], openMetrics: true })
  t.teardown(open.close)
  t.is((await get(`${open.url}/metrics`)).status, 200)
  t.is((await get(`${open.url}/v1/models`)).status, 401)
  const error = await t.throwsAsync(startServer({ apiKeys: ['short'] }), { instanceOf: InvalidArgumentError })
  t.notRegex(error!.message, /short/)
})

test.serial('a request keeps the id that it comes with', async t => {
  const server = await startServer()
  t.teardown(server.close)
  const given = await get(`${server.url}/v1/none`, { 'x-request-id': 'abc-1' })
  t.is(given.headers.get('x-request-id'), 'abc-1')
  t.is(given.json.error.request, 'abc-1')
  const odd = await get(`${server.url}/v1/none`, { 'x-request-id': 'a b"c' })
  t.regex(odd.headers.get('x-request-id')!, /^[0-9a-f-]{36}$/)
})

test.serial('the log tells of each map and of each failure, under the id of the request', async t => {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const server = await startServer({ logger: { stream }, limits: endless.limits })
  t.teardown(server.close)
  const send = (id: string, body: Uint8Array | string, path = 'attribute?method=gradient') =>
    post(`${server.url}/v1/${path}`, body, { headers: { 'x-request-id': id } })
  await send('one', await picture())
  await send('two', 'no image')
  await send('three', 'no image', 'attribute/stream')
  await post(`${server.url}/v1/attribute/batch`, '{}', {
    headers: { 'x-request-id': 'four', 'content-type': 'application/x-ndjson' },
  })
  const of = (id: string) => lines.filter(({ reqId }) => reqId === id)
  t.like(
    of('one').find(({ msg }) => msg === 'explained an image'),
    { model: 'small', method: 'gradient' },
  )
  for (const id of ['two', 'three'])
    t.true(
      of(id).some(({ code }) => code === 'IMAGE'),
      id,
    )
  t.true(of('four').some(({ code }) => code === 'INVALID_ARGUMENT'))
  t.true(lines.every(({ level }) => level === 30))
  const left = fetch(`${server.url}/v1/attribute/stream?${endless.query}`, {
    method: 'POST',
    body: new Uint8Array(await picture()),
    headers: { 'x-request-id': 'five' },
  })
  await (await left).body!.cancel()
  await until(async () => of('five').some(({ msg }) => msg === 'The client closed the connection.'))
  t.true(lines.every(({ level }) => level === 30))
})

test.serial('a server that stops finishes what runs, and refuses what waits and comes', async t => {
  const server = await startServer({ limits: { seconds: 600, graceSeconds: 600 } })
  const image = await picture()
  const url = `${server.url}/v1/attribute?steps=150&copies=10`
  const sent = Array.from({ length: 6 }, (_, seed) => post(`${url}&seed=${seed}`, image))
  await until(async () => {
    const { running, waiting } = (await get(`${server.url}/ready`)).json.models[0]
    return running === 2 && waiting === 4
  })
  const closed = server.close()
  const statuses = (await Promise.all(sent)).map(({ status }) => status).sort()
  t.deepEqual(statuses, [200, 200, 503, 503, 503, 503])
  await closed
  await t.throwsAsync(fetch(url))
})

test.serial('what runs past the grace is ended', async t => {
  const server = await startServer({ limits: { graceSeconds: 0.1, ...endless.limits } })
  const sent = post(`${server.url}/v1/attribute?${endless.query}`, await picture())
  await until(async () => (await get(`${server.url}/ready`)).json.models[0].running === 1)
  const started = performance.now()
  await server.close()
  t.is((await sent).json.error.code, 'STOPPING')
  t.true(performance.now() - started < endless.endedWithin * 1000)
})

test.serial('what runs finishes, though hooks of the application have less time', async t => {
  const model = await smallModel({ preprocessing: { resize: 64, crop: 64 } })
  t.teardown(() => model.dispose())
  const statistics = await smallStatistics(model)
  t.teardown(() => statistics.dispose())
  const app = Fastify({ pluginTimeout: 4000 })
  const { limits } = endless
  await app.register(attributionServer, { models: [{ model, statistics }], limits, warmUp: false })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const sent = post(`${url}/v1/attribute?${endless.query}&timeout=8`, await picture())
  await until(async () => (await get(`${url}/ready`)).json.models[0].running === 1)
  await app.close()
  t.is((await sent).json.error.code, 'DEADLINE')
})

test.serial('a client that goes away ends its work, and one that floods leaves places to others', async t => {
  const server = await startServer({ limits: { places: 3, ...endless.limits } })
  t.teardown(server.close)
  const image = await picture()
  const url = `${server.url}/v1/attribute?${endless.query}`
  const controllers = Array.from({ length: 5 }, () => new AbortController())
  const flood = controllers.map(({ signal }) => post(url, image, { signal }).catch(error => error))
  const state = async () => (await get(`${server.url}/ready`)).json.models[0]
  await until(async () => (await state()).waiting === 3)
  const full = await post(url, image)
  t.is(full.status, 503)
  t.is(full.json.error.code, 'OVERLOADED')
  t.true(Number(full.headers.get('retry-after')) >= 1)
  for (const controller of controllers) controller.abort()
  await Promise.all(flood)
  const started = performance.now()
  await until(async () => {
    const { running, waiting } = await state()
    return running + waiting === 0
  })
  t.true(performance.now() - started < endless.endedWithin * 1000)
  t.is((await post(`${server.url}/v1/attribute?steps=1&copies=1`, image)).status, 200)
})

test.serial('clients of other keys keep their places', async t => {
  const server = await startServer({
    apiKeys: [key, `${key}2`],
    limits: { places: 2, ...endless.limits },
  })
  t.teardown(server.close)
  const image = await picture()
  const flooding = new AbortController()
  const flood = Array.from({ length: 4 }, () =>
    post(`${server.url}/v1/attribute?${endless.query}`, image, {
      headers: { 'x-api-key': key },
      signal: flooding.signal,
    }),
  )
  const state = async () => (await get(`${server.url}/ready`)).json.models[0]
  await until(async () => (await state()).waiting === 2)
  const other = post(`${server.url}/v1/attribute?steps=1&copies=1`, image, {
    headers: { 'x-api-key': `${key}2` },
  })
  const refused = await Promise.race(flood)
  t.deepEqual([refused.status, refused.json.error.code], [429, 'TOO_MANY_REQUESTS'])
  t.like(await state(), { running: 2, waiting: 2 })
  const ends = Promise.allSettled(flood)
  flooding.abort()
  t.is((await other).status, 200)
  t.is((await ends).filter(({ status }) => status === 'rejected').length, 3)
})

test.serial('the routes can be a part of an application', async t => {
  const model = await smallModel({ preprocessing: { resize: 64, crop: 64 } })
  t.teardown(() => model.dispose())
  const app = Fastify()
  t.teardown(() => app.close())
  app.get('/own', () => ({ own: true }))
  app.post('/own', request => ({ body: request.body }))
  await app.register(attributionServer, { prefix: '/explain', models: [{ model }], warmUp: false })
  const image = await picture()
  const answer = await app.inject({
    method: 'POST',
    url: '/explain/v1/attribute?method=gradient',
    payload: image,
  })
  t.is(answer.statusCode, 200)
  t.is(answer.json().unit, 'relative')
  t.is((await app.inject('/explain/openapi.json')).json().servers[0].url, '/explain')
  t.deepEqual((await app.inject('/own')).json(), { own: true })
  const json = await app.inject({ method: 'POST', url: '/own', payload: { a: 1 } })
  t.deepEqual(json.json(), { body: { a: 1 } })
  t.is(
    (
      await app.inject({
        method: 'POST',
        url: '/own',
        payload: image,
        headers: { 'content-type': 'image/png' },
      })
    ).statusCode,
    415,
  )
})

test.serial('options are checked', async t => {
  const model = await smallModel()
  t.teardown(() => model.dispose())
  const refused = async (options: object, message: RegExp) =>
    await t.throwsAsync(createServer({ models: [{ model }], ...options }), {
      instanceOf: InvalidArgumentError,
      message,
    })
  await refused({ models: [] }, /at least one/)
  await refused({ models: [{ model }, { model }] }, /Two models are called 'resnet18'/)
  await refused({ limits: { place: 3 } }, /Unknown option 'place' in limits\. Did you mean 'places'\?/)
  await refused({ limits: { seconds: 0 } }, /limits\.seconds/)
  await refused({ imageOrigins: ['https://example.org/images'] }, /an origin such as/)
  await refused({ models: [{ model, statistics: 3 }] }, /a Statistics, or the path of a file,/)
})
