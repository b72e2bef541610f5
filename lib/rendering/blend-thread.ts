import { Worker } from 'node:worker_threads'
import { type Blending, blend } from './blend.js'
import type { BlendAnswer, BlendCall } from './blend-worker.js'

interface Asked {
  blending: Blending
  resolve: (pixels: Uint8Array) => void
  reject: (error: unknown) => void
}

/** As `blend`, on a thread of its own: the event loop would stand still for tens of milliseconds. Where no thread can be
 * had, as in a bundle without its file or where Node's permissions forbid it, the picture is blended here. */
export async function blendOnThread(given: Blending): Promise<Uint8Array> {
  if (thread === undefined) thread = BlendThread.start()
  const blending = { ...given, map: plain(given.map) }
  return thread ? await thread.blend(blending) : blend(blending)
}

/** No more than is needed: what a caller's map has besides may be nothing that a thread can be given, and a part of an array
 * would bring all of it. */
function plain({ data, width, height }: Blending['map']): Blending['map'] {
  const isWhole = data.byteLength === data.buffer.byteLength
  return { data: isWhole ? data : data.slice(), width, height }
}

/** One for the process, which it doesn't keep alive; null where it can't be had. */
let thread: BlendThread | null | undefined

class BlendThread {
  readonly #worker: Worker
  readonly #asked = new Map<number, Asked>()
  #number = 0

  static start(): BlendThread | null {
    try {
      return new BlendThread(new Worker(new URL('./blend-worker.js', import.meta.url), { execArgv: [] }))
    } catch {
      return null
    }
  }

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.unref()
    worker.on('message', (answer: BlendAnswer) => this.#settle(answer))
    worker.on('error', () => this.#giveUp())
    worker.on('exit', () => this.#giveUp())
  }

  blend(blending: Blending): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const number = this.#number++
      this.#asked.set(number, { blending, resolve, reject })
      this.#worker.ref()
      const call: BlendCall = { number, blending }
      this.#worker.postMessage(call)
    })
  }

  #settle({ number, pixels }: BlendAnswer): void {
    this.#asked.get(number)?.resolve(pixels)
    this.#asked.delete(number)
    if (this.#asked.size === 0) this.#worker.unref()
  }

  /** What it left undone is done here. */
  #giveUp(): void {
    if (thread === this) thread = null
    for (const { blending, resolve, reject } of this.#asked.values()) {
      try {
        resolve(blend(blending))
      } catch (error) {
        reject(error)
      }
    }
    this.#asked.clear()
  }
}
