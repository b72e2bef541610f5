import type { Attributer, HeatMap } from '../../attribution/attribution.js'
import { option } from '../../attribution/described-options.js'
import type { Target } from '../../attribution/target.js'
import { requireInteger, requireNumber } from '../../foundation/validate.js'
import type { PreparedInput } from '../../images/prepared-input.js'
import type { PreparedImage } from '../../images/source.js'
import { addon } from '../../native/addon.js'
import { callNativeSync } from '../../native/call.js'
import { bootstrapMean } from '../bootstrap.js'
import { eachImage, nothing, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'

const defaults = { radius: 0.02, samples: 10, seed: 0 }

/** Options of {@link maxSensitivity}. */
export interface MaxSensitivityOptions {
  /** How far each value of the normalised image is moved at most. Default 0.02. */
  radius?: number
  /** Neighbours that are tried. Default 10. */
  samples?: number
  /** Draws the neighbours. Default 0. */
  seed?: number
  /** What is explained. Default: the predicted class. */
  target?: Target
  /** Stops the work; the call rejects with the signal's reason. */
  signal?: AbortSignal
}

/** Maximum sensitivity (Yeh et al. 2019, definition 3.1): how far a map moves, relative to its own length, as the image
 * is moved a little: the largest ‖map(x + δ) − map(x)‖ / ‖map(x)‖ of some drawn δ. Lower is better.
 * @param image as the network takes it
 * @throws InvalidArgumentError, and what the method throws */
export async function maxSensitivity(
  method: Attributer,
  image: PreparedImage | PreparedInput,
  options: MaxSensitivityOptions = {},
): Promise<number> {
  const samples = requireInteger('samples', options.samples ?? defaults.samples, 1)
  const radius = requireNumber('radius', options.radius ?? defaults.radius, Number.MIN_VALUE)
  const seed = requireInteger('seed', options.seed ?? defaults.seed, 0)
  const shape = 'shape' in image ? image.shape : ([image.channels, image.height, image.width] as const)
  const { data: moved } = callNativeSync(() =>
    addon().neighbours({ image: { data: image.data, shape }, radius, count: samples, seed }),
  )
  const size = image.data.length
  const neighbours = Array.from({ length: samples }, (_, i) => ({
    data: moved.subarray(i * size, (i + 1) * size),
    shape,
  }))

  // The neighbours are explained for the class that the image itself is predicted as.
  const { signal } = options
  const explain = (target?: Target) => ({
    ...(target !== undefined && { targets: target }),
    ...(signal && { signal }),
  })
  const [original] = await method.attribute([image], explain(options.target))
  const others = await method.attribute(neighbours, explain(original!.target))
  const length = norm(original!.map)
  if (length === 0) return 0
  return Math.max(...others.map(({ map }) => distance(map, original!.map))) / length
}

function norm({ data }: HeatMap): number {
  let sum = 0
  for (const value of data) sum += value * value
  return Math.sqrt(sum)
}

function distance(a: HeatMap, b: HeatMap): number {
  let sum = 0
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i]! - b.data[i]!) ** 2
  return Math.sqrt(sum)
}

export const maxSensitivityProtocol = declareProtocol<{ radius: number; neighbours: number }>(
  {
    kind: 'max-sensitivity',
    title: 'Maximum sensitivity',
    summary: 'how far the map moves as the image is moved a little',
    source: 'Yeh et al. 2019, definition 3.1',
    direction: 'lower',
    samples: 200,
    options: [
      option('radius', 'number', 'how far each value is moved at most', defaults.radius, {
        minimum: Number.MIN_VALUE,
      }),
      option('neighbours', 'whole', 'images that are tried', defaults.samples, { minimum: 1 }),
    ],
  },
  ({ radius, neighbours }) => ({
    work: () => ({ maps: 2 + neighbours, passes: 0 }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        evaluate: async ({ subject: { input, target }, attributer }, { signal }) => ({
          value: await maxSensitivity(attributer, input, {
            radius,
            samples: neighbours,
            target,
            ...(signal && { signal }),
          }),
        }),
      }),
    summarise(records) {
      const score = bootstrapMean(valuesOf<{ value: number }>(records).map(({ value }) => value))
      return { score, scores: { largest: score }, curves: [] }
    },
  }),
)
