import type { Attributer, HeatMap } from '../attribution/attribution.js'
import { requireInteger, requireNumber } from '../foundation/validate.js'
import type { PreparedInput } from '../images/preprocess.js'
import type { PreparedImage } from '../images/source.js'
import { addon } from '../native/addon.js'
import { callNativeSync } from '../native/errors.js'

export interface MaxSensitivityOptions {
  /** How far each value of the normalised image is moved at most. Default 0.02. */
  radius?: number
  /** Neighbours that are tried. Default 10. */
  samples?: number
  /** Draws the neighbours. Default 0. */
  seed?: number
  /** The class that is explained. Default: the predicted class. */
  target?: number
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
  const samples = requireInteger('samples', options.samples ?? 10, 1)
  const radius = requireNumber('radius', options.radius ?? 0.02, Number.MIN_VALUE)
  const seed = requireInteger('seed', options.seed ?? 0, 0)
  const shape = 'shape' in image ? image.shape : ([image.channels, image.height, image.width] as const)
  const moved = callNativeSync(() => addon().neighbours(image.data, shape, radius, samples, seed))
  const size = image.data.length
  const images = [
    image.data,
    ...Array.from({ length: samples }, (_, i) => moved.slice(i * size, (i + 1) * size)),
  ].map(data => ({ data, shape }))

  // The neighbours are explained for the class that the image itself is predicted as.
  const { signal } = options
  const explain = (target?: number) => ({
    ...(target !== undefined && { targets: target }),
    ...(signal && { signal }),
  })
  const [original] = await method.attribute(images.slice(0, 1), explain(options.target))
  const others = await method.attribute(images.slice(1), explain(original!.target))
  const length = norm(original!.map)
  if (length === 0) return 0
  return Math.max(...others.map(({ map }) => distance(map, original!.map))) / length
}

function norm({ data }: HeatMap): number {
  return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0))
}

function distance(a: HeatMap, b: HeatMap): number {
  return Math.sqrt(a.data.reduce((sum, value, i) => sum + (value - b.data[i]!) ** 2, 0))
}
