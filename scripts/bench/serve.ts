import autocannon from 'autocannon'
import { createAttributer, loadModel, type Model } from '../../lib/index.js'
import type { Benchmark, Row } from './benchmark.js'
import { metrics, photograph, type Server, startServer } from './server-process.js'

const concurrencies = [1, 8, 32]
const batch = 8

/** A method with options under which a map takes well below a second, and what it needs. */
const methods = [
  { name: 'grad-cam', options: {}, resources: {} },
  { name: 'readout', options: {}, resources: { readout: 'demo' } },
  { name: 'per-sample', options: { steps: 10 }, resources: { statistics: 'demo' } },
] as const

export const serveBenchmark: Benchmark = {
  name: 'serve',
  title: `Maps per second of \`iba serve\` on the demo network, beside attributeAll in the same batch: ${batch} images, or as many as are sent at a time`,
  methods: methods.map(({ name }) => name),
  async *run({ quick, precision, methods: chosen }) {
    const image = await photograph()
    const seconds = quick ? 3 : 60
    await using model = await loadModel('demo', { device: 'cpu', precision })
    for (const method of methods.filter(({ name }) => chosen?.includes(name) ?? true)) {
      const single = await withoutServer(model, method, image, { batch: 1, seconds })
      const whole = await withoutServer(model, method, image, { batch, seconds })
      const server = await startServer(precision, ['--batch', String(batch)])
      try {
        for (const connections of concurrencies) {
          const alone = connections === 1 ? single : whole
          yield await rowOf(server, method, image, { connections, seconds, alone })
        }
      } finally {
        await server.stop()
      }
    }
  },
}

type Method = (typeof methods)[number]

/** What maps cost. */
interface Rate {
  perSecond: number
  /** Of the processor, for a map: it tells more than the clock where the machine has other work. */
  processorSeconds: number
}

/** A stream of one image, again and again. */
async function withoutServer(
  model: Model,
  { name, options, resources }: Method,
  image: Uint8Array,
  { batch, seconds }: { batch: number; seconds: number },
): Promise<Rate> {
  await using attributer = createAttributer(model, name, { ...options, ...resources, batch })
  await attributer.attribute(image)
  const started = performance.now()
  const before = process.cpuUsage()
  const passed = () => (performance.now() - started) / 1000
  const images = function* () {
    while (passed() < seconds) yield image
  }
  let maps = 0
  for await (const _ of attributer.attributeAll(images())) maps++
  const { user, system } = process.cpuUsage(before)
  return { perSecond: maps / passed(), processorSeconds: (user + system) / 1e6 / maps }
}

interface Load {
  connections: number
  seconds: number
  /** Without a server. */
  alone: Rate
}

async function rowOf(
  { url }: Server,
  { name, options }: Method,
  image: Buffer,
  { connections, seconds, alone }: Load,
): Promise<Row> {
  const query = new URLSearchParams({ method: name })
  for (const [option, value] of Object.entries(options)) query.set(option, String(value))
  const target = `${url}/v1/attribute?${query}`
  await fetch(target, { method: 'POST', body: new Uint8Array(image) })
  const before = await metrics(url)
  const ownBefore = process.cpuUsage()
  const result = await autocannon({
    url: target,
    method: 'POST',
    body: image,
    connections,
    amount: Math.max(2 * connections, Math.ceil(seconds * alone.perSecond)),
    timeout: 600,
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} requests were refused and ${result.errors} failed.`)
  const own = process.cpuUsage(ownBefore)
  const read = await metrics(url)
  const perSecond = result['2xx'] / result.duration
  const processorSeconds = (read('process_cpu_seconds') - before('process_cpu_seconds')) / result['2xx']
  return {
    method: name,
    'requests at a time': connections,
    'maps per second': perSecond,
    'of attributeAll': perSecond / alone.perSecond,
    'processor seconds a map': processorSeconds,
    'those of attributeAll': alone.processorSeconds,
    'those of the client': (own.user + own.system) / 1e6 / result['2xx'],
    'latency, median (ms)': result.latency.p50,
    '99 % within (ms)': result.latency.p99,
    'event loop, 99 % (ms)': 1000 * read('nodejs_eventloop_delay_seconds_p99'),
    'memory (MB)': read('process_resident_memory_bytes') / 1e6,
  }
}
