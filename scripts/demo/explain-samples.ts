import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { writeFileAtomically } from '../../lib/foundation/files.js'
import {
  type Attribution,
  type DemoSample,
  demoClassNames,
  loadModel,
  loadStatistics,
  perSample,
  readout,
  renderOverlay,
} from '../../lib/index.js'
import { renderBoxes } from '../../lib/rendering/box.js'
import type { PageItem, PageSection } from '../../lib/rendering/page.js'
import { shareInBox } from '../demo-data/share-in-box.js'
import { bitsOf, factsLine } from './facts.js'
import { forPage, stepsOf } from './pictures.js'

const introduction =
  'A small ResNet-18, trained on images made by a program, names the one object among clutter that decides the class. ' +
  'The boxes hold that object; the network never saw them. The last map is that of the readout bottleneck, a network ' +
  'that learnt to predict what is needed and takes one pass.'

/** Explains sample images of the package with its small trained network, and writes their pictures into a folder. */
export async function explainSamples(out: string, samples: readonly DemoSample[]): Promise<PageSection> {
  const names = await demoClassNames()
  await using model = await loadModel('demo')
  await using statistics = await loadStatistics('demo')
  const iba = perSample(model, { statistics, keepSteps: true })

  const items: PageItem[] = []
  const concentrations: Concentration[] = []
  const images = samples.map(({ path, target }) => ({ image: path, target }))
  const readouts = await readout(model, { readout: 'demo' }).attribute(images)
  for await (const attribution of iba.attributeAll(images)) {
    const sample = samples[attribution.index]!
    const { item, concentration } = await show(
      out,
      attribution,
      readouts[attribution.index]!,
      sample,
      names[sample.target]!,
    )
    items.push(item)
    concentrations.push(concentration)
    console.log(factsLine(item))
  }
  const title = 'Synthetic images with known boxes'
  return { title, introduction, items, conclusion: conclusionOf(concentrations) }
}

/** How many times as much of a map lies in the box as if it were spread evenly. */
interface Concentration {
  perSample: number
  readout: number
}

/** Writes the pictures of one sample, and says what there is to say about its map. */
async function show(
  out: string,
  attribution: Attribution,
  predicted: Attribution,
  sample: DemoSample,
  className: string,
): Promise<{ item: PageItem; concentration: Concentration }> {
  const { image, map, probability, seconds } = attribution
  const stem = basename(sample.path).replace(/\.\w+$/, '')
  const { left, top, right, bottom } = sample.box
  const box = { x: left, y: top, width: right - left, height: bottom - top }
  const overlay = await renderOverlay(image, map)
  const animation = await stepsOf(attribution)
  await writeFileAtomically(join(out, `${stem}.png`), overlay)
  await writeFileAtomically(join(out, `${stem}.webp`), animation)

  const predictedOverlay = await renderOverlay(image, predicted.map)
  await writeFileAtomically(join(out, `${stem}.readout.png`), predictedOverlay)

  const mass = shareInBox(map, sample.box)
  const predictedMass = shareInBox(predicted.map, sample.box)
  const area = (box.width * box.height) / (map.width * map.height)
  const item: PageItem = {
    name: stem,
    image: await readFile(sample.path),
    boxedImage: await forPage(await renderBoxes(image, [box])),
    overlay: await forPage(overlay),
    animation,
    others: [{ name: 'readout bottleneck', overlay: await forPage(predictedOverlay) }],
    facts: [
      ['class', className],
      ['probability', probability.toFixed(3)],
      ['information', bitsOf(map)],
      ['share of the map in the box', percent(mass)],
      ['by the readout', `${bitsOf(predicted.map)}, ${percent(predictedMass)} in the box`],
      ['share of the image in the box', percent(area)],
      ['seconds', seconds.toFixed(2)],
    ],
  }
  return { item, concentration: { perSample: mass / area, readout: predictedMass / area } }
}

function conclusionOf(concentrations: readonly Concentration[]): string {
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
