import {
  createAttributer,
  describeMethods,
  type ImageInput,
  type MethodDescription,
  type Model,
} from '../../lib/index.js'
import type { Benchmark, Row, Settings } from './benchmark.js'
import { pearson, relativeError } from './numbers.js'
import { Resources, type Subject, subjects } from './subjects.js'

const usualImages = 4
const quickImages = 2

/** How a method of many passes is measured where its defaults would take very long: on so many images, and with these
 * settings in place of its own. */
interface Brief {
  images: number
  settings?: Readonly<Record<string, number>>
}

const brief: Readonly<Record<string, Brief>> = {
  coiba: { images: 2 },
  'multi-layer': { images: 2 },
  'input-iba': { images: 2, settings: { steps: 20 } },
  smoothgrad: { images: 2 },
  'integrated-gradients': { images: 2 },
  'guided-ig': { images: 2, settings: { steps: 50 } },
  'blur-ig': { images: 2, settings: { steps: 50 } },
  'gradient-shap': { images: 2 },
  'deep-shap': { images: 2 },
  'ablation-cam': { images: 2 },
  'score-cam': { images: 1 },
  occlusion: { images: 2 },
  'occlusion-8': { images: 1 },
  'occlusion-14': { images: 2 },
  rise: { images: 2, settings: { masks: 500 } },
  'extremal-perturbation': { images: 2, settings: { steps: 100 } },
  lime: { images: 2, settings: { samples: 250 } },
  'kernel-shap': { images: 2, settings: { samples: 250 } },
  xrai: { images: 2, settings: { steps: 25 } },
}

/** What takes less is measured again, since the first time prepares something. */
const shortSeconds = 5

export const fidelityBenchmark: Benchmark = {
  name: 'fidelity',
  title:
    "Each method's maps in bfloat16 beside those in float32 with the same noise (aim for bottlenecks: Pearson 0.995, relative L2 0.05)",
  methods: describeMethods().map(({ name }) => name),
  async *run(settings) {
    for (const subject of subjects) {
      const { network, leftOut = {} } = subject
      const chosen = chooseMethods(subject, settings)
      const measured = chosen.filter(({ name }) => !(name in leftOut))
      if (measured.length > 0) yield* ofSubject(subject, measured, settings)
      for (const { name: method } of chosen.filter(({ name }) => name in leftOut))
        yield { method, settings: `left out: ${leftOut[method]}`, network, ...unmeasured }
    }
  },
}

/** Those that were asked for, or all; the quick ones if it is to be short. */
function chooseMethods({ methods: only }: Subject, { methods: asked, quick }: Settings) {
  return describeMethods()
    .filter(({ name }) => only?.includes(name) ?? true)
    .filter(({ name }) => asked?.includes(name) ?? !(quick && name in brief))
}

/** The rows of one network. */
async function* ofSubject(
  subject: Subject,
  methods: readonly MethodDescription[],
  { quick }: Settings,
): AsyncGenerator<Row, void, undefined> {
  await using exact = await subject.load('float32')
  await using rounded = await subject.load('bfloat16')
  const images = await subject.images()
  await using resources = new Resources(subject, exact, images)
  for (const method of methods) {
    const { images: count, settings = {} } = brief[method.name] ?? { images: usualImages }
    const explained = images.slice(0, quick ? Math.min(count, quickImages) : count)
    const options = { ...settings, ...(await resources.of(method)) }
    yield {
      method: method.name,
      settings: Object.entries(settings)
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
      network: subject.network,
      ...(await compare({ exact, rounded }, method.name, options, explained)),
    }
  }
}

/** A network in float32 and in bfloat16. */
interface Networks {
  exact: Model
  rounded: Model
}

/** In place of what `compare` finds, as all rows have the same columns. */
const unmeasured = {
  images: 0,
  'Pearson, lowest': '',
  'relative L2, greatest': '',
  'float32 (s)': '',
  'bfloat16 (s)': '',
  'times as fast': '',
}

/** Both explain the classes that the network predicts in float32. Images where both find nothing, as an intersection may, don't count:
 * empty maps have no correlation. */
async function compare(
  { exact, rounded }: Networks,
  method: string,
  options: object,
  images: readonly ImageInput[],
): Promise<Row> {
  const targets = (await exact.predict(images)).map(({ target }) => target)
  const expected = await explain(exact, method, options, images, targets)
  const found = await explain(rounded, method, options, images, targets)
  const pairs = found.maps
    .map((map, i) => [map, expected.maps[i]!] as const)
    .filter(pair => !pair.every(isEmpty))
  if (pairs.length === 0) return unmeasured
  const ofEach = (measure: typeof pearson) => pairs.map(([map, exact]) => measure(map, exact))
  return {
    images: pairs.length,
    'Pearson, lowest': Math.min(...ofEach(pearson)),
    'relative L2, greatest': Math.max(...ofEach(relativeError)),
    'float32 (s)': expected.seconds,
    'bfloat16 (s)': found.seconds,
    'times as fast': expected.seconds / found.seconds,
  }
}

function isEmpty(map: Float32Array): boolean {
  return map.every(value => value === 0)
}

/** The maps of some images, and how long one took. */
async function explain(
  model: Model,
  method: string,
  options: object,
  images: readonly ImageInput[],
  targets: readonly number[],
): Promise<{ maps: readonly Float32Array[]; seconds: number }> {
  await using attributer = createAttributer(model, method, options)
  const timed = async () => {
    const started = performance.now()
    const attributions = await attributer.attribute(images, { targets, seed: 0 })
    const seconds = (performance.now() - started) / 1000
    return { maps: attributions.map(({ map }) => map.data), seconds: seconds / images.length }
  }
  const first = await timed()
  return first.seconds * images.length < shortSeconds ? await timed() : first
}
