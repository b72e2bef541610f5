import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { addon } from '../../lib/native/addon.js'
import { ownCache } from './cache.js'
import { writePicture } from './command.js'

/** So small a network is fastest on one thread; the cache is of the tests alone. */
export const environment = (folder: string) => ({ IBA_THREADS: '1', ...ownCache(join(folder, 'cache')) })

/** Makes a folder for each of the first classes, named by its index, with images in it. */
export async function writeClassFolders(folder: string, classes: number, images: number): Promise<void> {
  for (let label = 0; label < classes; label++) {
    const path = join(folder, `${label}`)
    await mkdir(path, { recursive: true })
    for (let i = 0; i < images; i++) await writePicture(join(path, `${i}.JPEG`), label + 3 * i)
  }
}

/** The tensors of a file by name. */
export async function readTensors(path: string): Promise<Map<string, Float32Array>> {
  const { tensors } = await addon().readWeightFile({ path })
  return new Map(tensors.map(({ name, data }) => [name, data]))
}
