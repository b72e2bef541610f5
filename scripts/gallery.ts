// Draws what each method shows of one photograph, for docs/gallery.md: `npm run gallery`. It takes some minutes, and fetches
// the photograph and the network by pip where they aren't in the cache.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { writeFileAtomically } from '../lib/foundation/files.js'
import { createAttributer, describeMethod, loadModel, roughStatistics } from '../lib/index.js'
import { type ComparedMap, renderSheet } from '../lib/rendering/sheet.js'
import { fetchPhotographSet } from './demo/explain-photographs.js'
import { photographNetwork } from './demo/photographs.js'
import { root } from './setup/paths.mjs'

/** The pictures, and the methods on each. What needs patterns, a trained readout, a transformer or a text is on none, and
 * neither is what takes very long. */
const pictures: Readonly<Record<string, readonly string[]>> = {
  bottlenecks: ['per-sample', 'coiba', 'multi-layer', 'input-iba'],
  gradients: [
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
  ],
  'activation-maps': [
    'grad-cam',
    'grad-cam-plus-plus',
    'hires-cam',
    'layer-cam',
    'xgrad-cam',
    'eigen-cam',
    'ablation-cam',
    'score-cam',
    'finer-cam',
  ],
  'hidden-parts': ['occlusion-14', 'rise', 'lime', 'kernel-shap'],
  rules: ['guided-backprop', 'deconvnet', 'guided-grad-cam', 'lrp', 'deep-lift', 'deep-shap'],
}
/** Fewer copies than usual show as much and take a tenth of the time. */
const fewer: Readonly<Record<string, object>> = {
  rise: { masks: 500 },
  lime: { samples: 200 },
  'kernel-shap': { samples: 200 },
}
const photograph = 'coffee.png'

const { photographs, weights } = await fetchPhotographSet()
const { path, title } = photographs.find(({ file }) => file === photograph)!
await using model = await loadModel(photographNetwork, { weights })
await using statistics = await roughStatistics(
  model,
  photographs.map(({ path }) => path),
  { layers: [...new Set([model.bottleneckLayer, ...model.blockLayers])] },
)
const folder = join(root, 'docs', 'gallery')
await mkdir(folder, { recursive: true })

for (const [picture, methods] of Object.entries(pictures)) {
  const maps: ComparedMap[] = []
  let seen: Awaited<ReturnType<typeof explain>> | undefined
  for (const method of methods) {
    seen = await explain(method)
    maps.push({ title: method, map: seen.map, facts: [] })
    console.log(`${picture}: ${method}, ${seen.seconds.toFixed(2)} s`)
  }
  const { image, className, probability } = seen!
  const facts = [`${className}, ${probability.toFixed(2)}`]
  const sheet = await renderSheet([{ title, image, facts, maps }])
  await writeFileAtomically(
    join(folder, `${picture}.webp`),
    await sharp(sheet).webp({ quality: 82 }).toBuffer(),
  )
}

async function explain(method: string) {
  const needs = describeMethod(method).needs.includes('statistics') ? { statistics } : {}
  const attributer = createAttributer(model, method, { ...needs, ...fewer[method] })
  const [attribution] = await attributer.attribute(path)
  attributer.dispose()
  return attribution!
}
