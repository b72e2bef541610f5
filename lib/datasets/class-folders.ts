import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatasetError } from '../foundation/errors.js'
import { encodePath, listFolder } from '../foundation/file-names.js'
import { fileReason } from '../foundation/files.js'
import type { ClassList } from './classes.js'

/** What folders that are named by numbers mean: the numbers are the classes' indices, or the folders count in the order of
 * their names as text ('10' before '2'), which is how torchvision's ImageFolder numbers them. */
export type ClassOrder = 'numbers' | 'text'

/** Class folders with the index of each. */
export interface NumberedFolders {
  indices: ReadonlyMap<string, number>
  /** What the user should know about the numbers. */
  notes: readonly string[]
}

/** The folders inside a folder in the order of their names, by code unit as torchvision's; also those without images. Names
 * that start with a dot are left out, links to folders are followed.
 * @throws DatasetError */
export async function foldersIn(root: string): Promise<string[]> {
  const entries = await listFolder(root).catch(error => {
    throw new DatasetError(`Can't list the folder '${root}': ${fileReason(error)}`, { cause: error })
  })
  const names: string[] = []
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue
    if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(join(root, entry.name)))))
      names.push(entry.name)
  }
  return names.sort()
}

/** Which classes folders are: by a list of classes, where there is one; by themselves, where all are named by numbers; else
 * by their order, if they are as many as the classes are known to be. Evaluation and training both ask here.
 * @throws DatasetError where it can't be told */
export function numberFolders(
  root: string,
  folders: readonly string[],
  { list, order, classes }: { list: ClassList | undefined; order: ClassOrder; classes: number | undefined },
): NumberedFolders {
  if (list) return { indices: new Map(list.keys.map((key, index) => [key, index])), notes: [] }
  const inOrder = new Map(folders.map((name, index) => [name, index]))
  if (order === 'numbers' && folders.every(name => /^\d{1,9}$/.test(name))) {
    const indices = new Map(folders.map(name => [name, Number(name)]))
    const other = folders.find(name => indices.get(name) !== inOrder.get(name))
    return { indices, notes: other === undefined ? [] : [orderNote(root, other, inOrder.get(other)!)] }
  }
  if (classes === undefined || folders.length === classes) return { indices: inOrder, notes: [] }
  throw new DatasetError(
    `Can't tell which classes the images of '${root}' are of: found ${folders.length} classes (${some(folders)}), but the ` +
      `network has ${classes}. Looked for a list of the classes in ${join(root, 'classes.json')}, ` +
      'imagenet_class_index.json, LOC_synset_mapping.txt, synset_words.txt and the devkit; give one with --class-file, ' +
      'or name the folders by their class index.',
  )
}

function orderNote(root: string, folder: string, inOrder: number): string {
  return (
    `The folders of '${root}' are named by numbers, which are taken for the indices of the classes: '${folder}' is class ` +
    `${Number(folder)}. torchvision's ImageFolder counts them in the order of their names as text, where it is class ${inOrder}. ` +
    'For a network that was trained so, give --class-order text.'
  )
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ')
  return names.length > 3 ? `${shown}, …` : shown
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(encodePath(path)).then(
    found => found.isDirectory(),
    () => false,
  )
}
