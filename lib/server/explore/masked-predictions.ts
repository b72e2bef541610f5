import type { FastifyInstance } from 'fastify'
import {
  invalid,
  requireInteger,
  requireNumber,
  requireObject,
  requireString,
} from '../../foundation/validate.js'
import { PreparedInput } from '../../images/prepared-input.js'
import type { MaskedAnswer } from '../answer-types.js'
import { predictionAnswer } from '../answers.js'
import { RequestFailure } from '../failure.js'
import { fromJson, imageBytes } from '../request-image.js'
import { goneSignal } from '../request-signal.js'
import type { Service } from '../service.js'

const mostShares = 64

/** Adds the route that tells what the network recognises when only the strongest part of a map is kept, or removed. It takes JSON:
 * `image` and `model` as for a prediction, `top`, `map` with `height`, `width` and `data` (float32 in base64), and `shares`. */
export function addMaskedRoute(app: FastifyInstance, service: Service): void {
  app.post('/explore/masked', async (request, reply): Promise<MaskedAnswer> => {
    const { map, shares, ...json } = requireObject('the body', request.body as object) as Record<
      string,
      unknown
    >
    const { settings, image } = fromJson(request.query, json)
    const served = service.find(settings.model)
    requireClasses(served.model.outputKind)
    const parts = requireShares(shares)
    const order = strongestFirst(readMap(map))
    using signal = service.signalFor(settings, goneSignal(reply))
    const outputs = await served.predictVariants(
      await imageBytes(image, service.remote, signal),
      input => parts.flatMap(share => variants(input, order, share)),
      { client: service.clientOf(request), signal },
    )
    const classes = outputs.map(
      output => predictionAnswer(served.name, served.model, output, settings.top).classes!,
    )
    return {
      model: served.name,
      fill: served.model.preprocessing.mean.map(value => Math.round(value * 255)),
      predictions: parts.map((share, i) => ({ share, kept: classes[2 * i]!, removed: classes[2 * i + 1]! })),
    }
  })
}

/** The pixels of a map, those of the greatest values first; equal ones in their order. */
export function strongestFirst(values: Float32Array): Uint32Array {
  return new Uint32Array(values.length).map((_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b)
}

/** The image with only the first pixels of the order, and with all but them. */
function variants(input: PreparedInput, order: Uint32Array, share: number): [PreparedInput, PreparedInput] {
  const { name, channels, height, width, data, pixels } = input
  const size = height * width
  if (order.length !== size)
    throw invalid('the map', `${size} values, as many as the network sees pixels`, order.length)
  const kept = new Float32Array(data.length)
  const removed = data.slice()
  for (const pixel of order.subarray(0, Math.round(share * size))) {
    for (let at = pixel; at < data.length; at += size) {
      kept[at] = data[at]!
      removed[at] = 0
    }
  }
  const made = (values: Float32Array) => new PreparedInput(name, values, [channels, height, width], pixels)
  return [made(kept), made(removed)]
}

function readMap(given: unknown): Float32Array {
  const { height, width, data } = requireObject('map', given as object) as Record<string, unknown>
  const bytes = Buffer.from(requireString('map.data', data), 'base64')
  const count =
    requireInteger('map.height', height, 1, 65_536) * requireInteger('map.width', width, 1, 65_536)
  if (bytes.length !== count * 4)
    throw invalid('map.data', `${count} float32 values in base64`, `${bytes.length} bytes`)
  return new Float32Array(new Uint8Array(bytes).buffer)
}

function requireShares(given: unknown): number[] {
  if (!Array.isArray(given) || given.length === 0 || given.length > mostShares)
    throw invalid('shares', `a list of 1 to ${mostShares} numbers from 0 to 1`, given)
  return given.map(share => requireNumber('shares (each)', share, 0, 1))
}

function requireClasses(kind: string): void {
  if (kind === 'classes' || kind === 'labels') return
  throw new RequestFailure(
    'NOT_SERVED',
    `The outputs of this network are ${kind}, not classes that could be recognised.`,
    'Take a network that classifies.',
  )
}
