import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { FileError, InvalidArgumentError } from '../../lib/foundation/errors.js'
import { annotationXml, placeOf, type Split, writeWhole } from './layout.js'
import { objectKinds } from './objects.js'
import { Random } from './random.js'
import { renderScene } from './scene.js'

/** One image with what is known of it. In `box`, `right` and `bottom` are the first column and row outside. */
export interface DemoSample {
  jpeg: Buffer
  classIndex: number
  box: { left: number; top: number; right: number; bottom: number }
}

/** The classes in the order of their indices, which is the order of their synsets. */
export const demoClasses: readonly { index: number; synset: string; name: string }[] = objectKinds.map(
  ({ synset, name }, index) => ({ index, synset, name }),
)

/** How many images each part has, and what they are drawn from. */
export interface DemoDataOptions {
  train: number
  validation: number
  seed?: number
  onProgress?: (done: number, total: number) => void
  signal?: AbortSignal
}

/** Raised when the drawing changes, so that older data is made anew. */
const revision = 1
const settingsName = 'settings.json'
const unfinishedName = 'settings.unfinished.json'
const ownEntries = ['train', 'validation', 'train_bounding_boxes', 'val_bounding_boxes', 'classes.json']

/** The class of an image: each run of ten images holds every class once, in random order. */
function classOf(seed: number, split: Split, index: number): number {
  const block = Math.floor(index / objectKinds.length)
  const order = new Random('class', seed, split, block).shuffle(objectKinds.map((_, i) => i))
  return order[index % objectKinds.length]!
}

/** Draws one image, 224 x 224. A pure function of its options. */
export async function renderSample(options: {
  seed: number
  split: Split
  index: number
}): Promise<DemoSample> {
  const { seed, split, index } = options
  requireCount('index', index)
  const classIndex = classOf(seed, split, index)
  const { jpeg, box } = await renderScene(objectKinds[classIndex]!, seed, split, index)
  return { jpeg, classIndex, box }
}

/** Writes a data set laid out like ImageNet into `folder`. Complete data with the same settings is kept, and an
 * interrupted run with the same settings is taken up again; data with other settings is replaced. A folder that
 * holds anything else is left alone. */
export async function generateDemoData(folder: string, options: DemoDataOptions): Promise<void> {
  const { train, validation, seed = 1, onProgress, signal } = options
  requireCount('train', train)
  requireCount('validation', validation)
  const settings = `${JSON.stringify({ kind: 'demo data', revision, train, validation, seed }, null, 2)}\n`
  const total = train + validation
  signal?.throwIfAborted()
  if (await prepare(folder, settings)) {
    onProgress?.(total, total)
    return
  }
  let next = 0
  let done = 0
  const work = async (): Promise<void> => {
    while (next < total) {
      signal?.throwIfAborted()
      const at = next++
      if (at < train) await writeSample(folder, 'train', at, seed)
      else await writeSample(folder, 'validation', at - train, seed)
      done += 1
      onProgress?.(done, total)
    }
  }
  const results = await Promise.allSettled(Array.from({ length: availableParallelism() + 1 }, work))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  await writeWhole(join(folder, 'classes.json'), `${JSON.stringify(demoClasses, null, 2)}\n`)
  await rename(join(folder, unfinishedName), join(folder, settingsName))
}

/** Makes the folder ready for these settings. True if it already holds all the data. */
async function prepare(folder: string, settings: string): Promise<boolean> {
  const [finished, unfinished] = await Promise.all(
    [settingsName, unfinishedName].map(name => readFile(join(folder, name), 'utf8').catch(() => undefined)),
  )
  if (finished === settings) return true
  if (finished === undefined && unfinished === settings) return false
  await mkdir(folder, { recursive: true })
  if (finished === undefined && unfinished === undefined) {
    const found = await readdir(folder)
    if (found.length > 0)
      throw new FileError(
        `The demo data needs a new or empty folder, but ${folder} holds other files (${found[0]}). Name another folder.`,
      )
  } else {
    if (!(finished ?? unfinished)?.includes('"kind": "demo data"'))
      throw new FileError(
        `${folder} has a ${settingsName} that the demo data didn't write. Name another folder.`,
      )
    await rm(join(folder, settingsName), { force: true })
    for (const name of ownEntries) await rm(join(folder, name), { recursive: true, force: true })
  }
  await writeWhole(join(folder, unfinishedName), settings)
  return false
}

async function writeSample(folder: string, split: Split, index: number, seed: number): Promise<void> {
  const { synset } = objectKinds[classOf(seed, split, index)]!
  const number = Math.floor(index / objectKinds.length) + 1
  const place = placeOf(folder, split, synset, index, number)
  const exists = await access(place.image).then(
    () => true,
    () => false,
  )
  if (exists) return
  const { jpeg, box } = await renderSample({ seed, split, index })
  await writeWhole(place.annotation, annotationXml(place, synset, box))
  await writeWhole(place.image, jpeg)
}

function requireCount(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError(`${name} must be a whole number of at least 0, but is ${value}.`)
}
