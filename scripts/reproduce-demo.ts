// Reproduces the paper's table on the demo network and on synthetic images, which are made first.
//   npm run reproduce:demo -- [--out FOLDER]
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { generateDemoData } from './demo-data/generate.js'
import { root } from './setup/paths.mjs'

const { values } = parseArgs({
  options: { out: { type: 'string', default: join('demo-output', 'reproduction') } },
})

/** Enough for an order of the methods, few enough for some minutes on two cores. */
const samples = { degradation: 10, 'bounding-boxes': 10, 'sensitivity-n': 10, sanity: 2 }
const protocols = ['degradation-8', 'degradation-14', 'bounding-boxes', 'sensitivity-n-8', 'sanity']
const learn = 200

const data = join(values.out, 'data')
// None of the images that the network was trained or chosen with, which are of other seeds.
await generateDemoData(data, { train: learn, validation: 10, seed: 5 })
const counts = Object.entries(samples).map(([protocol, count]) => `${protocol}=${count}`)
const { status } = spawnSync(
  process.execPath,
  [
    ...[join(root, 'dist', 'lib', 'command', 'main.js'), 'reproduce'],
    ...['--model', 'demo', '--methods', 'paper', '--data', data, '--out', values.out],
    ...['--protocols', protocols.join(','), '--samples', counts.join(','), '--learn', String(learn)],
  ],
  { stdio: 'inherit' },
)
process.exitCode = status ?? 1
