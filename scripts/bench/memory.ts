import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run, tail } from '../../lib/install/process.mjs'
import type { Benchmark } from './benchmark.js'
import { noiseStatistics, type PaperModel, paperModels, seededModel } from './workload.js'

/** In bfloat16 weights and activations take half as much. */
const precisions = ['float32', 'bfloat16'] as const

const child = fileURLToPath(new URL('memory-child.js', import.meta.url))

export const memoryBenchmark: Benchmark = {
  name: 'memory',
  title: 'Peak memory of a process that explains one image (aims for VGG-16: 1500 MB, in bfloat16 1100 MB)',
  async *run() {
    const folder = await mkdtemp(join(tmpdir(), 'iba-bench-'))
    try {
      for (const name of paperModels) {
        const statistics = join(folder, `${name}.safetensors`)
        await saveStatistics(name, statistics)
        for (const precision of precisions)
          yield { model: name, precision, ...(await measure(name, statistics, precision)) }
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

/** Statistics are made of batches of images, which would hide what one image needs. */
async function saveStatistics(name: PaperModel, path: string): Promise<void> {
  await using model = await seededModel(name)
  await using statistics = await noiseStatistics(model)
  await statistics.save(path)
}

async function measure(
  name: PaperModel,
  statistics: string,
  precision: string,
): Promise<Record<string, number>> {
  const { code, output } = await run(process.execPath, [child, name, statistics, precision])
  if (code !== 0) throw new Error(`Explaining one image with ${name} failed:\n${tail(output)}`)
  return JSON.parse(tail(output, 1))
}
