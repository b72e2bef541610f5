import { stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { DatasetError } from '../foundation/errors.js'
import { encodePath, listFolder } from '../foundation/file-names.js'
import { exists, fileReason } from '../foundation/files.js'
import { count } from '../foundation/text.js'
import { imageExtensions, imageFolder } from '../images/folder.js'
import { foldersIn } from './class-folders.js'

/** An image and the class folder that it lies in, '' for none. */
export interface FoundImage {
  id: string
  path: string
  folder: string
}

/** Images in class folders, or flat with a file of their labels. */
export type Labelled =
  | { images: FoundImage[]; root: string; folders: readonly string[] }
  | { images: FoundImage[]; groundTruth: string }

// The names that the archives unpack to, those of the usual scripts, and those of the competition's download.
const evaluationFolders = [
  'val',
  'validation',
  'test',
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
  'LOC_val_solution.csv',
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

/** Folders that may lie beside those of the classes. */
const besideClasses = new Set([...boxFolders, ...labelFiles, ...classFiles].map(path => path.split('/')[0]))

/** The images below a data set's folder: those of `val`, `validation` or `test`, where it has one of them.
 * @throws DatasetError, ImageError where a folder is missing or holds no image */
export async function findImages(root: string, labels?: string): Promise<Labelled> {
  await requireFolder(root)
  const groundTruth = labels ?? (await first(root, labelFiles))
  const folder = await evaluationFolder(root, groundTruth !== undefined)
  const images: FoundImage[] = []
  for await (const path of imageFolder(folder, { extensions: imageExtensions })) {
    const parts = relative(folder, path).split('/')
    images.push({ id: relative(root, path), path, folder: parts.length > 1 ? parts[0]! : '' })
  }
  const flat = images.filter(image => image.folder === '')
  if (flat.length === 0) {
    const used = new Set(images.map(image => image.folder))
    const folders = (await foldersIn(folder)).filter(name => used.has(name) || !besideClasses.has(name))
    return { images, root: folder, folders }
  }
  if (flat.length === images.length && groundTruth !== undefined) return { images, groundTruth }
  throw new DatasetError(await unlabelled(root, folder, flat.length, images.length))
}

/** The folder whose folders are the classes to train on: that of the training images, where there is one.
 * @throws DatasetError where a folder has parts to evaluate on, but none to train on */
export async function trainingFolder(root: string): Promise<string> {
  const training = await findTraining(root)
  if (training !== null) return training
  const other = await firstWithFolders(root, evaluationFolders)
  if (other === undefined) return root
  throw new DatasetError(
    `'${root}' holds '${relative(root, other)}', but no folder of training images, such as ${join(root, 'train')}. ` +
      `Give '${other}' itself to train on it.`,
  )
}

/** A file that lists the classes, if there is one in the usual places. */
export async function findClassFile(root: string): Promise<string | undefined> {
  return await first(root, classFiles)
}

/** The folder of training images, if there is one. A class may be called 'train' as well: only a folder of folders counts. */
export async function findTraining(root: string): Promise<string | null> {
  return (await firstWithFolders(root, trainingFolders)) ?? null
}

/** The ILSVRC annotations by the images' names without ending. None where there is no such folder.
 * @throws DatasetError where a given folder holds none */
export async function findBoxes(root: string, given?: string): Promise<Map<string, string>> {
  const folder = given ?? (await first(root, boxFolders))
  if (folder === undefined) return new Map()
  const names = await filesBelow(folder).catch(error => {
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
  return [...boxFolders, 'LOC_val_solution.csv'].map(name => join(root, name)).join(', ')
}

/** A class may be called 'test' as well: what holds no folders must hold images that a file labels. */
async function evaluationFolder(root: string, hasLabels: boolean): Promise<string> {
  for (const name of evaluationFolders) {
    const folder = join(root, name)
    if (!(await exists(folder))) continue
    if (hasLabels || name !== 'test' || (await foldersIn(folder)).length > 0) return folder
  }
  const training = await findTraining(root)
  if (training === null) return root
  throw new DatasetError(
    `'${root}' holds training images alone. Looked for ${evaluationFolders.map(name => join(root, name)).join(', ')}. ` +
      `Give '${training}' itself to evaluate on it.`,
  )
}

async function first(root: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (await exists(join(root, name))) return join(root, name)
  return undefined
}

async function firstWithFolders(root: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const folder = join(root, name)
    if ((await exists(folder)) && (await foldersIn(folder)).length > 0) return folder
  }
  return undefined
}

/** The paths of all files below a folder, without those that start with a dot, as macOS writes them. */
async function filesBelow(folder: string): Promise<string[]> {
  const paths: string[] = []
  for (const entry of await listFolder(folder)) {
    if (entry.name.startsWith('.')) continue
    if (!entry.isDirectory()) paths.push(entry.name)
    else for (const path of await filesBelow(join(folder, entry.name))) paths.push(join(entry.name, path))
  }
  return paths
}

async function requireFolder(root: string): Promise<void> {
  const found = await stat(encodePath(root)).catch(error => {
    throw new DatasetError(`Can't open the data '${root}': ${fileReason(error)}`, { cause: error })
  })
  if (!found.isDirectory())
    throw new DatasetError(`The data '${root}' is a file. Expected a folder of images, or 'demo'.`)
}

async function unlabelled(root: string, folder: string, flat: number, all: number): Promise<string> {
  const other = flat < all ? ` and ${all - flat} in folders` : ''
  const names = (await listFolder(root)).map(({ name }) => name)
  return (
    `Can't tell which classes the images in '${folder}' are of: found ${count(flat, 'image')} directly in it${other}. Looked for ` +
    `a folder for each class, or for the labels of all images in ${labelFiles.map(name => join(root, name)).join(', ')}. ` +
    `In '${root}' there are ${found(names)}. Put the images into class folders, or give the file with --labels.`
  )
}

function found(names: readonly string[]): string {
  if (names.length === 0) return 'nothing'
  const shown = [...names].sort().slice(0, 5).join(', ')
  return names.length > 5 ? `${names.length} entries such as ${shown}` : shown
}
