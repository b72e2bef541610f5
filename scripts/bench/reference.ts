import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PreparedImage, readNpy, writeNpy } from '../../lib/index.js'
import { startPython } from './python.js'
import type { PaperModel } from './workload.js'

/** The two codes of the authors that reference.py follows. */
export type Way = 'paper' | 'package'

export interface TimedMap {
  seconds: number
  map: Float32Array
}

/** Python in a process of its own, which waits while we are measured. */
export interface Reference extends AsyncDisposable {
  /** Computes the map in so many steps; absent where Python can't. */
  map?: (steps: number) => Promise<TimedMap>
  /** Why Python can't. */
  missing?: string
}

export interface Explained {
  model: PaperModel
  layer: string
  image: PreparedImage
  target: number
}

/** Starts Python on one image. */
export async function startReference(way: Way, explained: Explained): Promise<Reference> {
  const { model, layer, image, target } = explained
  const folder = await mkdtemp(join(tmpdir(), 'iba-bench-'))
  const [imageFile, mapFile] = [join(folder, 'image.npy'), join(folder, 'map.npy')]
  await writeNpy(imageFile, image.data, image.shape)

  const python = await startPython('reference.py', [model, way, layer, `${target}`, imageFile, mapFile])
  const map = async (steps: number): Promise<TimedMap> => {
    const { seconds } = await python.ask(`${steps}`)
    return { seconds: Number(seconds), map: (await readNpy(mapFile)).data }
  }
  return {
    ...(python.missing === undefined ? { map } : { missing: python.missing }),
    async [Symbol.asyncDispose]() {
      await python[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}
