import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatasetError } from '../foundation/errors.js'
import { exists, fileReason } from '../foundation/files.js'
import { readDevkitClasses } from './classes.js'

/** The label of each image of a flat folder, in the order of the images' names: one a line, a synset such as n01440764,
 * or the number that the ILSVRC devkit gives it, whose meta.mat must then lie where the devkit has it or beside the file.
 * @throws DatasetError */
export async function readGroundTruth(path: string, images: number): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(error => {
    throw new DatasetError(`Can't read the ground truth '${path}': ${fileReason(error)}`, { cause: error })
  })
  const labels = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  if (labels.length !== images) {
    throw new DatasetError(
      `'${path}' has ${labels.length} lines, but there are ${images} images. It must have one line for each, in the ` +
        'order of their names.',
    )
  }
  return labels.every(label => /^\d+$/.test(label)) ? await toSynsets(labels, path) : labels
}

async function toSynsets(numbers: readonly string[], path: string): Promise<string[]> {
  const places = [
    join(dirname(path), 'meta.mat'),
    join(dirname(path), 'data', 'meta.mat'),
    join(dirname(path), 'ILSVRC2012_devkit_t12', 'data', 'meta.mat'),
  ]
  for (const place of places) {
    if (!(await exists(place))) continue
    const synsets = await readDevkitClasses(place)
    return numbers.map(number => {
      const synset = synsets.get(Number(number))
      if (synset !== undefined) return synset
      throw new DatasetError(`'${path}' names a class ${number}, which '${place}' doesn't list.`)
    })
  }
  throw new DatasetError(
    `'${path}' numbers the classes as the ILSVRC devkit does, which is another order than the networks'. Its meta.mat, ` +
      `which lists them, was looked for in ${places.join(', ')}. Put it there, or give a ground truth of synsets.`,
  )
}
