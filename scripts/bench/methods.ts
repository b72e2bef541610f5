import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Attributer,
  createAttributer,
  describeMethod,
  loadModel,
  type Model,
  type PreparedImage,
  readNpy,
  writeNpy,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import type { Benchmark, Row, Settings } from './benchmark.js'
import {
  type Comparison,
  comparisons,
  type Library,
  type MethodSettings,
  type NetworkName,
  scripts,
} from './comparisons.js'
import { median, pearson } from './numbers.js'
import { startPython } from './python.js'
import { noiseImages, paperModels, seededModel } from './workload.js'

const batch = 8
const quickBatch = 2
const rows = 16
const target = 382

/** Attributions of some images, and how long one took. */
interface Explained {
  secondsPerImage: number
  attributions: readonly ArrayLike<number>[]
}

export const methodsBenchmark: Benchmark = {
  name: 'methods',
  title: "Each method's seconds for an image, beside other libraries' in Python",
  methods: [...new Set(comparisons.map(({ method }) => method))],
  async *run(settings) {
    const chosen = chooseComparisons(settings)
    const images = noiseImages(settings.quick ? quickBatch : batch, 'methods')
    for (const name of [...paperModels, 'vit'] as const) {
      const own = chosen.filter(({ networks = paperModels }) => networks.includes(name))
      for (const library of Object.keys(scripts) as Library[]) {
        const beside = own.filter(comparison => comparison.beside === library)
        if (beside.length > 0) yield* besideLibrary(name, library, beside, images, settings)
      }
    }
  },
}

/** Those that were asked for, or all; the quick ones if it is to be short. */
function chooseComparisons({ methods, quick }: Settings): readonly Comparison[] {
  if (methods) return comparisons.filter(({ method }) => methods.includes(method))
  return quick ? comparisons.filter(({ brief }) => !brief) : comparisons
}

/** The rows of one network and one library. */
async function* besideLibrary(
  name: NetworkName,
  library: Library,
  chosen: readonly Comparison[],
  images: readonly PreparedImage[],
  { rounds, precision }: Settings,
): AsyncGenerator<Row, void, undefined> {
  await using reference = await startReference(name, library, images)
  // Python makes the transformer's file.
  if (name === 'vit' && reference.missing !== undefined) return
  await using model =
    name === 'vit'
      ? await loadModel(reference.modelFile, { device: 'cpu', precision })
      : await seededModel(name, precision)
  for (const comparison of chosen) {
    const explained = images.slice(0, comparison.brief ? 1 : images.length)
    const row = await compare(model, name, reference, comparison, explained, rounds)
    const { method, variant } = comparison
    yield {
      model: name,
      method: variant ? `${method} (${variant})` : method,
      beside: library,
      images: explained.length,
      ...row,
    }
  }
}

/** Ours and theirs in turns, so that what else the machine does meets both. */
async function compare(
  model: Model,
  name: NetworkName,
  reference: Reference,
  comparison: Comparison,
  images: readonly PreparedImage[],
  rounds: number,
): Promise<Row> {
  const { settings = {}, brief, needsSegments } = comparison
  await using attributer = makeAttributer(model, name, comparison, settings)
  await using first = brief ? makeAttributer(model, name, comparison, { ...settings, ...brief }) : attributer
  const [{ attributions: maps }] = [await explain(first, images, comparison)]
  if (needsSegments) await reference.giveSegments(segmentsOf(maps[0]!), images[0]!)
  await reference.explain(comparison, { ...settings, ...brief }, images.length)

  const ours: Explained[] = []
  const theirs: (Explained | string)[] = []
  // What is short varies more from time to time.
  const often = comparison.brief || rounds === 1 ? Math.min(rounds, comparison.rounds ?? rounds) : 3 * rounds
  for (let round = 0; round < often; round++) {
    ours.push(await explain(attributer, images, comparison))
    theirs.push(await reference.explain(comparison, settings, images.length))
  }
  return besides(ours, theirs)
}

function makeAttributer(
  model: Model,
  name: NetworkName,
  { method, layers }: Comparison,
  settings: MethodSettings,
): Attributer {
  const layer = layers && { layer: layers[name]! }
  const known = describeMethod(method).options.map(option => option.name)
  const technical = Object.entries({ batch, rows, keepRaw: true }).filter(([option]) =>
    known.includes(option),
  )
  return createAttributer(model, method, { ...settings, ...layer, ...Object.fromEntries(technical) })
}

