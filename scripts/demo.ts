// Explains the sample images of the package with its small trained network, and shows the maps on one page.
import { mkdir, readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { writeFileAtomically } from '../lib/foundation/files.js'
import {
  type Attribution,
  type DemoSample,
  demoClassNames,
  demoSamples,
  loadModel,
  loadStatistics,
  perSample,
  readout,
  renderAnimation,
  renderOverlay,
  stepMaps,
} from '../lib/index.js'
import { renderBoxes } from '../lib/rendering/box.js'
import { type PageItem, renderPage } from '../lib/rendering/page.js'
import { shareInBox } from './demo-data/share-in-box.js'

const { values: options } = parseArgs({ options: { out: { type: 'string', default: 'demo-output' } } })

async function main(): Promise<void> {
  const samples = await demoSamples()
  const names = await demoClassNames()
  await mkdir(options.out, { recursive: true })
  await using model = await loadModel('demo')
  await using statistics = await loadStatistics('demo')
  const iba = perSample(model, { statistics, keepSteps: true })

  const items: PageItem[] = []
  const concentrations: Concentration[] = []
  const images = samples.map(({ path, target }) => ({ image: path, target }))
  const readouts = await readout(model, { readout: 'demo' }).attribute(images)
  for await (const attribution of iba.attributeAll(images)) {
    const sample = samples[attribution.index]!
    const { item, concentration } = await show(attribution, readouts[attribution.index]!, sample, names)
    items.push(item)
    concentrations.push(concentration)
    console.log(`${item.name}: ${item.facts.map(([label, value]) => `${label} ${value}`).join(', ')}`)
  }
  const page = join(options.out, 'index.html')
  await writeFileAtomically(page, renderPage({ title, introduction, items, footer: footer(concentrations) }))
  console.log(`\n${footer(concentrations)}\nOpen ${pathToFileURL(resolve(page)).href}`)
}

const title = 'Where the network looked, in bits'
const introduction =
  'A small ResNet-18, trained on synthetic images to name the one object among clutter that decides the class, ' +
  'explained with the per-sample information bottleneck: each map says how many bits per pixel the network ' +
  'needs from a place to recognise the class. Beside it is the map of the readout bottleneck, a network that learnt ' +
  'to predict what is needed and takes one pass. The images are made by a program; no photograph was used.'

/** How many times as much of a map lies in the box as if it were spread evenly. */
interface Concentration {
  perSample: number
  readout: number
}

/** Writes the pictures of one sample, and says what there is to say about its map. */
async function show(attribution: Attribution, predicted: Attribution, sample: DemoSample, names: string[]) {
  const { image, map, probability, seconds } = attribution
  const stem = basename(sample.path).replace(/\.\w+$/, '')
  const { left, top, right, bottom } = sample.box
  const box = { x: left, y: top, width: right - left, height: bottom - top }
  const overlay = await renderOverlay(image, map)
  const animation = await renderAnimation(image, stepMaps(attribution), { format: 'webp' })
  await writeFileAtomically(join(options.out, `${stem}.png`), overlay)
  await writeFileAtomically(join(options.out, `${stem}.webp`), animation)

  const predictedOverlay = await renderOverlay(image, predicted.map)
  await writeFileAtomically(join(options.out, `${stem}.readout.png`), predictedOverlay)

  const mass = shareInBox(map, sample.box)
  const predictedMass = shareInBox(predicted.map, sample.box)
  const area = (box.width * box.height) / (map.width * map.height)
  const bits = (data: Float32Array) => data.reduce((sum, value) => sum + value, 0).toFixed(0)
  const item: PageItem = {
    name: stem,
    image: await readFile(sample.path),
    boxedImage: await renderBoxes(image, [box]),
    overlay,
    animation,
    other: { name: 'readout bottleneck', overlay: predictedOverlay },
    facts: [
      ['class', names[sample.target]!],
      ['probability', probability.toFixed(3)],
      ['information', `${bits(map.data)} bits`],
      ['share of the map in the box', percent(mass)],
      ['by the readout', `${bits(predicted.map.data)} bits, ${percent(predictedMass)} in the box`],
      ['share of the image in the box', percent(area)],
      ['seconds', seconds.toFixed(2)],
    ],
  }
  return { item, concentration: { perSample: mass / area, readout: predictedMass / area } }
}

function footer(concentrations: Concentration[]): string {
  const mean = (of: keyof Concentration) =>
    (concentrations.reduce((sum, entry) => sum + entry[of], 0) / concentrations.length).toFixed(1)
  return (
    `On average the boxes hold ${mean('perSample')} times as much of the information as they would hold if it ` +
    `were spread evenly, and ${mean('readout')} times by the readout.`
  )
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

await main()
