import { mkdir } from 'node:fs/promises'
import { join, parse } from 'node:path'
import sharp from 'sharp'
import { writeFileAtomically } from '../../lib/foundation/files.js'
import {
  type Attribution,
  createAttributer,
  fetchWeights,
  loadModel,
  loadStatistics,
  perSample,
  renderOverlay,
} from '../../lib/index.js'
import type { PageItem, PageSection } from '../../lib/rendering/page.js'
import { shownRange } from '../../lib/rendering/range.js'
import { type ComparedImage, renderSheet } from '../../lib/rendering/sheet.js'
import { bitsOf, factsLine } from './facts.js'
import { fetchPhotographs, type Photograph, photographNetwork } from './photographs.js'
import { forPage, stepsOf } from './pictures.js'

/** What has to be fetched before photographs can be explained. */
export interface PhotographSet {
  photographs: readonly (Photograph & { path: string })[]
  /** The path of the network's weights. */
  weights: string
}

/** @throws {DownloadError} it can't be had */
export async function fetchPhotographSet(): Promise<PhotographSet> {
  return { weights: await fetchWeights(photographNetwork), photographs: await fetchPhotographs() }
}

/** Fewer copies than usual show as much and take a third of the time. */
const otherMethods = { 'grad-cam': {}, smoothgrad: { samples: 15 }, lrp: {} }
/** So many photographs are on the sheet that shows the methods side by side. */
const onSheet = 3

const introduction =
  'EfficientNet-Lite0, trained on the photographs of ImageNet, names what it sees. The map says how many bits per pixel it ' +
  'needs from a place to recognise the class; beside it, how the map came about: at first nearly everything passes. The smaller ' +
  'maps are those of other methods, each on a scale of its own. The noise of the bottleneck has the statistics of parts of these six photographs.'

/** Explains photographs with a network that was trained on photographs, and writes the pictures into a folder. */
export async function explainPhotographs(
  out: string,
  { photographs, weights }: PhotographSet,
): Promise<PageSection> {
  await mkdir(join(out, 'photographs'), { recursive: true })
  await using model = await loadModel(photographNetwork, { weights })
  await using statistics = await loadStatistics(photographNetwork)
  const iba = perSample(model, { statistics, keepSteps: true })
  const attributers = Object.entries(otherMethods).map(([method, options]) =>
    createAttributer(model, method, options),
  )

  const items: PageItem[] = []
  const compared: ComparedImage[] = []
  for (const photograph of photographs) {
    const [attribution] = await iba.attribute(photograph.path)
    const maps: Attribution[] = []
    for (const attributer of attributers) maps.push(...(await attributer.attribute(photograph.path)))
    const item = await show(out, photograph, attribution!, maps)
    items.push(item)
    compared.push(sideBySide(photograph, attribution!, maps))
    console.log(factsLine(item))
  }
  const sheet = await renderSheet(compared.slice(0, onSheet))
  await writeFileAtomically(join(out, 'photographs.jpg'), await sharp(sheet).jpeg({ quality: 80 }).toBuffer())
  return { title: 'Photographs', introduction, items }
}

/** Writes the pictures of one photograph, and says what there is to say about its map. */
async function show(
  out: string,
  { file, title, credit, licence }: Photograph,
  attribution: Attribution,
  others: readonly Attribution[],
): Promise<PageItem> {
  const { image, map, probability, seconds } = attribution
  const { pixels, width, height } = image
  const path = join(out, 'photographs', parse(file).name)
  const overlay = await renderOverlay(image, map)
  const animation = await stepsOf(attribution)
  await writeFileAtomically(`${path}.png`, overlay)
  await writeFileAtomically(`${path}.webp`, animation)
  const otherOverlays = others.map(async ({ method, map }) => {
    // As in comparisons, a few values that stand out don't hide the others.
    const { minimum, maximum } = shownRange(map)
    const overlay = await renderOverlay(image, map, { maximum, minimum, colorBar: false })
    await writeFileAtomically(`${path}.${method}.png`, overlay)
    return { name: method, overlay: await forPage(overlay) }
  })
  return {
    name: title,
    image: await sharp(pixels, { raw: { width, height, channels: 3 } })
      .webp()
      .toBuffer(),
    overlay: await forPage(overlay),
    animation,
    others: await Promise.all(otherOverlays),
    facts: [
      ['class', classNameOf(attribution)],
      ['probability', probability.toFixed(3)],
      ['information', bitsOf(map)],
      ['seconds', seconds.toFixed(2)],
    ],
    credit: `Photograph: ${credit}; ${licence}. It is cropped, and the maps are drawn over it.`,
  }
}

function sideBySide(
  { title }: Photograph,
  attribution: Attribution,
  others: readonly Attribution[],
): ComparedImage {
  return {
    title,
    image: attribution.image,
    facts: [`${classNameOf(attribution)}, probability ${attribution.probability.toFixed(2)}`],
    maps: [
      { title: attribution.method, map: attribution.map, facts: [bitsOf(attribution.map)] },
      ...others.map(({ method, map }) => ({ title: method, map, facts: [] })),
    ],
  }
}

function classNameOf({ className, target }: Attribution): string {
  return className ?? `class ${target}`
}
