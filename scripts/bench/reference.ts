import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type PreparedImage, readNpy, writeNpy } from '../../lib/index.js'
import { root } from '../setup/paths.mjs'
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

  const script = join(root, 'scripts', 'bench', 'reference.py')
  const python = spawn('python3', [script, model, way, layer, `${target}`, imageFile, mapFile], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const failed = new Promise<never>((_, reject) => python.on('error', reject))
  const ended = Promise.race([once(python, 'close'), failed])
  ended.catch(() => {}) // is met where the next line is waited for
  const lines = createInterface(python.stdout)[Symbol.asyncIterator]()
  const answer = async () => {
    const { value, done } = await Promise.race([lines.next(), failed])
    if (done) throw new Error('reference.py ended early; it says why above.')
    return JSON.parse(value) as Record<string, unknown>
  }
  const map = async (steps: number): Promise<TimedMap> => {
    python.stdin.write(`${steps}\n`)
    const { seconds } = await answer()
    return { seconds: Number(seconds), map: (await readNpy(mapFile)).data }
  }
  const stop = async () => {
    python.stdin.end()
    await ended.catch(() => {})
    await rm(folder, { recursive: true })
  }
  const greeting = await answer().catch((error: Error) => ({ missing: error.message }))
  const able = 'missing' in greeting ? { missing: String(greeting.missing) } : { map }
  return { ...able, [Symbol.asyncDispose]: stop }
}
