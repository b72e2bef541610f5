import { readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { DatasetError } from '../foundation/errors.js'
import { exists, fileReason } from '../foundation/files.js'
import { count } from '../foundation/text.js'
import { imageFolder } from '../images/folder.js'

/** Images in class folders, or flat with a file of labels in the order of their names. */
export interface Labelled {
  images: { id: string; path: string; folder: string }[]
  groundTruth?: string
}

// The names that the archives unpack to, those of the usual scripts, and those of the competition's download.
const imageFolders = [
  'val',
  'validation',
  'ILSVRC2012_img_val',
  'Data/CLS-LOC/val',
  'ILSVRC/Data/CLS-LOC/val',
]
const trainingFolders = ['train', 'ILSVRC2012_img_train', 'Data/CLS-LOC/train', 'ILSVRC/Data/CLS-LOC/train']
const boxFolders = [
  'val_bounding_boxes',
  'bbox_val',
  'ILSVRC2012_bbox_val_v3/val',
  'ILSVRC2012_bbox_val_v3',
  'Annotations/CLS-LOC/val',
  'ILSVRC/Annotations/CLS-LOC/val',
]
const labelFiles = [
  'ILSVRC2012_validation_ground_truth.txt',
  'data/ILSVRC2012_validation_ground_truth.txt',
  'ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt',
  'imagenet_2012_validation_synset_labels.txt',
]
const classFiles = [
  'classes.json',
  'imagenet_class_index.json',
  'LOC_synset_mapping.txt',
  'synset_words.txt',
  'meta.mat',
  'data/meta.mat',
  'ILSVRC2012_devkit_t12/data/meta.mat',
]

/** The images below a data set's folder.
 * @throws DatasetError, ImageError where a folder is missing or holds no image */
export async function findImages(root: string, labels?: string): Promise<Labelled> {
  await requireFolder(root)
  const folder = (await first(root, imageFolders)) ?? root
  const images: Labelled['images'] = []
  for await (const path of imageFolder(folder)) {
    const parts = relative(folder, path).split('/')
    images.push({ id: relative(root, path), path, folder: parts.length > 1 ? parts[0]! : '' })
  }
  const flat = images.filter(image => image.folder === '')
  if (flat.length === 0) return { images }
  const groundTruth = labels ?? (await first(root, labelFiles))
  if (flat.length === images.length && groundTruth !== undefined) return { images, groundTruth }
  throw new DatasetError(await unlabelled(root, folder, flat.length, images.length))
}

/** A file that lists the classes, if there is one in the usual places. */
export async function findClassFile(root: string): Promise<string | undefined> {
  return await first(root, classFiles)
}

/** The folder of training images, if there is one. */
export async function findTraining(root: string): Promise<string | null> {
  return (await first(root, trainingFolders)) ?? null
}

/** The ILSVRC annotations by the images' names without ending. None where there is no such folder.
 * @throws DatasetError where a given folder holds none */
export async function findBoxes(root: string, given?: string): Promise<Map<string, string>> {
  const folder = given ?? (await first(root, boxFolders))
  if (folder === undefined) return new Map()
  const names = await readdir(folder, { recursive: true }).catch(error => {
    throw new DatasetError(`Can't list the annotations in '${folder}': ${fileReason(error)}`, {
      cause: error,
    })
  })
  const files = names.filter(name => name.endsWith('.xml')).sort()
  if (files.length === 0)
    throw new DatasetError(`Looked for annotations (.xml) in '${folder}', but found ${found(names)}.`)
  return new Map(files.map(name => [name.slice(name.lastIndexOf('/') + 1, -4), join(folder, name)]))
}

/** Where boxes are looked for. */
export function boxPlaces(root: string): string {
  return boxFolders.map(name => join(root, name)).join(', ')
}

async function first(root: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (await exists(join(root, name))) return join(root, name)
  return undefined
}

async function requireFolder(root: string): Promise<void> {
  const found = await stat(root).catch(error => {
    throw new DatasetError(`Can't open the data '${root}': ${fileReason(error)}`, { cause: error })
  })
  if (!found.isDirectory())
    throw new DatasetError(`The data '${root}' is a file. Expected a folder of images, or 'demo'.`)
}

async function unlabelled(root: string, folder: string, flat: number, all: number): Promise<string> {
  const other = flat < all ? ` and ${all - flat} in folders` : ''
  return (
    `Can't tell which classes the images in '${folder}' are of: found ${count(flat, 'image')} directly in it${other}. Looked for ` +
    `a folder for each class, or for the labels of all images in ${labelFiles.map(name => join(root, name)).join(', ')}. ` +
    `In '${root}' there are ${found(await readdir(root))}. Put the images into class folders, or give the file with --labels.`
  )
}

function found(names: readonly string[]): string {
  if (names.length === 0) return 'nothing'
  const shown = [...names].sort().slice(0, 5).join(', ')
  return names.length > 5 ? `${names.length} entries such as ${shown}` : shown
}
