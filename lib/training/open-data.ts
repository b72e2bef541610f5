import { stat } from 'node:fs/promises'
import { type Described, option, withDefaults } from '../attribution/described-options.js'
import { archiveName } from '../datasets/archives.js'
import type { ClassOrder } from '../datasets/class-folders.js'
import { ImageError } from '../foundation/errors.js'
import { encodePath, listFolder } from '../foundation/file-names.js'
import { fileReason } from '../foundation/files.js'
import { requireInteger, requireString } from '../foundation/validate.js'
import type { TrainingData } from './data.js'
import { listImageNet } from './image-net.js'
import { readListFile } from './list-file.js'
import { openShards } from './shards.js'

/** How labelled images are read, as data. */
export const dataReading: Described = {
  name: 'openTrainingData',
  options: [
    option('buffer', 'whole', 'images of archives to draw the next one from', 1000, {
      flag: 'shuffle-buffer',
      minimum: 1,
    }),
    option(
      'classOrder',
      'choice',
      "what class folders named by numbers mean: the classes' indices, or their order as text",
      'numbers',
      {
        choices: ['numbers', 'text'],
      },
    ),
  ],
}

/** Options of {@link openTrainingData}. */
export interface TrainingDataOptions {
  /** Images of archives to draw the next one from. Default: 1000. */
  buffer?: number
  /** What class folders named by numbers mean: see {@link ClassOrder}. Default: 'numbers'. */
  classOrder?: ClassOrder
  /** A file that lists the classes in order. Default: some usual names, in the folder or beside it. */
  classFile?: string
  /** How many classes the network has: class folders whose order alone says what they are must be as many. */
  classes?: number
}

/** Opens labelled images: a folder with a folder for each class (as ImageNet's `train`), a text file with lines
 * `path label`, or tar archives of a WebDataset (a folder of them, or names with braces).
 * @throws ImageError where there is nothing to train with, DatasetError where it can't be told which class a folder is */
export async function openTrainingData(
  path: string,
  { classes, classFile, ...options }: TrainingDataOptions = {},
): Promise<TrainingData> {
  requireString('data', path)
  if (classes !== undefined) requireInteger('classes', classes, 1)
  if (classFile !== undefined) requireString('classFile', classFile)
  const { buffer, classOrder } = withDefaults<{ buffer: number; classOrder: ClassOrder }>(
    dataReading,
    options,
  )
  if (/\{.*\}/.test(path) || archiveName.test(path)) return await openShards(path, buffer)
  const found = await stat(encodePath(path)).catch(error => {
    throw new ImageError(`Can't read '${path}': ${fileReason(error)}`, { cause: error, source: path })
  })
  if (!found.isDirectory()) return await readListFile(path)
  const isArchives = (await listFolder(path)).some(
    ({ name }) => archiveName.test(name) && !name.startsWith('.'),
  )
  return isArchives
    ? await openShards(path, buffer)
    : await listImageNet(path, { classes, classFile, classOrder })
}