async function explain(
  attributer: Attributer,
  images: readonly PreparedImage[],
  { gives }: Comparison,
): Promise<Explained> {
  const started = performance.now()
  const results = await attributer.attribute(images, { targets: target })
  const secondsPerImage = (performance.now() - started) / 1000 / images.length
  return {
    secondsPerImage,
    attributions: results.map(({ tensors, map }) => (gives === 'raw' ? tensors.raw! : map).data),
  }
}

/** Superpixels from a map that has one value for each. */
function segmentsOf(map: ArrayLike<number>): Float32Array {
  const numbers = new Map<number, number>()
  return Float32Array.from(map, value => {
    if (!numbers.has(value)) numbers.set(value, numbers.size)
    return numbers.get(value)!
  })
}

function besides(ours: readonly Explained[], theirs: readonly (Explained | string)[]): Row {
  const seconds = median(ours.map(({ secondsPerImage }) => secondsPerImage))
  const missing = theirs.find(their => typeof their === 'string')
  if (missing !== undefined) return { 'ours (s)': seconds, 'theirs (s)': `not measured: ${missing}` }
  const measured = theirs as readonly Explained[]
  const faster = measured.map(({ secondsPerImage }, i) => secondsPerImage / ours[i]!.secondsPerImage)
  return {
    'ours (s)': seconds,
    'theirs (s)': median(measured.map(({ secondsPerImage }) => secondsPerImage)),
    'times faster': median(faster),
    'from, to': [Math.min(...faster), Math.max(...faster)],
    'Pearson of the attributions': Math.min(
      ...ours[0]!.attributions.map((our, i) => pearson(our, measured[0]!.attributions[i]!)),
    ),
  }
}

/** A library on the images of one network. */
interface Reference extends AsyncDisposable {
  /** Why it can't be measured here. */
  missing?: string
  /** Where the network lies that Python makes. */
  modelFile: string
  /** Keeps the superpixel of each pixel of an image for the methods that need them. */
  giveSegments(segments: Float32Array, image: PreparedImage): Promise<void>
  /** What it gives for the first images, or why it can't. */
  explain(comparison: Comparison, settings: MethodSettings, count: number): Promise<Explained | string>
}

async function startReference(
  name: NetworkName,
  library: Library,
  images: readonly PreparedImage[],
): Promise<Reference> {
  const folder = await mkdtemp(join(tmpdir(), 'iba-bench-'))
  const file = (name: string) => join(folder, name)
  const [imagesFile, attributionsFile] = [file('images.npy'), file('attributions.npy')]
  const segments = file('segments.npy')
  const pixels = Float32Array.from(images.flatMap(({ data }) => Array.from(data)))
  await writeNpy(imagesFile, pixels, [images.length, ...images[0]!.shape])

  const { threads } = addon().describeRuntime()
  const python = await startPython(scripts[library], [name, imagesFile, attributionsFile, `${threads}`])
  return {
    ...(python.missing !== undefined && { missing: python.missing }),
    modelFile: file(`${name}.pt`),
    giveSegments: (found, { shape: [, height, width] }) => writeNpy(segments, found, [1, 1, height, width]),
    async explain({ method, theirs = method, gives, layers, needsSegments }, settings, count) {
      if (python.missing !== undefined) return python.missing
      const task = { method: theirs, images: count, target, rows, layer: layers?.[name], settings }
      const { seconds, missing } = await python.ask(
        JSON.stringify({ ...task, ...(needsSegments && { segments }) }),
      )
      if (missing !== undefined) return String(missing)
      const { data, shape } = await readNpy(attributionsFile)
      const attributions = Array.from({ length: count }, (_, i) => {
        const own = data.subarray((i * data.length) / count, ((i + 1) * data.length) / count)
        // Captum repeats what holds for a pixel for each of its colours.
        return gives === 'map' ? own.subarray(0, shape.at(-2)! * shape.at(-1)!) : own
      })
      return { secondsPerImage: Number(seconds) / count, attributions }
    },
    async [Symbol.asyncDispose]() {
      await python[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}
