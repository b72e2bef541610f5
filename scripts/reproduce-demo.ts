// Reproduces the paper's table on the demo network and on synthetic images, which are made first; or one of the bottlenecks that
// followed.
//   npm run reproduce:demo -- [--methods paper|family] [--images N] [--out FOLDER]
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { generateDemoData } from './demo-data/generate.js'
import { root } from './setup/paths.mjs'

const { values } = parseArgs({
  options: {
    methods: { type: 'string', default: 'paper' },
    images: { type: 'string', default: '10' },
    out: { type: 'string', default: join('demo-output', 'reproduction') },
  },
})

/** By default enough for an order of the methods, few enough for some minutes on two cores. */
const images = Number(values.images)
if (!(Number.isInteger(images) && images >= 2))
  throw new Error(`--images ${values.images}: expected a whole number from 2 on.`)
const samples = {
  degradation: images,
  'bounding-boxes': images,
  'sensitivity-n': images,
  sanity: 2,
  'effective-heat-ratio': images,
  'insertion-deletion': images,
}
const protocolsOf: Readonly<Record<string, readonly string[]>> = {
  paper: ['degradation-8', 'degradation-14', 'bounding-boxes', 'sensitivity-n-8', 'sanity'],
  family: ['degradation-8', 'bounding-boxes', 'effective-heat-ratio', 'insertion-deletion'],
}
const protocols = protocolsOf[values.methods]
if (!protocols) throw new Error(`--methods ${values.methods}: expected paper or family.`)
const learn = 200

const data = join(values.out, 'data')
// None of the images that the network was trained or chosen with, which are of other seeds.
await generateDemoData(data, { train: learn, validation: images, seed: 5 })
const counts = Object.entries(samples)
  .filter(([kind]) => protocols.some(protocol => protocol.startsWith(kind)))
  .map(([kind, count]) => `${kind}=${count}`)
const { status } = spawnSync(
  process.execPath,
  [
    ...[join(root, 'dist', 'lib', 'command', 'main.js'), 'reproduce'],
    ...['--model', 'demo', '--methods', values.methods, '--data', data, '--out', values.out],
    ...['--protocols', protocols.join(','), '--samples', counts.join(','), '--learn', String(learn)],
  ],
  { stdio: 'inherit' },
)
process.exitCode = status ?? 1
