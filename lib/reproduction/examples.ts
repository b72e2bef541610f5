import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { drawSamples, type Sample } from '../datasets/dataset.js'
import { explain } from '../evaluation/protocols/protocol.js'
import { learningImages } from '../evaluation/runs/learning-images.js'
import { methodOpener } from '../evaluation/runs/method.js'
import { AttributionError } from '../foundation/errors.js'
import { exists, writeFileAtomically } from '../foundation/files.js'
import { decodeImage } from '../images/decode.js'
import { prepare } from '../images/preprocess.js'
import { shownMap, shrunk } from '../rendering/sheet.js'
import type { Bench } from './bench.js'
import type { Cell } from './cells.js'
import type { Learnt } from './learnt.js'
import type { ReproductionOptions } from './options.js'

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
  bench: Bench,
  cells: readonly Cell[],
  { statistics }: Pick<Learnt, 'statistics'>,
  options: ReproductionOptions,
): Promise<void> {
  const { model, dataset } = bench
  const samples = exampleSamples(bench, options)
  await mkdir(folderOf(bench, options), { recursive: true })
  for (const sample of samples) await drawImage(bench, sample, options)
  for (const { method, plan } of oncePerMethod(cells)) {
    const left = await undrawn(bench, samples, method.title, options)
    if (left.length === 0) continue
    const learning = learningImages(dataset)
    const open = methodOpener(model, plan.method, { statistics, learning, signal: options.signal })
    try {
      await using opened = await open(model)
      for (const sample of left) {
        const loaded = await load(bench, sample)
        const found = await explain(opened.attributer, [loaded], { ...plan, signal: options.signal })
        const { image, map } = found[0]!
        await writePicture(
          pictureFile(bench, sample, method.title, options),
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
  bench: Bench,
  cells: readonly Cell[],
  options: ReproductionOptions,
): Promise<Example[]> {
  const examples: Example[] = []
  for (const sample of exampleSamples(bench, options)) {
    const file = pictureFile(bench, sample, 'image', options)
    if (!(await exists(file))) continue
    const maps: Example['maps'] = []
    for (const { method } of oncePerMethod(cells)) {
      const picture = pictureFile(bench, sample, method.title, options)
      if (await exists(picture)) maps.push({ title: method.title, picture: await readFile(picture) })
    }
    const title = bench.dataset.classNames[sample.target] ?? `class ${sample.target}`
    examples.push({ title, image: await readFile(file), maps })
  }
  return examples
}

function exampleSamples({ dataset }: Bench, { seed }: ReproductionOptions): Sample[] {
  return drawSamples(dataset.samples, count, seed)
}

async function drawImage(bench: Bench, sample: Sample, options: ReproductionOptions): Promise<void> {
  const file = pictureFile(bench, sample, 'image', options)
  if (await exists(file)) return
  const { input } = await load(bench, sample)
  await writePicture(file, await shrunk(input, size))
}

async function load({ model }: Bench, sample: Sample) {
  const image = await decodeImage(sample.path)
  return {
    sample,
    input: await prepare({ name: sample.path, kind: 'encoded', image }, model.preprocessing),
  }
}

async function undrawn(
  bench: Bench,
  samples: readonly Sample[],
  title: string,
  options: ReproductionOptions,
): Promise<Sample[]> {
  const there = await Promise.all(samples.map(sample => exists(pictureFile(bench, sample, title, options))))
  return samples.filter((_, i) => !there[i])
}

async function writePicture(file: string, pixels: Uint8Array): Promise<void> {
  const raw = { ...size, channels: 3 } as const
  await writeFileAtomically(file, await sharp(pixels, { raw }).webp({ quality: 85 }).toBuffer())
}

function pictureFile(bench: Bench, { id }: Sample, title: string, options: ReproductionOptions): string {
  const word = (text: string) => text.replace(/[^\w-]+/g, '-')
  return join(folderOf(bench, options), `${word(id)}.${word(title)}.webp`)
}

function folderOf({ name }: Bench, { folder }: ReproductionOptions): string {
  return join(folder, 'examples', name)
}

function oncePerMethod(cells: readonly Cell[]): Cell[] {
  return cells.filter((cell, i) => cells.findIndex(({ method }) => method === cell.method) === i)
}
