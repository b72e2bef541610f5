import { parentPort } from 'node:worker_threads'
import { type Blending, blend } from './blend.js'

/** What the thread is asked, and what it answers: the numbers tell which answer belongs to what. */
export interface BlendCall {
  number: number
  blending: Blending
}

export interface BlendAnswer {
  number: number
  pixels: Uint8Array<ArrayBuffer>
}

parentPort!.on('message', ({ number, blending }: BlendCall) => {
  const pixels = blend(blending)
  const answer: BlendAnswer = { number, pixels }
  parentPort!.postMessage(answer, [pixels.buffer])
})
