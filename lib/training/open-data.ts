import { readdir, stat } from 'node:fs/promises'
import { type Described, option, withDefaults } from '../attribution/described-options.js'
import { ImageError } from '../foundation/errors.js'
import { fileReason } from '../foundation/files.js'
import { requireString } from '../foundation/validate.js'
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
  ],
}

/** Opens labelled images: a folder with a folder for each class (as ImageNet's `train`), a text file with lines
 * `path label`, or tar archives of a WebDataset (a folder of them, or names with braces).
 * @throws ImageError where there is nothing to train with */
export async function openTrainingData(
  path: string,
  options: { buffer?: number } = {},
): Promise<TrainingData> {
  requireString('data', path)
  const { buffer } = withDefaults<{ buffer: number }>(dataReading, options)
  if (/\{.*\}/.test(path) || /\.tar(\.gz)?$/i.test(path)) return await openShards(path, buffer)
  const found = await stat(path).catch(error => {
    throw new ImageError(`Can't read '${path}': ${fileReason(error)}`, { cause: error, source: path })
  })
  if (!found.isDirectory()) return await readListFile(path)
  const isArchives = (await readdir(path)).some(name => /\.tar(\.gz)?$/i.test(name))
  return isArchives ? await openShards(path, buffer) : await listImageNet(path)
}
