// Repeats requests of all kinds, small ones and ones that must fail, and watches the memory of the process:
// `node --expose-gc dist/scripts/soak.js [requests]`. Fails if memory still grows by more than a tenth after the warm-up, or if
// a request ends otherwise than it should.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import {
  AttributionError,
  createAttributer,
  estimate,
  loadModel,
  loadStatistics,
  type Model,
  type PreparedImage,
  perSample,
  type Statistics,
} from '../lib/index.js'

const reportEvery = 50
const tolerated = 1.1
const small = { width: 16, classes: 10, device: 'cpu' } as const
const methods = ['saliency', 'gradient-x-input', 'guided-backprop', 'grad-cam', 'lrp'] as const

function noise(seed: number, height = 64): PreparedImage {
  // A linear congruential generator: the images only have to differ.
  let state = seed + 1
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }
  return { data: Float32Array.from({ length: 3 * height * 64 }, next), shape: [3, height, 64] }
}

/** What requests share: a service has its model loaded. */
class Service {
  private constructor(
    readonly model: Model,
    readonly statistics: Statistics,
    readonly folder: string,
  ) {}

  static async start(): Promise<Service> {
    const preprocessing = { resize: 64, crop: 64 }
    const model = await loadModel('resnet18', { ...small, weights: 'seeded:0', preprocessing })
    const statistics = await estimate(model, {
      images: [1, 2, 3].map(seed => noise(seed)),
      onWarning: () => {},
    })
    return new Service(model, statistics, await mkdtemp(join(tmpdir(), 'iba-soak-')))
  }

  async stop(): Promise<void> {
    this.statistics.dispose()
    this.model.dispose()
    await rm(this.folder, { recursive: true })
  }
}

type Request = (service: Service, round: number) => Promise<void>

async function mapOfNewModel(_: Service, round: number): Promise<void> {
  await using model = await loadModel('resnet18', { ...small, weights: `seeded:${round % 3}` })
  await using statistics = await estimate(model, {
    images: [1, 2, 3].map(seed => noise(seed)),
    onWarning: () => {},
  })
  const iba = perSample(model, { statistics, steps: 3, copies: 4, keepCapacity: true, keepSteps: true })
  await iba.attribute([noise(round), noise(round + 1)])
  iba.dispose()
}

async function bits({ model, statistics }: Service, round: number): Promise<void> {
  await using iba = perSample(model, { statistics, steps: 2, copies: 2 })
  await iba.attribute(noise(round))
}

async function mapOfAnotherMethod({ model }: Service, round: number): Promise<void> {
  await using attributer = createAttributer(model, methods[round % methods.length]!)
  const height = 32 * (1 + (round % 3))
  await attributer.attribute([noise(round, height), noise(round + 1, height)], { targets: round % 10 })
}

async function mapOfPicture({ model }: Service, round: number): Promise<void> {
  const raw = { width: 80, height: 70, channels: 3 } as const
  const pixels = Buffer.alloc(raw.width * raw.height * raw.channels, round)
  const encoded = sharp(pixels, { raw })
  const picture = await (round % 2 ? encoded.png() : encoded.jpeg()).toBuffer()
  await using attributer = createAttributer(model, 'saliency')
  await attributer.attribute(picture)
}

async function classes({ model }: Service, round: number): Promise<void> {
  await model.predict(noise(round))
  await model.layers()
}

async function statisticsThroughFile({ statistics, folder }: Service): Promise<void> {
  const path = join(folder, 'statistics.safetensors')
  await statistics.save(path)
  await using _loaded = await loadStatistics(path)
}

async function brokenPicture({ model }: Service, round: number): Promise<void> {
  await using attributer = createAttributer(model, 'saliency')
  await mustFail(attributer.attribute(Buffer.alloc(100 + (round % 50), round)))
}

async function wrongShape({ model }: Service): Promise<void> {
  await using attributer = createAttributer(model, 'saliency')
  await mustFail(attributer.attribute({ data: new Float32Array(4 * 64 * 64), shape: [4, 64, 64] }))
}

async function brokenFile({ folder }: Service, round: number): Promise<void> {
  const path = join(folder, ['model.pt', 'model.pt2', 'weights.safetensors'][round % 3]!)
  await writeFile(path, Buffer.alloc(2000, round))
  await mustFail(round % 3 < 2 ? loadModel(path) : loadModel('resnet18', { weights: path }))
}

async function aborted({ model, statistics }: Service, round: number): Promise<void> {
  await using iba = perSample(model, { statistics, steps: 1000, copies: 2 })
  await mustFail(iba.attribute(noise(round), { signal: AbortSignal.timeout(round % 20) }))
}

async function mustFail(request: Promise<unknown>): Promise<void> {
  const outcome = await request.then(
    () => undefined,
    (error: unknown) => error,
  )
  const expected =
    outcome instanceof AttributionError || (outcome instanceof Error && outcome.name === 'TimeoutError')
  if (!expected) throw new Error('a request that must fail did not, or not as it should', { cause: outcome })
}

const requests: readonly Request[] = [
  mapOfNewModel,
  bits,
  mapOfAnotherMethod,
  mapOfPicture,
  classes,
  statisticsThroughFile,
  brokenPicture,
  wrongShape,
  brokenFile,
  aborted,
]

/** Makes that many requests and gives the memory after the warm-up, a third of them, and at the end, in MiB. */
export async function soak(
  count: number,
  report: (made: number, mebibytes: number) => void = () => {},
): Promise<{ warm: number; end: number }> {
  const service = await Service.start()
  const warmUp = Math.ceil(count / 3)
  let warm = 0
  for (let made = 1; made <= count; made++) {
    const round = Math.floor(made / requests.length)
    await requests[made % requests.length]!(service, round)
    if (made === warmUp) warm = residentMebibytes()
    if (made % reportEvery === 0) report(made, residentMebibytes())
  }
  await service.stop()
  return { warm, end: residentMebibytes() }
}

export function hasGrown({ warm, end }: { warm: number; end: number }): boolean {
  return end > warm * tolerated
}

// What V8 has not collected yet is no leak: with --expose-gc it doesn't count.
function residentMebibytes(): number {
  globalThis.gc?.()
  return process.memoryUsage.rss() / 2 ** 20
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const count = Number(process.argv[2] ?? 3000)
  const result = await soak(count, (made, mebibytes) => console.log(`${made}: ${mebibytes.toFixed(0)} MiB`))
  console.log(`after the warm-up ${result.warm.toFixed(0)} MiB, at the end ${result.end.toFixed(0)} MiB`)
  if (hasGrown(result)) {
    console.error('memory grows')
    process.exitCode = 1
  }
}
