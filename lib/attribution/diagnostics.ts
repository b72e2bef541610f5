import { Diagnostics } from '../foundation/diagnostics.js'
import { count } from '../foundation/text.js'
import type { Model } from '../model/model.js'
import type { Attribution } from './attribution.js'

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

/** What subscribers of the channel `attribution-bottleneck:map` are told of each map, before the caller gets it. */
export interface MapMessage {
  /** Whose network it was. */
  model: Model
  /** The map with all that belongs to it, the same object that the caller gets: to be read, not changed. */
  attribution: Attribution
}

/** Told of every batch, by whichever attributer. */
export const batches = new Diagnostics<BatchMessage>(
  'batch',
  ({ model, method, images, seconds }) =>
    `${method} of ${count(images, 'image')} by ${model.architecture} in ${seconds.toFixed(3)} s`,
)

/** Told of every map. */
export const maps = new Diagnostics<MapMessage>(
  'map',
  ({ model, attribution: { name, method, map } }) =>
    `map of ${name}: ${map.height}×${map.width} ${map.unit}, ${method} by ${model.architecture}`,
)
