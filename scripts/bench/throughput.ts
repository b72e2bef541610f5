import { existsSync } from 'node:fs'
import {
  type Attributer,
  demo,
  loadModel,
  loadStatistics,
  type Model,
  type PreparedImage,
  perSample,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import type { NumberType } from '../../lib/native/model-calls.js'
import type { Benchmark } from './benchmark.js'
import { noiseImages, noiseStatistics, seededModel } from './workload.js'

const batches = [1, 4, 16]

export const throughputBenchmark: Benchmark = {
  name: 'throughput',
  title: 'Images per second of a small network, by batch',
  async *run({ quick, precision }) {
    const name = hasDemo() ? 'demo' : demo.architecture
    await using model = await smallNetwork(precision)
    await using statistics = hasDemo() ? await loadStatistics('demo') : await noiseStatistics(model)
    const images = noiseImages(quick ? 16 : 32, 'throughput')
    for (const batch of batches) {
      await logits(model, images.slice(0, batch), batch)
      const iba = perSample(model, { statistics, batch })
      yield {
        network: name,
        batch,
        'maps per second': images.length / (await seconds(() => attributeAll(iba, images))),
        'forward passes per second': images.length / (await seconds(() => logits(model, images, batch))),
      }
    }
  },
}

/** A source tree has a demo network only after it was trained. */
function hasDemo(): boolean {
  return existsSync(demo.weights) && existsSync(demo.statistics)
}

/** The demo network, or one of its architecture. */
function smallNetwork(precision: NumberType): Promise<Model> {
  return hasDemo()
    ? loadModel('demo', { device: 'cpu', precision })
    : seededModel(demo.architecture, precision)
}

async function attributeAll(iba: Attributer, images: PreparedImage[]): Promise<void> {
  for await (const _ of iba.attributeAll(images)) {
    // Only the time counts.
  }
}

async function logits(model: Model, images: PreparedImage[], batch: number): Promise<void> {
  for (let begin = 0; begin < images.length; begin += batch) {
    const group = images.slice(begin, begin + batch)
    const { shape, data } = group[0]!
    const stacked = new Float32Array(group.length * data.length)
    for (const [i, image] of group.entries()) stacked.set(image.data, i * data.length)
    await addon().logits({ model: model.handle, images: { data: stacked, shape: [group.length, ...shape] } })
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}
