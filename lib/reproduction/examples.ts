import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { drawSamples, type Sample } from '../datasets/dataset.js'
import { explain, loadSample } from '../evaluation/protocols/each-image.js'
import { learningImages, methodOpener } from '../evaluation/runs/evaluated-method.js'
import { headerOf, type RunPlan } from '../evaluation/runs/plan.js'
import { fileWord, modelWord } from '../evaluation/runs/result-file.js'
import { AttributionError } from '../foundation/errors.js'
import { fileHash, textHash } from '../foundation/file-hash.js'
import { exists, fileError, writeFileAtomically } from '../foundation/files.js'
import { shownMap, shrunk } from '../rendering/sheet.js'
import { type Cell, oncePerMethod } from './cells.js'
import type { EvaluatedModel } from './evaluated-model.js'
import { type PreparedResources, withResources } from './learned-resources.js'
import type { ReproductionOptions } from './reproduction-options.js'

/** An image with the maps of all methods that are there. Pictures are WebP files. */
export interface Example {
  title: string
  image: Buffer
  maps: { title: string; picture: Buffer }[]
}

const count = 3
const size = { width: 224, height: 224 }

/** The maps of some images by every method of the cells, drawn as far as they aren't there yet. */
export async function drawExamples(
  evaluated: EvaluatedModel,
  cells: readonly Cell[],
  resources: PreparedResources,
  options: ReproductionOptions,
): Promise<Example[]> {
  const { model, dataset } = evaluated
  const folder = join(options.folder, 'examples', modelWord(evaluated))
  await mkdir(folder, { recursive: true }).catch(error => {
    throw fileError(`Can't make the folder '${folder}'`, error)
  })
  const examples = await Promise.all(
    drawSamples(dataset.samples, count, options.seed).map(sample => drawImage(evaluated, sample, folder)),
  )
  for (const { method, plan } of oncePerMethod(cells)) {
    const { method: how, model: network, data } = await headerOf(plan, model, learningImages(dataset))
    const key = JSON.stringify([
      how.name,
      how.options,
      how.resources,
      network.weightHash,
      network.precision,
      network.file,
      data.seed,
    ])
    const drawn = examples.map(example => ({
      ...example,
      file: pictureFile(folder, example.sample, method.title, `${key} ${example.hash}`),
    }))
    await drawMaps(evaluated, plan, drawn, resources, options)
    for (const { maps, file } of drawn)
      if (await exists(file)) maps.push({ title: method.title, picture: await readFile(file) })
  }
  return examples.map(({ sample, image, maps }) => {
    const title = dataset.classNames[sample.target] ?? `class ${sample.target}`
    return { title, image, maps }
  })
}

/** Draws those of a method that are not there yet. */
async function drawMaps(
  { model, dataset }: EvaluatedModel,
  plan: RunPlan,
  drawn: readonly { sample: Sample; file: string }[],
  resources: PreparedResources,
  { signal }: ReproductionOptions,
): Promise<void> {
  const there = await Promise.all(drawn.map(({ file }) => exists(file)))
  const left = drawn.filter((_, i) => !there[i])
  if (left.length === 0) return
  const method = withResources(plan.method, resources)
  const open = methodOpener(model, method, { learning: learningImages(dataset), signal })
  try {
    await using opened = await open(model)
    for (const { sample, file } of left) {
      const loaded = await loadSample(sample, model)
      const found = await explain(opened.attributer, [loaded], { ...plan, signal })
      const { image, map } = found[0]!
      await writePicture(file, await shownMap(image, map, size))
    }
  } catch (error) {
    // What a method can't do is told of where it is evaluated.
    if (signal.aborted || !(error instanceof AttributionError)) throw error
  }
}

async function drawImage({ model }: EvaluatedModel, sample: Sample, folder: string) {
  const hash = `${await fileHash(sample.path)} ${JSON.stringify(model.preprocessing)}`
  const file = pictureFile(folder, sample, 'image', hash)
  if (!(await exists(file))) {
    const { input } = await loadSample(sample, model)
    await writePicture(file, await shrunk(input, size))
  }
  const maps: Example['maps'] = []
  return { sample, hash, image: await readFile(file), maps }
}

async function writePicture(file: string, pixels: Uint8Array): Promise<void> {
  const raw = { ...size, channels: 3 } as const
  await writeFileAtomically(file, await sharp(pixels, { raw }).webp({ quality: 85 }).toBuffer())
}

/** @param key what decides the picture: one that was drawn of anything else has another name */
function pictureFile(folder: string, { id, target }: Sample, title: string, key: string): string {
  const hash = textHash(JSON.stringify([id, target, title, key])).slice(0, 12)
  return join(folder, `${fileWord(id)}.${fileWord(title)}.${hash}.webp`)
}
