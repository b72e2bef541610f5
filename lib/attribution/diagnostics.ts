import { channel } from 'node:diagnostics_channel'
import type { Model } from '../model/model.js'

/** What subscribers of the channel `attribution-bottleneck:batch` are told after each batch. */
export interface BatchMessage {
  /** Whose network it was. */
  model: Model
  /** The method's name. */
  method: string
  /** Images that were explained together. */
  images: number
  /** That it took. */
  seconds: number
}

/** Told of every batch, by whichever attributer. */
export const batches = channel('attribution-bottleneck:batch')
