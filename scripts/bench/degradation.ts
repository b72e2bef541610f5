import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PreparedImage } from '../../lib/index.js'
import { degradation, type HeatMap, type Model, readNpy, writeNpy } from '../../lib/index.js'
import { seededNormal } from '../testing/module.js'
import type { Benchmark, Row } from './benchmark.js'
import { median } from './numbers.js'
import { type Python, startPython } from './python.js'
import { referenceImage, seededModel } from './workload.js'

const network = 'resnet50'
const tile = 8
const size = 224

interface TimedCurves {
  seconds: number
  /** Most and least relevant first, one behind the other. */
  curves: readonly number[]
}

export const degradationBenchmark: Benchmark = {
  name: 'degradation',
  title:
    "Seconds for one image's degradation from both ends, tiles of 8×8, beside the paper's code in Python",
  async *run({ rounds, precision }) {
    await using model = await seededModel(network, precision)
    const { image } = await referenceImage(network)
    const map: HeatMap = {
      data: seededNormal('map', 0, [size, size]),
      width: size,
      height: size,
      unit: 'relative',
    }
    const folder = await mkdtemp(join(tmpdir(), 'iba-bench-'))
    const files = ['image.npy', 'map.npy', 'curves.npy'].map(name => join(folder, name))
    try {
      await writeNpy(files[0]!, image.data, image.shape)
      await writeNpy(files[1]!, map.data, [size, size])
      await using python = await startPython('degradation_reference.py', [network, `${tile}`, ...files])
      const row = await compare(
        rounds,
        () => ourCurves(model, image, map),
        python.missing === undefined ? () => theirCurves(python, files[2]!) : undefined,
      )
      yield {
        model: network,
        ...row,
        ...(python.missing !== undefined && { 'Python (s)': `not measured: ${python.missing}` }),
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  },
}

/** Ours and theirs in turns, so that what else the machine does meets both. */
async function compare(
  rounds: number,
  ours: () => Promise<TimedCurves>,
  theirs: (() => Promise<TimedCurves>) | undefined,
): Promise<Row> {
  await ours()
  await theirs?.()
  const [first, second]: [TimedCurves[], TimedCurves[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    first.push(await ours())
    if (theirs) second.push(await theirs())
  }
  const seconds = (timed: readonly TimedCurves[]) => median(timed.map(({ seconds }) => seconds))
  if (!theirs) return { 'ours (s)': seconds(first) }
  return {
    'ours (s)': seconds(first),
    'Python (s)': seconds(second),
    'times faster, pair by pair': second.map(({ seconds }, i) => seconds / first[i]!.seconds),
    'largest difference of a probability': Math.max(
      ...first[0]!.curves.map((value, i) => Math.abs(value - second[0]!.curves[i]!)),
    ),
  }
}

async function ourCurves(model: Model, image: PreparedImage, map: HeatMap): Promise<TimedCurves> {
  const started = performance.now()
  const { images } = await degradation(model, { images: image, maps: map, tile })
  const seconds = (performance.now() - started) / 1000
  const { mostRelevantFirst, leastRelevantFirst } = images[0]!.ofTop1
  // Without the fully degraded image, which the paper's code doesn't return.
  const kept = (curve: ArrayLike<number>) => Array.from(curve).slice(0, -1)
  return { seconds, curves: [...kept(mostRelevantFirst), ...kept(leastRelevantFirst)] }
}

async function theirCurves(python: Python, file: string): Promise<TimedCurves> {
  const { seconds } = await python.ask('')
  return { seconds: Number(seconds), curves: Array.from((await readNpy(file)).data) }
}
