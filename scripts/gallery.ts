// Draws what each method shows of one photograph, for docs/gallery.md: `npm run gallery`, or `npm run gallery -- bottlenecks` for
// some of the pictures. It takes some minutes, and fetches the photograph and the network by pip where they aren't in the cache.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { writeFileAtomically } from '../lib/foundation/files.js'
import {
  type Attribution,
  createAttributer,
  describeMethod,
  type HeatMap,
  loadModel,
  roughStatistics,
} from '../lib/index.js'
import { renderSheet } from '../lib/rendering/sheet.js'
import { familyBottlenecks } from '../lib/reproduction/family.js'
import { fetchPhotographSet } from './demo/explain-photographs.js'
import { bitsOf } from './demo/facts.js'
import { photographNetwork } from './demo/photographs.js'
import { root } from './setup/paths.mjs'

/** A map of a picture. */
interface Panel {
  title: string
  method: string
  options?: object
  /** What is explained is the cosine of the logits with those of the whole photograph, in place of a class. */
  ofEmbedding?: boolean
}

const photograph = 'coffee.png'

const { photographs, weights } = await fetchPhotographSet()
const { path, title } = photographs.find(({ file }) => file === photograph)!
await using model = await loadModel(photographNetwork, { weights })
await using tower = await loadModel(photographNetwork, { weights, outputKind: 'embedding' })
const [embedding] = await tower.logits(path)
await using statistics = await roughStatistics(
  model,
  photographs.map(({ path }) => path),
  { layers: [...new Set([model.bottleneckLayer, ...model.blockLayers])] },
)

/** The pictures, and the methods on each. What needs patterns, a trained readout, a transformer or a text is on none, and
 * neither is what takes very long. */
const pictures: Readonly<Record<string, readonly Panel[]>> = {
  bottlenecks: [
    ...familyBottlenecks,
    { title: 'M2IB', method: 'm2ib', ofEmbedding: true },
    {
      title: 'NIB',
      method: 'integrated-gradients',
      options: { layer: model.bottleneckLayer, baseline: 'zero', steps: 10 },
      ofEmbedding: true,
    },
  ],
  gradients: byName(
    'gradient',
    'saliency',
    'gradient-x-input',
    'smoothgrad',
    'integrated-gradients',
    'guided-ig',
    'blur-ig',
    'gradient-shap',
    'full-grad',
    'xrai',
  ),
  'activation-maps': byName(
    'grad-cam',
    'grad-cam-plus-plus',
    'hires-cam',
    'layer-cam',
    'xgrad-cam',
    'eigen-cam',
    'ablation-cam',
    'score-cam',
    'finer-cam',
  ),
  // Fewer copies than usual show as much and take a tenth of the time.
  'hidden-parts': [
    ...byName('occlusion-14'),
    { title: 'rise', method: 'rise', options: { masks: 500 } },
    { title: 'lime', method: 'lime', options: { samples: 200 } },
    { title: 'kernel-shap', method: 'kernel-shap', options: { samples: 200 } },
  ],
  rules: byName('guided-backprop', 'deconvnet', 'guided-grad-cam', 'lrp', 'deep-lift', 'deep-shap'),
}

const { positionals: asked } = parseArgs({ allowPositionals: true })
const names = Object.keys(pictures)
const unknown = asked.find(name => !names.includes(name))
if (unknown !== undefined)
  throw new Error(`There is no picture '${unknown}', expected some of: ${names.join(', ')}.`)

const folder = join(root, 'docs', 'gallery')
await mkdir(folder, { recursive: true })
for (const name of asked.length > 0 ? asked : names) {
  const found: [string, Attribution][] = []
  for (const panel of pictures[name]!) {
    const attribution = await explain(panel)
    found.push([panel.title, attribution])
    console.log(`${name}: ${panel.title}, ${attribution.seconds.toFixed(2)} s`)
  }
  const { image, className, probability } = found[0]![1]
  const facts = [`${className}, ${probability.toFixed(2)}`]
  const maps = found.map(([title, { map }]) => ({ title, map, facts: factsOf(map) }))
  const sheet = await renderSheet([{ title, image, facts, maps }])
  await writeFileAtomically(join(folder, `${name}.webp`), await sharp(sheet).webp({ quality: 82 }).toBuffer())
}

function byName(...methods: string[]): Panel[] {
  return methods.map(method => ({ title: method, method }))
}

async function explain({ method, options, ofEmbedding }: Panel): Promise<Attribution> {
  const needs = describeMethod(method).needs.includes('statistics') ? { statistics } : {}
  await using attributer = createAttributer(ofEmbedding ? tower : model, method, { ...needs, ...options })
  const [attribution] = await attributer.attribute(
    path,
    ofEmbedding ? { targets: { embedding: embedding! } } : {},
  )
  return attribution!
}

function factsOf(map: HeatMap): string[] {
  return map.unit === 'bits/pixel' ? [bitsOf(map)] : []
}
