import { setTimeout } from 'node:timers/promises'
import { perSample, renderOverlay } from '../../lib/index.js'
import type { Benchmark, Row } from './benchmark.js'
import { median, quantile } from './numbers.js'
import { noiseStatistics, referenceImage, seededModel } from './workload.js'

const interval = 10
const idleTime = 3000
const pictureSide = 1024

export const eventLoopBenchmark: Benchmark = {
  name: 'event-loop',
  title: `Lateness of a timer of ${interval} ms while VGG-16 is explained (aim: 99 % within 20 ms)`,
  async *run({ rounds, precision }) {
    await using model = await seededModel('vgg16', precision)
    await using statistics = await noiseStatistics(model)
    const { image, target } = await referenceImage('vgg16')
    const iba = perSample(model, { statistics })
    yield rowOf('nothing', await lateness(() => setTimeout(idleTime)))
    const images = Array.from({ length: rounds }, () => image)
    yield rowOf(
      `explains ${rounds} ${rounds === 1 ? 'image' : 'images'}`,
      await lateness(() => iba.attribute(images, { targets: target })),
    )
    const picture = {
      pixels: new Uint8Array(pictureSide ** 2 * 3).fill(90),
      width: pictureSide,
      height: pictureSide,
    }
    const map = {
      data: Float32Array.from({ length: 224 * 224 }, (_, i) => Math.sin(i / 99) ** 2),
      ...{ width: 224, height: 224, unit: 'bits/pixel' as const },
    }
    await renderOverlay(picture, map)
    yield rowOf(
      `draws ${rounds} ${rounds === 1 ? 'picture' : 'pictures'} of ${pictureSide} × ${pictureSide} pixels`,
      await lateness(async () => {
        for (let i = 0; i < rounds; i++) await renderOverlay(picture, map)
      }),
    )
  },
}

function rowOf(meanwhile: string, late: readonly number[]): Row {
  return {
    'the add-on meanwhile': meanwhile,
    ticks: late.length,
    'median (ms)': median(late),
    '99 % within (ms)': quantile(late, 0.99),
    'maximum (ms)': Math.max(...late),
  }
}

/** By how many milliseconds each tick of a timer came late while something ran. */
async function lateness(work: () => Promise<unknown>): Promise<number[]> {
  const late: number[] = []
  let due = performance.now() + interval
  const timer = setInterval(() => {
    const now = performance.now()
    late.push(Math.max(0, now - due))
    due = now + interval
  }, interval)
  try {
    await work()
    await setTimeout(2 * interval) // a tick that the work held up until its end counts too
  } finally {
    clearInterval(timer)
  }
  return late
}
