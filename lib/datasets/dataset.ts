import { resolve } from 'node:path'
import { DatasetError } from '../foundation/errors.js'
import { permutation } from '../foundation/random.js'
import { requireInteger, requireKnownKeys, requireOneOf, requireString } from '../foundation/validate.js'
import type { Orientation } from '../images/decode.js'
import { demoClassNames, demoSamples } from '../model/demo.js'
import type { Boxes } from './boxes.js'
import { type ClassOrder, numberFolders } from './class-folders.js'
import { type ClassList, readClasses } from './classes.js'
import { readGroundTruth } from './ground-truth.js'
import {
  type FoundImage,
  findBoxes,
  findClassFile,
  findImages,
  findTraining,
  type Labelled,
} from './layout.js'

/** A labelled image. */
export interface Sample {
  /** What tells it apart from the others of its data set: its path from the data set's folder on. */
  id: string
  /** The image's file. */
  path: string
  /** The index of its class among the network's. */
  target: number
  /** Where its objects are, in the image as its file holds it. */
  boxes?: Boxes
  /** Which way up it is shown, boxes along with it. Default: 'exif'. */
  orientation?: Orientation
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
  /** Which way up its images are shown. */
  orientation: Orientation
  /** What there is to know about how it was read, in sentences. */
  notes: readonly string[]
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
  /** 'exif' turns images and their boxes as the images' EXIF tags say; 'stored' shows them as the files hold them, which is
   * what torchvision does, and with it the paper's evaluation. Default: 'exif'. */
  orientation?: Orientation | undefined
  /** What class folders that are named by numbers mean: see {@link ClassOrder}. Default: 'numbers'. */
  classOrder?: ClassOrder | undefined
}

const optionNames = ['classes', 'labels', 'classFile', 'boxes', 'orientation', 'classOrder']

/** Opens labelled images: 'demo' (the sample images of the package), the ImageNet validation set in class folders or flat
 * with the official ground-truth file, or any folder of class folders.
 * @throws DatasetError where the layout isn't one of these, saying what was looked for and what was found */
export async function openDataset(name: string, options: DatasetOptions): Promise<Dataset> {
  requireString('data', name)
  requireKnownKeys('options', options, optionNames)
  requireInteger('classes', options.classes, 1)
  if (options.orientation !== undefined) requireOneOf('orientation', options.orientation, ['exif', 'stored'])
  if (options.classOrder !== undefined) requireOneOf('classOrder', options.classOrder, ['numbers', 'text'])
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
  return {
    name: 'demo',
    samples: samples.sort(byId),
    classNames: await demoClassNames(),
    training: null,
    orientation: 'exif',
    notes: [],
  }
}

async function folderDataset(root: string, options: DatasetOptions): Promise<Dataset> {
  const labelled = await findImages(root, options.labels)
  const classFile = options.classFile ?? (await findClassFile(root))
  const classes = classFile === undefined ? undefined : await readClasses(classFile)
  const truths = await truthsOf(root, labelled, classes, options)
  const annotations = await findBoxes(root, options.boxes)
  const { orientation } = options
  const samples = labelled.images.map((image, i): Sample => {
    const { target, boxes: known } = truths.all[i]!
    const boxes = annotations.get(stemOf(image)) ?? known
    return {
      id: image.id,
      path: image.path,
      target,
      ...(boxes !== undefined && { boxes }),
      ...(orientation !== undefined && { orientation }),
    }
  })
  return {
    name: resolve(root),
    samples: samples.sort(byId),
    classNames: classes?.names ?? [],
    training: await findTraining(root),
    orientation: orientation ?? 'exif',
    notes: truths.notes,
  }
}

interface Truths {
  all: { target: number; boxes?: Boxes }[]
  notes: readonly string[]
}

/** The class index of each image, and its boxes where the file of labels has them. */
async function truthsOf(
  root: string,
  labelled: Labelled,
  classes: ClassList | undefined,
  options: DatasetOptions,
): Promise<Truths> {
  const isFlat = 'groundTruth' in labelled
  const truths = isFlat
    ? await readGroundTruth(labelled.groundTruth, labelled.images.map(stemOf))
    : labelled.images.map(({ folder }) => ({ label: folder }))
  const names = isFlat ? [...new Set(truths.map(({ label }) => label))].sort() : labelled.folders
  const { classes: networkClasses, classOrder: order = 'numbers' } = options
  const { indices, notes } = numberFolders(isFlat ? root : labelled.root, names, {
    list: classes,
    order,
    classes: networkClasses,
  })
  const all = truths.map(({ label, ...known }) => {
    const target = indices.get(label)
    if (target !== undefined && target < networkClasses) return { target, ...known }
    throw new DatasetError(
      `The class '${label}' of '${root}' isn't one of the network's ${networkClasses}: ` +
        (classes ? `'${classes.path}' lists ${classes.keys.length} classes.` : 'expected a smaller number.'),
    )
  })
  return { all, notes }
}

function stemOf({ path }: FoundImage): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.\w+$/, '')
}

function byId(a: Sample, b: Sample): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
