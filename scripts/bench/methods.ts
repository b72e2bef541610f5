import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Attributer,
  createAttributer,
  InvalidArgumentError,
  type Model,
  type PreparedImage,
  readNpy,
  writeNpy,
} from '../../lib/index.js'
import { addon } from '../../lib/native/addon.js'
import type { Benchmark, Row, Settings } from './benchmark.js'
import { median, pearson } from './numbers.js'
import { startPython } from './python.js'
import { noiseImages, type PaperModel, paperModels, seededModel } from './workload.js'

const batch = 8
const rows = 16
const target = 382

/** The layers whose channels Grad-CAM reads. */
const layers: Record<PaperModel, string> = { resnet50: 'layer4', vgg16: 'features.29' }

type MethodSettings = Readonly<Record<string, number | string>>

/** A method as both sides do it. */
interface Comparison {
  method: string
  /** In the Python script, if it isn't that one. */
  theirs?: string
  settings?: MethodSettings
  /** Of methods of many passes, which explain one image rather than a batch: what makes them short, to warm up. */
  brief?: MethodSettings
  /** Which of our results is captum's. */
  gives: 'raw' | 'map'
  /** How often a long method is measured at most; one pass alone is measured three times as often as asked. */
  rounds?: number
  readsLayer?: true
}

const comparisons: readonly Comparison[] = [
  { method: 'saliency', gives: 'raw' },
  { method: 'gradient-x-input', gives: 'raw' },
  { method: 'guided-backprop', gives: 'raw' },
  { method: 'deconvnet', gives: 'raw' },
  { method: 'grad-cam', gives: 'map', readsLayer: true },
  { method: 'guided-grad-cam', gives: 'raw', readsLayer: true },
  { method: 'lrp', settings: { composite: 'epsilon', epsilon: 1e-6 }, gives: 'raw' },
  {
    method: 'smoothgrad',
    settings: { samples: 50, noise: 0.15 },
    brief: { samples: 2 },
    gives: 'raw',
    rounds: 2,
  },
  { method: 'integrated-gradients', settings: { steps: 50 }, brief: { steps: 2 }, gives: 'raw', rounds: 2 },
  { method: 'occlusion-14', ...occlusion(14), rounds: 2 },
  { method: 'occlusion-8', ...occlusion(8), rounds: 1 },
]

function occlusion(patch: number) {
  return { theirs: 'occlusion', settings: { patch }, brief: { patch: 112 }, gives: 'map' } as const
}

/** Attributions of some images, and how long one took. */
interface Explained {
  secondsPerImage: number
  attributions: readonly ArrayLike<number>[]
}

export const methodsBenchmark: Benchmark = {
  name: 'methods',
  title: "Each method's seconds for an image, beside captum's in Python",
  async *run(settings) {
    const chosen = chooseComparisons(settings)
    const images = noiseImages(batch, 'methods')
    for (const name of paperModels) {
      await using model = await seededModel(name)
      await using captum = await startCaptum(name, images)
      for (const comparison of chosen) {
        const explained = images.slice(0, comparison.brief ? 1 : batch)
        const row = await compare(model, captum, comparison, explained, settings.rounds)
        yield { model: name, method: comparison.method, images: explained.length, ...row }
      }
    }
  },
}

/** Those that were asked for, or all; the quick ones if it is to be short. */
function chooseComparisons({ methods, quick }: Settings): readonly Comparison[] {
  const known = comparisons.map(({ method }) => method)
  const unknown = methods?.find(method => !known.includes(method))
  if (unknown !== undefined) {
    throw new InvalidArgumentError(
      `The method '${unknown}' is not compared. Expected some of: ${known.join(', ')}.`,
    )
  }
  if (methods) return comparisons.filter(({ method }) => methods.includes(method))
  return quick ? comparisons.filter(({ brief }) => !brief) : comparisons
}

/** Ours and theirs in turns, so that what else the machine does meets both. */
async function compare(
  model: Model,
  captum: Captum,
  comparison: Comparison,
  images: readonly PreparedImage[],
  rounds: number,
): Promise<Row> {
  const { settings = {}, brief } = comparison
  await using attributer = makeAttributer(model, comparison, settings)
  await using first = brief ? makeAttributer(model, comparison, { ...settings, ...brief }) : attributer
  await explain(first, images, comparison)
  await captum.explain(comparison, { ...settings, ...brief }, images.length)

  const ours: Explained[] = []
  const theirs: (Explained | string)[] = []
  // What is short varies more from time to time.
  const often = comparison.rounds === undefined ? 3 * rounds : Math.min(rounds, comparison.rounds)
  for (let round = 0; round < often; round++) {
    ours.push(await explain(attributer, images, comparison))
    theirs.push(await captum.explain(comparison, settings, images.length))
  }
  return besides(ours, theirs)
}

function makeAttributer(
  model: Model,
  { method, readsLayer }: Comparison,
  settings: MethodSettings,
): Attributer {
  const layer = readsLayer && { layer: layers[model.architecture as PaperModel] }
  return createAttributer(model, method, { ...settings, ...layer, batch, rows, keepRaw: true })
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

function besides(ours: readonly Explained[], theirs: readonly (Explained | string)[]): Row {
  const seconds = median(ours.map(({ secondsPerImage }) => secondsPerImage))
  const missing = theirs.find(their => typeof their === 'string')
  if (missing !== undefined) return { 'ours (s)': seconds, 'captum (s)': `not measured: ${missing}` }
  const measured = theirs as readonly Explained[]
  const faster = measured.map(({ secondsPerImage }, i) => secondsPerImage / ours[i]!.secondsPerImage)
  return {
    'ours (s)': seconds,
    'captum (s)': median(measured.map(({ secondsPerImage }) => secondsPerImage)),
    'times faster': median(faster),
    'from, to': [Math.min(...faster), Math.max(...faster)],
    'Pearson of the attributions': Math.min(
      ...ours[0]!.attributions.map((our, i) => pearson(our, measured[0]!.attributions[i]!)),
    ),
  }
}

/** Captum on the images of one network. */
interface Captum extends AsyncDisposable {
  /** What it gives for the first images, or why it can't. */
  explain(comparison: Comparison, settings: MethodSettings, count: number): Promise<Explained | string>
}

async function startCaptum(name: PaperModel, images: readonly PreparedImage[]): Promise<Captum> {
  const folder = await mkdtemp(join(tmpdir(), 'iba-bench-'))
  const [imagesFile, attributionsFile] = [join(folder, 'images.npy'), join(folder, 'attributions.npy')]
  const pixels = Float32Array.from(images.flatMap(({ data }) => Array.from(data)))
  await writeNpy(imagesFile, pixels, [images.length, ...images[0]!.shape])

  const { threads } = addon().describeRuntime()
  const python = await startPython('captum_reference.py', [name, imagesFile, attributionsFile, `${threads}`])
  return {
    async explain({ method, theirs = method, gives }, settings, count) {
      if (python.missing !== undefined) return python.missing
      const task = { method: theirs, images: count, target, rows, layer: layers[name], settings }
      const { seconds, missing } = await python.ask(JSON.stringify(task))
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
