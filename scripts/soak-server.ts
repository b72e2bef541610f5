// Sends damaged requests, requests whose clients go away, and slow clients to `iba serve`'s server, and watches its memory:
// `node --expose-gc dist/scripts/soak-server.js [requests] [seed]`. Fails where one is not answered or makes the server fail, where the server has
// work left behind the last, or where the objects of JavaScript still grow by more than a tenth after the first half, or memory by more than
// a quarter: native allocators keep some.

import { type AddressInfo, connect, type Socket } from 'node:net'
import sharp from 'sharp'
import { estimate, loadModel } from '../lib/index.js'
import { createServer } from '../lib/server/index.js'
import { mutatedRequests } from './testing/mutated-requests.js'
import { exchange, statusOf } from './testing/wire.js'

const atOnce = 16
const rounds = 10
const tolerated = { objects: 1.1, memory: 1.25 }

const [requests = 20_000, seed = 1] = process.argv.slice(2).map(Number)
const preprocessing = { resize: 64, crop: 64 }
await using model = await loadModel('resnet18', {
  weights: 'seeded:0',
  width: 8,
  classes: 10,
  device: 'cpu',
  preprocessing,
})
const image = await sharp({ create: { width: 72, height: 64, channels: 3, background: '#a06020' } })
  .png()
  .toBuffer()
await using statistics = await estimate(model, { images: [image, image], onWarning: () => {} })
const app = await createServer({
  models: [{ name: 'small', model, statistics }],
  limits: { receivingSeconds: 0.5, passes: 1000 },
})
await app.listen({ host: '127.0.0.1', port: 0 })
const { port } = app.addresses()[0] as AddressInfo
const generator = mutatedRequests(image, seed)
const statuses = new Map<number, number>()
let failures = 0

async function damaged(): Promise<void> {
  const { kind, bytes } = generator.next().value
  const answer = await exchange(port, bytes)
  const status = answer === undefined ? -1 : statusOf(answer)
  statuses.set(status, (statuses.get(status) ?? 0) + 1)
  if (status >= 0 && status !== 500) return
  failures++
  console.error(`${kind}: ${answer?.slice(0, 500) ?? 'no answer'}\n${bytes.toString('latin1', 0, 500)}`)
}

/** A client that goes away while its image is explained, or while it still sends it; until then it reads nothing. */
function leaving({ path, part, after }: { path: string; part: number; after: number }): Promise<void> {
  const head = `POST ${path}?steps=90 HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${image.length}\r\n\r\n`
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.pause()
      socket.write(head)
      socket.write(image.subarray(0, Math.floor(part * image.length)))
      setTimeout(() => socket.destroy(), after)
    })
    socket.on('error', () => {}).on('close', () => resolve())
  })
}

/** A client that sends a byte of its image now and then. Such a one is told that it is too slow. */
function dripping(): Promise<void> {
  const head = `POST /v1/attribute HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${image.length}\r\n\r\n`
  return slow(head, '408', socket => {
    let at = 0
    const timer = setInterval(() => socket.write(image.subarray(at, ++at)), 20)
    socket.on('close', () => clearInterval(timer))
  })
}

/** A client that takes its time over every piece of the answer. It has all of it in the end. */
function sipping(): Promise<void> {
  const head = `POST /v1/attribute/stream?steps=10&include=stepMaps HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: ${image.length}\r\n\r\n`
  return slow(head, 'event: result', socket => {
    socket.write(image)
    socket.on('data', () => {
      socket.pause()
      setTimeout(() => socket.resume(), 20)
    })
  })
}

/** Counts it as a failure where what is expected isn't in the answer. */
function slow(head: string, expected: string, act: (socket: Socket) => void): Promise<void> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head)
      act(socket)
    })
    let answer = ''
    socket.setEncoding('latin1').on('data', piece => {
      answer += piece
      if (expected === '408' && answer.includes('\r\n\r\n')) socket.end()
    })
    const timer = setTimeout(() => socket.destroy(), 60_000)
    socket
      .on('error', () => {})
      .on('close', () => {
        clearTimeout(timer)
        if (!answer.includes(expected)) {
          failures++
          console.error(`slow client: ${answer.slice(-500)}`)
        }
        resolve()
      })
  })
}

/** While a map is made, while the image is sent, and amid the events, of which none were read. */
const departures = [
  { path: '/v1/attribute', part: 1, after: 20 },
  { path: '/v1/attribute', part: 0.5, after: 20 },
  { path: '/v1/attribute/stream', part: 1, after: 200 },
]

const memory: number[] = []
const objects: number[] = []
for (let round = 0; round < rounds; round++) {
  const worker = async () => {
    for (let i = 0; i < requests / rounds / atOnce; i++) {
      await damaged()
      if (i % 20 === 0) await leaving(departures[(i / 20) % departures.length]!)
      if (i % 100 === 10) await dripping()
      if (i % 100 === 60) await sipping()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  ;(globalThis as { gc?: () => void }).gc?.()
  memory.push(process.memoryUsage.rss())
  objects.push(process.memoryUsage().heapUsed)
  const { heapUsed, external } = process.memoryUsage()
  const megabytes = [memory.at(-1)!, heapUsed, external].map(bytes => (bytes / 1e6).toFixed(0))
  console.log(
    `${round + 1}/${rounds}: ${megabytes[0]} MB, objects ${megabytes[1]} MB, buffers ${megabytes[2]} MB`,
  )
}
const { models } = (await app.inject({ url: '/ready', headers: { host: 'localhost' } })).json()
const left = models[0].waiting + models[0].running
const [grown, grownObjects] = [memory, objects].map(sizes => sizes.at(-1)! / sizes[rounds / 2 - 1]!) as [
  number,
  number,
]
console.log(
  [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, times]) => `${status}: ${times}`)
    .join(', '),
)
console.log(
  `${failures} failed, ${left} left, memory ${grown.toFixed(2)} and objects ${grownObjects.toFixed(2)} times those of the first half`,
)
await app.close()
process.exitCode =
  failures > 0 || left > 0 || grown > tolerated.memory || grownObjects > tolerated.objects ? 1 : 0
