import { invalid, requireObject } from '../foundation/validate.js'
import { loadReadout, TrainedReadout } from '../learned/trained-readout.js'
import type { Model } from '../model/model.js'
import { addon, type NativeReadoutResult } from '../native/addon.js'
import { callNative } from '../native/errors.js'
import { createBatchAttributer } from './attributer.js'
import type { Attributer, Attribution } from './attribution.js'
import { completeOptions, flag, type MethodDescription } from './options.js'

export interface ReadoutOptions {
  /** A readout that was trained on the model, or the path of its file. */
  weights: TrainedReadout | string
  /** Return the capacity of every neuron as well. */
  keepCapacity?: boolean
  /** Return what the network still recognises behind the bottleneck, with one noise copy: a second pass, from the
   * bottleneck on. */
  keepLogits?: boolean
  /** Images that are explained together at most. Default 16. */
  batch?: number
}

/** What the readout bottleneck gives for one image. */
export interface ReadoutAttribution extends Attribution {
  /** The mean capacity of the bottleneck's neurons, in nats. */
  information: number
  /** In nats, (channels, height, width) of the layer, if `keepCapacity`. */
  capacity?: { data: Float32Array; shape: number[] }
  /** The network's outputs behind the bottleneck, if `keepLogits`. */
  logits?: Float32Array
}

/** The readout bottleneck as data. */
export const readoutMethod: MethodDescription = {
  name: 'readout',
  summary: 'the information that a trained network lets pass a layer, in bits; one pass for a map',
  source: 'Schulz et al. 2020, section 3.3',
  needs: ['readout'],
  options: [
    {
      name: 'weights',
      summary: 'a trained readout, from `iba train-readout` or of the authors',
      form: 'text',
      defaults: { iba: null, paper: null },
      required: true,
    },
    flag('keepCapacity', 'return the capacity of every neuron as well'),
    flag('keepLogits', 'return what the network recognises behind the bottleneck'),
    {
      name: 'batch',
      summary: 'images that are explained together at most',
      form: 'whole',
      defaults: { iba: 16, paper: 16 },
      minimum: 1,
      maximum: 1024,
    },
  ],
}

type Settings = Required<Omit<ReadoutOptions, 'weights'>>

/** The readout bottleneck (Schulz et al. 2020, section 3.3): a network that was trained on many images predicts what may
 * pass, from the activations of several layers. A map takes one pass, and doesn't depend on the target. A file of weights
 * is read when the first image is explained.
 * @throws WeightsError where the weights are of another model, InvalidArgumentError */
export function readout(model: Model, options: ReadoutOptions): Attributer<ReadoutAttribution> {
  const { weights, ...given } = requireObject('options', options)
  const { batch, keepCapacity, keepLogits } = completeOptions<Settings>(readoutMethod, given)
  const trained = usedWeights(model, weights)

  return createBatchAttributer<NativeReadoutResult & { isPaper: boolean }, ReadoutAttribution>(model, {
    name: 'readout',
    batch,
    async run({ images, shape, requests }, { cancellation, onStep }) {
      const { handle, description } = await trained.get()
      const wanted = { keepCapacity, keepLogits }
      const results = await callNative(() =>
        addon().attributeReadout(model.handle, handle, images, shape, requests, wanted, cancellation, onStep),
      )
      const isPaper = description.preset === 'paper'
      return results.map(result => ({ ...result, isPaper }))
    },
    complete(common, { map, information, capacity, capacityShape, logits, isPaper }) {
      const { width, height } = common.image
      return {
        ...common,
        map: { data: map, width, height, unit: isPaper ? 'relative' : 'bits/pixel' },
        checks: {},
        information,
        ...(capacity && capacityShape ? { capacity: { data: capacity, shape: capacityShape } } : {}),
        ...(logits ? { logits } : {}),
      }
    },
    dispose: trained.dispose,
  })
}

/** The given readout, or one that is loaded when it is first asked for and belongs to the attributer. */
function usedWeights(model: Model, weights: unknown): { get(): Promise<TrainedReadout>; dispose(): void } {
  if (weights instanceof TrainedReadout) {
    weights.requireFor(model)
    return { get: async () => weights, dispose() {} }
  }
  if (typeof weights !== 'string' || weights === '') {
    throw invalid(
      'weights',
      'a readout from loadReadout() or trainReadout(), or the path of its file',
      weights,
    )
  }
  let loaded: Promise<TrainedReadout> | undefined
  return {
    async get() {
      loaded ??= loadReadout(model, weights)
      try {
        return await loaded
      } catch (error) {
        loaded = undefined
        throw error
      }
    },
    dispose() {
      loaded?.then(
        readout => readout.dispose(),
        () => {},
      )
    },
  }
}
