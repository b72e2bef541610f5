import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { drawSamples, type Sample } from '../datasets/dataset.js'
import { explain, loadSample } from '../evaluation/protocols/each-image.js'
import { learningImages, methodOpener } from '../evaluation/runs/evaluated-method.js'
import { AttributionError } from '../foundation/errors.js'
import { exists, writeFileAtomically } from '../foundation/files.js'
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

/** Draws the maps of some images by every method of the cells, as far as they aren't drawn yet. */
export async function drawExamples(
  evaluated: EvaluatedModel,
  cells: readonly Cell[],
  resources: PreparedResources,
  options: ReproductionOptions,
): Promise<void> {
  const { model, dataset } = evaluated
  const samples = exampleSamples(evaluated, options)
  await mkdir(folderOf(evaluated, options), { recursive: true })
  for (const sample of samples) await drawImage(evaluated, sample, options)
  for (const { method, plan } of oncePerMethod(cells)) {
    const left = await undrawn(evaluated, samples, method.title, options)
    if (left.length === 0) continue
    const learning = learningImages(dataset)
    const open = methodOpener(model, withResources(plan.method, resources), {
      learning,
      signal: options.signal,
    })
    try {
      await using opened = await open(model)
      for (const sample of left) {
        const loaded = await loadSample(sample, evaluated.model)
        const found = await explain(opened.attributer, [loaded], { ...plan, signal: options.signal })
        const { image, map } = found[0]!
        await writePicture(
          pictureFile(evaluated, sample, method.title, options),
          await shownMap(image, map, size),
        )
      }
    } catch (error) {
      // What a method can't do is told of where it is evaluated.
      if (options.signal.aborted || !(error instanceof AttributionError)) throw error
    }
  }
}

/** The examples that were drawn. */
export async function readExamples(
  evaluated: EvaluatedModel,
  cells: readonly Cell[],
  options: ReproductionOptions,
): Promise<Example[]> {
  const examples: Example[] = []
  for (const sample of exampleSamples(evaluated, options)) {
    const file = pictureFile(evaluated, sample, 'image', options)
    if (!(await exists(file))) continue
    const maps: Example['maps'] = []
    for (const { method } of oncePerMethod(cells)) {
      const picture = pictureFile(evaluated, sample, method.title, options)
      if (await exists(picture)) maps.push({ title: method.title, picture: await readFile(picture) })
    }
    const title = evaluated.dataset.classNames[sample.target] ?? `class ${sample.target}`
    examples.push({ title, image: await readFile(file), maps })
  }
  return examples
}

function exampleSamples({ dataset }: EvaluatedModel, { seed }: ReproductionOptions): Sample[] {
  return drawSamples(dataset.samples, count, seed)
}

async function drawImage(
  evaluated: EvaluatedModel,
  sample: Sample,
  options: ReproductionOptions,
): Promise<void> {
  const file = pictureFile(evaluated, sample, 'image', options)
  if (await exists(file)) return
  const { input } = await loadSample(sample, evaluated.model)
  await writePicture(file, await shrunk(input, size))
}

async function undrawn(
  evaluated: EvaluatedModel,
  samples: readonly Sample[],
  title: string,
  options: ReproductionOptions,
): Promise<Sample[]> {
  const there = await Promise.all(
    samples.map(sample => exists(pictureFile(evaluated, sample, title, options))),
  )
  return samples.filter((_, i) => !there[i])
}

async function writePicture(file: string, pixels: Uint8Array): Promise<void> {
  const raw = { ...size, channels: 3 } as const
  await writeFileAtomically(file, await sharp(pixels, { raw }).webp({ quality: 85 }).toBuffer())
}

function pictureFile(
  evaluated: EvaluatedModel,
  { id }: Sample,
  title: string,
  options: ReproductionOptions,
): string {
  const word = (text: string) => text.replace(/[^\w-]+/g, '-')
  return join(folderOf(evaluated, options), `${word(id)}.${word(title)}.webp`)
}

function folderOf({ name }: EvaluatedModel, { folder }: ReproductionOptions): string {
  return join(folder, 'examples', name)
}
