import { type Model, type Preset, perSample } from '../../lib/index.js'
import type { Benchmark, Row, Settings } from './benchmark.js'
import { median, pearson, relativeError } from './numbers.js'
import { type Explained, type Reference, startReference, type TimedMap, type Way } from './reference.js'
import { noiseStatistics, paperModels, referenceImage, seededModel } from './workload.js'

/** Each of our presets beside the code whose conventions it follows. */
const comparisons: readonly { preset: Preset | 'fast'; way: Way }[] = [
  { preset: 'iba', way: 'package' },
  { preset: 'fast', way: 'package' },
  { preset: 'paper', way: 'paper' },
]

/** Copies of noise, of another seed, with which a map is nearly what it would be with all. */
const manyCopies = 160

export const perSampleBenchmark: Benchmark = {
  name: 'per-sample',
  title: "Seconds per map, beside the authors' two codes in Python",
  async *run(settings) {
    for (const name of paperModels) {
      await using model = await seededModel(name, settings.precision)
      await using exact = settings.precision === 'float32' ? model : await seededModel(name)
      const explained = { model: name, layer: model.bottleneckLayer, ...(await referenceImage(name)) }
      for (const { preset, way } of comparisons) {
        await using reference = await startReference(way, explained)
        yield {
          model: name,
          preset,
          ...(await compare({ model, exact }, preset, explained, settings, reference)),
        }
      }
    }
  },
}

/** A network in the precision that is measured, and in float32. */
interface Networks {
  model: Model
  exact: Model
}

/** Ours and theirs in turns, so that what else the machine does meets both. */
async function compare(
  { model, exact }: Networks,
  preset: Preset | 'fast',
  explained: Explained,
  { quick, rounds, steps }: Settings,
  reference: Reference,
): Promise<Row> {
  const conventions = preset === 'fast' ? 'iba' : preset
  await using statistics = await noiseStatistics(exact, conventions)
  const ourMap = async (count: number): Promise<TimedMap> => {
    const iba = perSample(model, { statistics, preset, steps: count })
    const started = performance.now()
    const [result] = await iba.attribute(explained.image, { targets: explained.target })
    return { seconds: (performance.now() - started) / 1000, map: result!.map.data }
  }
  const preciseMap = async () => {
    const options = { statistics, preset: conventions, steps, copies: manyCopies } as const
    const [result] = await perSample(exact, options).attribute(explained.image, {
      targets: explained.target,
      seed: 1,
    })
    return result!.map.data
  }
  await ourMap(1)
  await reference.map?.(1)
  const ours: TimedMap[] = []
  const theirs: TimedMap[] = []
  for (let round = 0; round < rounds; round++) {
    ours.push(await ourMap(steps))
    if (reference.map) theirs.push(await reference.map(steps))
  }
  const precise = quick ? undefined : await preciseMap()
  const toPrecise = (maps: TimedMap[]) => (precise && maps[0] ? pearson(maps[0].map, precise) : '')
  return {
    'ours (s)': median(ours.map(({ seconds }) => seconds)),
    ...besides(ours, theirs, reference),
    [`ours to ${manyCopies} copies`]: toPrecise(ours),
    [`theirs to ${manyCopies} copies`]: toPrecise(theirs),
  }
}

function besides(ours: TimedMap[], theirs: TimedMap[], { missing }: Reference): Row {
  if (missing !== undefined) return { 'Python (s)': `not measured: ${missing}` }
  return {
    'Python (s)': median(theirs.map(({ seconds }) => seconds)),
    'times faster, pair by pair': theirs.map(({ seconds }, i) => seconds / ours[i]!.seconds),
    'Pearson of the maps': pearson(ours[0]!.map, theirs[0]!.map),
    'relative L2': relativeError(ours[0]!.map, theirs[0]!.map),
  }
}
