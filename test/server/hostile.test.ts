import { connect } from 'node:net'
import test from 'ava'
import { mutatedRequests } from '../../scripts/testing/mutated-requests.js'
import { exchange, statusOf } from '../../scripts/testing/wire.js'
import { get, picture, post, startServer } from '../support/server.js'
import { until } from '../support/until.js'

const count = 2000
const atOnce = 16

test('damaged requests are answered, and leave the server as it was', async t => {
  const server = await startServer({ limits: { receivingSeconds: 0.5, passes: 100 } })
  t.teardown(server.close)
  const image = await picture()
  const requests = mutatedRequests(image, 7)
  const statuses = new Map<number, number>()
  const failures: string[] = []
  const worker = async (amount: number) => {
    for (let i = 0; i < amount; i++) {
      const { kind, bytes } = requests.next().value
      const answer = await exchange(server.port, bytes)
      const status = answer === undefined ? -1 : statusOf(answer)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status < 0 || status === 500)
        failures.push(`${kind}: ${answer?.slice(0, 500)}\n${bytes.toString('latin1', 0, 400)}`)
    }
  }
  const rss: number[] = []
  for (let round = 0; round < 4; round++) {
    await Promise.all(Array.from({ length: atOnce }, () => worker(count / 4 / atOnce)))
    rss.push(process.memoryUsage.rss())
  }
  t.deepEqual(failures, [])
  t.log(
    [...statuses]
      .sort(([a], [b]) => a - b)
      .map(([status, times]) => `${status}: ${times}`)
      .join(', '),
  )
  t.true((statuses.get(200) ?? 0) > count / 20)
  t.true((statuses.get(400) ?? 0) > count / 20)
  const { json } = await get(`${server.url}/ready`)
  t.like(json.models[0], { waiting: 0, running: 0 })
  t.is((await post(`${server.url}/v1/attribute?steps=1`, image)).status, 200)
  t.true(rss[3]! < rss[1]! + 100e6, `${rss}`)
})

test('connections that send nothing, or one byte at a time, take no place from others', async t => {
  const server = await startServer({ limits: { receivingSeconds: 1 } })
  t.teardown(server.close)
  const image = await picture()
  let closed = 0
  const slow = Array.from({ length: 50 }, (_, i) => {
    const socket = connect(server.port, '127.0.0.1').resume()
    socket.on('error', () => {}).on('close', () => closed++)
    const head = 'POST /v1/attribute HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n'
    const text = i % 2 === 0 ? head : head.slice(0, -6)
    let at = 0
    const timer = setInterval(() => socket.write(text[at++] ?? 'x'), 10)
    socket.on('close', () => clearInterval(timer))
    return socket
  })
  t.is((await post(`${server.url}/v1/attribute?steps=1`, image)).status, 200)
  await until(() => closed === slow.length)
  t.is((await get(`${server.url}/ready`)).json.models[0].running, 0)
})

test('a reader that stops reading holds up no one else, and is cut off', async t => {
  const server = await startServer({ limits: { receivingSeconds: 1, seconds: 3 } })
  t.teardown(server.close)
  const line = JSON.stringify({ image: (await picture()).toString('base64'), method: 'gradient' })
  const body = `${line}\n`.repeat(400)
  const socket = connect(server.port, '127.0.0.1').pause()
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  socket.write(
    `POST /v1/attribute/batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  socket.write(body)
  await new Promise(resolve => setTimeout(resolve, 500))
  t.is((await post(`${server.url}/v1/attribute?steps=1&copies=1`, await picture())).status, 200)
  const connections = () =>
    new Promise<number>(resolve => server.app.server.getConnections((_, open) => resolve(open)))
  server.app.server.closeIdleConnections()
  await until(async () => (await connections()) === 0)
  t.like((await get(`${server.url}/ready`)).json.models[0], { waiting: 0, running: 0 })
})
