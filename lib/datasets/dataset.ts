import { join, resolve } from 'node:path'
import { DatasetError } from '../foundation/errors.js'
import { permutation } from '../foundation/random.js'
import { requireInteger, requireKnownKeys, requireString } from '../foundation/validate.js'
import { demoClassNames, demoSamples } from '../model/demo.js'
import type { Box } from './boxes.js'
import { type ClassList, readClasses } from './classes.js'
import { readGroundTruth } from './ground-truth.js'
import { findBoxes, findClassFile, findImages, findTraining, type Labelled } from './layout.js'

/** A labelled image. */
export interface Sample {
  /** What tells it apart from the others of its data set: its path from the data set's folder on. */
  id: string
  /** The image's file. */
  path: string
  /** The index of its class among the network's. */
  target: number
  /** Where its objects are: boxes, or the path of an ILSVRC annotation that holds them. */
  boxes?: readonly Box[] | string
}

/** Labelled images, in the order of their ids. */
export interface Dataset {
  /** The folder, or 'demo'. */
  name: string
  /** The labelled images. */
  samples: readonly Sample[]
  /** The names of the classes by index, as far as known. */
  classNames: readonly string[]
  /** A folder of images to learn statistics from, where there is one. */
  training: string | null
}

/** Options of {@link openDataset}. */
export interface DatasetOptions {
  /** How many classes the network has. Class folders whose order alone says what they are must be as many. */
  classes: number
  /** A file that says the class of each image of a flat folder. Default: the official one's usual places. */
  labels?: string | undefined
  /** A file that lists the classes in order. Default: some usual names and places. */
  classFile?: string | undefined
  /** A folder of ILSVRC annotations. Default: some usual names and places. */
  boxes?: string | undefined
}

/** Opens labelled images: 'demo' (the sample images of the package), the ImageNet validation set in class folders or flat
 * with the official ground-truth file, or any folder of class folders.
 * @throws DatasetError where the layout isn't one of these, saying what was looked for and what was found */
export async function openDataset(name: string, options: DatasetOptions): Promise<Dataset> {
  requireString('data', name)
  requireKnownKeys('options', options, ['classes', 'labels', 'classFile', 'boxes'])
  requireInteger('classes', options.classes, 1)
  return name === 'demo' ? await demoDataset() : await folderDataset(name, options)
}

/** Some of the samples: as many as wanted, drawn by the seed, in the order of their ids. All of them if there are not
 * more. */
export function drawSamples(samples: readonly Sample[], count: number, seed: number): Sample[] {
  requireInteger('samples', count, 1)
  const order = permutation(samples.length, requireInteger('seed', seed, 0)).reverse()
  return Array.from(order.subarray(0, count), index => samples[index]!).sort(byId)
}

async function demoDataset(): Promise<Dataset> {
  const samples = (await demoSamples()).map(
    ({ path, target, box: { left, top, right, bottom } }): Sample => ({
      id: path.slice(path.lastIndexOf('/') + 1),
      path,
      target,
      // The sample images are 224 pixels wide and high.
      boxes: [{ left: left / 224, top: top / 224, right: right / 224, bottom: bottom / 224 }],
    }),
  )
  return { name: 'demo', samples: samples.sort(byId), classNames: await demoClassNames(), training: null }
}

async function folderDataset(root: string, options: DatasetOptions): Promise<Dataset> {
  const labelled = await findImages(root, options.labels)
  const classFile = options.classFile ?? (await findClassFile(root))
  const classes = classFile === undefined ? undefined : await readClasses(classFile)
  const targets = await targetsOf(root, labelled, classes, options.classes)
  const annotations = await findBoxes(root, options.boxes)
  const samples = labelled.images.map(({ id, path }, i): Sample => {
    const stem = path.slice(path.lastIndexOf('/') + 1).replace(/\.\w+$/, '')
    const boxes = annotations.get(stem)
    return { id, path, target: targets[i]!, ...(boxes !== undefined && { boxes }) }
  })
  return {
    name: resolve(root),
    samples: samples.sort(byId),
    classNames: classes?.names ?? [],
    training: await findTraining(root),
  }
}

/** The class index of each image. */
async function targetsOf(
  root: string,
  labelled: Labelled,
  classes: ClassList | undefined,
  networkClasses: number,
): Promise<number[]> {
  const labels =
    labelled.groundTruth === undefined
      ? labelled.images.map(({ folder }) => folder)
      : await readGroundTruth(labelled.groundTruth, labelled.images.length)
  const indices = indexOfLabels(root, labels, classes, networkClasses)
  return labels.map(label => {
    const index = indices.get(label)
    if (index !== undefined && index < networkClasses) return index
    throw new DatasetError(
      `The class '${label}' of '${root}' isn't one of the network's ${networkClasses}: ` +
        (classes ? `'${classes.path}' lists ${classes.keys.length} classes.` : 'expected a smaller number.'),
    )
  })
}

/** By a list of classes; or by the labels themselves, where they are numbers; or by their order, where there are as many
 * as the network has classes. */
function indexOfLabels(
  root: string,
  labels: readonly string[],
  classes: ClassList | undefined,
  networkClasses: number,
): Map<string, number> {
  if (classes) return new Map(classes.keys.map((key, index) => [key, index]))
  const names = [...new Set(labels)].sort()
  if (names.every(name => /^\d+$/.test(name))) return new Map(names.map(name => [name, Number(name)]))
  if (names.length === networkClasses) return new Map(names.map((name, index) => [name, index]))
  throw new DatasetError(
    `Can't tell which classes the images of '${root}' are of: found ${names.length} classes (${some(names)}), but the ` +
      `network has ${networkClasses}. Looked for a list of the classes in ${join(root, 'classes.json')}, ` +
      'imagenet_class_index.json, LOC_synset_mapping.txt, synset_words.txt and the devkit; give one with --class-file, ' +
      'or name the folders by their class index.',
  )
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ')
  return names.length > 3 ? `${shown}, …` : shown
}

function byId(a: Sample, b: Sample): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
