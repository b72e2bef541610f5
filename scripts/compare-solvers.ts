// Compares the ways to find a mask on photographs, on the demo network and on a small transformer: the evidence behind the
// solvers' page in docs/bottleneck.md.
//   node dist/scripts/compare-solvers.js --photographs FOLDER [--networks demo,…] [--passes 10,20,40] [--out FILE]
//     [--variants 'adam 10,fast 10'] [--images 6]
// Every result is a line that is appended to the file; what is there is not computed again.
import { appendFile, readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { print, printTable } from '../lib/command/output.js'
import { errorCode } from '../lib/foundation/files.js'
import {
  type Attribution,
  type DemoSample,
  degradation,
  demoSamples,
  effectiveHeatRatio,
  estimate,
  fetchWeights,
  type ImageInput,
  imageFolder,
  insertionDeletion,
  loadModel,
  loadStatistics,
  type Model,
  type PerSampleOptions,
  perSample,
  type Statistics,
} from '../lib/index.js'
import { mean, pearson } from './bench/numbers.js'
import { shareInBox } from './demo-data/share-in-box.js'
import { seededNormal } from './testing/module.js'

const { values: given } = parseArgs({
  options: {
    photographs: { type: 'string' },
    networks: { type: 'string', default: 'demo,transformer,efficientnet-lite0' },
    passes: { type: 'string', default: '10,20,40' },
    seeds: { type: 'string', default: '2' },
    variants: { type: 'string' },
    images: { type: 'string', default: '12' },
    out: { type: 'string', default: 'solvers.jsonl' },
  },
})

const lossCopies = 40
/** Copies with which a map is nearly what it would be with all. */
const manyCopies = 160
/** Of the tiles that are degraded and of the pixels' steps: about so many along an image's side, and so many points. */
const [tiles, points] = [7, 20]

/** What is explained with a network, and where that is known the box of the object that decides its class. */
interface Subject {
  name: string
  image: ImageInput
  target?: number
  box?: DemoSample['box']
}

interface Workplace extends AsyncDisposable {
  model: Model
  statistics: Statistics
  subjects: Subject[]
  /** Whether a readout comes with it, and maps of many copies take seconds. */
  isDemo: boolean
}

type Opened = Pick<Workplace, 'model' | 'statistics' | 'subjects'>

/** One line of the file: numbers of one image, the mean over the seeds where each gives one. */
interface Line {
  network: string
  image: string
  variant: string
  numbers: Record<string, number>
}

type Variant = { name: string; options: Partial<PerSampleOptions> }

const preciseMaps = new Map<Subject, Float32Array>()

await main()

async function main(): Promise<void> {
  const lines = await readLines()
  for (const network of given.networks.split(',')) {
    await using place = await open(network)
    const chosen = given.variants?.split(',')
    for (const variant of [...variants(), ...(place.isDemo ? warmVariants() : [])]) {
      if (chosen && !chosen.includes(variant.name)) continue
      for (const subject of place.subjects.slice(0, Number(given.images))) {
        const isThere = ({ network: n, variant: v, image }: Line) =>
          n === network && v === variant.name && image === subject.name
        if (lines.some(isThere)) continue
        const line = {
          network,
          image: subject.name,
          variant: variant.name,
          numbers: await measure(place, subject, variant),
        }
        await appendFile(given.out, `${JSON.stringify(line)}\n`)
        lines.push(line)
      }
      printTable(...tableOf(network, lines))
      print('')
    }
  }
}

async function readLines(): Promise<Line[]> {
  try {
    const text = await readFile(given.out, 'utf8')
    return text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Line)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return []
  }
}

/** Both solvers after as many steps; the adaptive copies of `fast`; the proximal solver with fewer copies, and at
 * other prices of information, from which follows what is needed for the same probability. */
function variants(): Variant[] {
  const passes = given.passes.split(',').map(Number)
  const both = (steps: number): Variant[] => [
    { name: `adam ${steps}`, options: { steps } },
    { name: `proximal ${steps}`, options: { steps, solver: 'proximal' } },
  ]
  const [fewest] = passes
  const priced = [5, 20].map(beta => ({
    name: `proximal ${fewest} beta ${beta}`,
    options: { steps: fewest!, beta, solver: 'proximal' as const },
  }))
  const cheaper = [
    [4, 8],
    [5, 6],
    [8, 4],
    [10, 4],
    [15, 2],
  ].map(([steps, copies]) => ({
    name: `proximal ${steps} of ${copies} copies`,
    options: { steps: steps!, copies: copies!, solver: 'proximal' as const },
  }))
  const others: Variant[] = [
    { name: 'fast 10', options: { preset: 'fast' } },
    { name: 'proximal 5', options: { steps: 5, solver: 'proximal' } },
    ...cheaper,
    ...priced,
    { name: 'proximal 40 tolerance 0.02', options: { steps: 40, solver: 'proximal', tolerance: 0.02 } },
  ]
  return [...both(fewest!), ...others, ...passes.slice(1).flatMap(both)]
}

/** After few steps, from where the readout begins and from where the solvers do. */
function warmVariants(): Variant[] {
  const solvers = ['adam', 'proximal'] as const
  return [2, 5, 10].flatMap(steps =>
    solvers.flatMap(solver => [
      { name: `${solver} ${steps}`, options: { solver, steps } },
      { name: `${solver} ${steps} from readout`, options: { solver, steps, readout: 'demo' } },
    ]),
  )
}

