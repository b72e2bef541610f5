import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'
import type { Benchmark, Row } from './benchmark.js'
import { photograph, type Server, startServer } from './server-process.js'

/** Of the client that sends as many requests as it gets answers for, and of the one that floods. */
const keys = { modest: 'the-modest-client', flooding: 'the-flooding-client' }
const floodConnections = 100

/** So few that a flood takes all of them. */
const places = 16

export const floodBenchmark: Benchmark = {
  name: 'flood',
  title: `A client with one request or eight at a time, alone and beside one with ${floodConnections}, for which there are ${places} places`,
  async *run({ quick, precision }) {
    const image = await photograph()
    const seconds = quick ? 3 : 30
    const folder = await mkdtemp(join(tmpdir(), 'iba-flood-'))
    const keyFile = join(folder, 'keys')
    await writeFile(keyFile, Object.values(keys).join('\n'))
    const server = await startServer(precision, ['--places', String(places), '--api-key-file', keyFile])
    try {
      const send = (client: keyof typeof keys, connections: number) =>
        load(server, { key: keys[client], image, connections, seconds })
      for (const connections of [1, 8]) {
        const client = `${connections} at a time`
        yield rowOf(`${client}, alone`, await send('modest', connections))
        const [flood, beside] = await Promise.all([
          send('flooding', floodConnections),
          send('modest', connections),
        ])
        yield rowOf(`${client}, beside a flood`, beside)
        yield rowOf('the flood', flood)
      }
    } finally {
      await server.stop()
      await rm(folder, { recursive: true })
    }
  },
}

interface Client {
  key: string
  image: Buffer
  connections: number
  seconds: number
}

function load({ url }: Server, { key, image, connections, seconds }: Client): Promise<autocannon.Result> {
  return autocannon({
    url: `${url}/v1/attribute?method=grad-cam`,
    method: 'POST',
    headers: { 'x-api-key': key },
    body: image,
    connections,
    duration: seconds,
    timeout: 600,
  })
}

function rowOf(client: string, result: autocannon.Result): Row {
  const refused = (status: number) => result.statusCodeStats?.[`${status}`]?.count ?? 0
  return {
    client,
    'maps per second': result['2xx'] / result.duration,
    '429 a second': refused(429) / result.duration,
    '503 a second': refused(503) / result.duration,
    'failed otherwise': result.non2xx + result.errors - refused(429) - refused(503),
    'latency of answers, median (ms)': result.latency.p50,
    '99 % within (ms)': result.latency.p99,
  }
}