async function open(network: string): Promise<Workplace> {
  const { model, statistics, subjects } = await workplace(network)
  return {
    isDemo: network === 'demo',
    model,
    statistics,
    subjects,
    async [Symbol.asyncDispose]() {
      statistics.dispose()
      model.dispose()
    },
  }
}

async function workplace(network: string): Promise<Opened> {
  switch (network) {
    case 'demo': {
      const subjects = (await demoSamples()).map(({ path, ...sample }) => ({
        name: path,
        image: path,
        ...sample,
      }))
      return { model: await loadModel('demo'), statistics: await loadStatistics('demo'), subjects }
    }
    case 'transformer':
      return await seededTransformer()
    case 'efficientnet-lite0': {
      if (given.photographs === undefined)
        throw new Error('Give --photographs FOLDER for efficientnet-lite0.')
      const subjects: Subject[] = []
      for await (const path of imageFolder(given.photographs)) subjects.push({ name: path, image: path })
      const model = await loadModel(network, { weights: await fetchWeights(network) })
      return { model, statistics: await loadStatistics(network), subjects }
    }
    default:
      throw new Error(`--networks ${network}: expected demo, transformer or efficientnet-lite0.`)
  }
}

/** Three blocks with seeded weights, and images of noise: of its maps only the loss and its noise say something. */
async function seededTransformer(): Promise<Opened> {
  const size = 64
  const model = await loadModel('test/fixtures/family/vit.pt2', {
    preprocessing: { mean: [0, 0, 0], std: [1, 1, 1], resize: size, crop: size },
  })
  const shape = [3, size, size] as const
  const pixels = 3 * size * size
  const images = (name: string, count: number) => {
    const data = seededNormal(name, 0, [count, ...shape])
    return Array.from({ length: count }, (_, i) => ({
      data: data.slice(i * pixels, (i + 1) * pixels),
      shape,
    }))
  }
  const statistics = await estimate(model, { images: images('estimation', 24), onWarning: () => {} })
  const subjects = images('noise', 12).map((image, i) => ({ name: `noise ${i}`, image }))
  return { model, statistics, subjects }
}

/** The losses and agreement of all seeds' maps, and what evaluations say of the first. */
async function measure(
  place: Workplace,
  subject: Subject,
  { options }: Variant,
): Promise<Record<string, number>> {
  const { model, statistics } = place
  const { image, target, box } = subject
  await using iba = perSample(model, { statistics, lossCopies, ...options })
  const targets = target ?? null
  const found: Attribution[] = []
  for (let seed = 0; seed < Number(given.seeds); seed++)
    found.push(...(await iba.attribute([image], { targets: [targets], seed })))
  const [first, second] = found
  const { map, probability } = first!
  const ofCheck = (name: string) => mean(found.map(({ checks }) => checks[name]!))
  const evaluated = { images: [image], maps: [map], targets: [targets] }
  const curves = await insertionDeletion(model, {
    ...evaluated,
    step: Math.ceil((map.width * map.height) / points),
  })
  const { score } = await degradation(model, { ...evaluated, tile: Math.ceil(map.width / tiles) })
  const inBox = (x: number, y: number) =>
    x >= box!.left && x < box!.right && y >= box!.top && y < box!.bottom ? 1 : 0
  const mask = () => ({
    width: map.width,
    height: map.height,
    data: Uint8Array.from(map.data, (_, i) => inBox(i % map.width, Math.floor(i / map.width))),
  })
  return {
    loss: ofCheck('loss'),
    crossEntropy: ofCheck('crossEntropy'),
    information: ofCheck('information'),
    steps: mean(found.map(({ steps }) => steps)),
    ...(second && { 'seed to seed': pearson(map.data, second.map.data) }),
    // Areas as shares of the clean image's probability, so that no image counts for more than another.
    insertion: curves.insertion / probability,
    deletion: curves.deletion / probability,
    degradation: score,
    ...(box && { 'in box': shareInBox(map, box), EHR: effectiveHeatRatio(map, mask()).score }),
    ...(place.isDemo && { [`to ${manyCopies} copies`]: pearson(map.data, await preciseMap(place, subject)) }),
    seconds: mean(found.map(({ seconds }) => seconds)),
  }
}

/** The map of ten steps of Adam with many copies, of other seeds. */
async function preciseMap({ model, statistics }: Workplace, subject: Subject): Promise<Float32Array> {
  const { image, target } = subject
  const known = preciseMaps.get(subject)
  if (known) return known
  await using iba = perSample(model, { statistics, copies: manyCopies })
  const [found] = await iba.attribute([image], { targets: [target ?? null], seed: Number(given.seeds) })
  preciseMaps.set(subject, found!.map.data)
  return found!.map.data
}

/** The means over the images, of each variant; of the images that all of them have. */
function tableOf(network: string, lines: readonly Line[]): [names: string[], rows: string[][]] {
  const own = lines.filter(line => line.network === network)
  const names = [...new Set(own.map(({ variant }) => variant))]
  const columns = Object.keys(own[0]?.numbers ?? {})
  const rows = names.map(name => {
    const of = own.filter(({ variant }) => variant === name)
    const cells = columns.map(column => mean(of.map(({ numbers }) => numbers[column]!)).toPrecision(4))
    return [name, `${of.length}`, ...cells]
  })
  return [[network, 'images', ...columns], rows]
}
