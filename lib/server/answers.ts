import type { Attribution, HeatMap, SeenImage } from '../attribution/attribution.js'
import { summaryOf } from '../attribution/summary.js'
import { npyPieces } from '../images/npy.js'
import type { Model } from '../model/model.js'
import type { Tensor } from '../native/values.js'
import { drawFigure } from '../rendering/figure.js'
import { renderOverlay } from '../rendering/overlay.js'
import type {
  AttributionAnswer,
  EncodedMap,
  EncodedTensor,
  PredictedClass,
  PredictionAnswer,
} from './answer-types.js'
import { RequestFailure } from './failure.js'
import type { Explained } from './served-model.js'
import type { Part } from './settings.js'

/** What can be answered with. */
export const mediaTypes = {
  json: 'application/json',
  png: 'image/png',
  npy: 'application/x-npy',
  events: 'text/event-stream',
} as const

/** The form of an answer. */
export type AnswerForm = keyof typeof mediaTypes

/** The first form that a client accepts.
 * @throws RequestFailure where it accepts none of them */
export function acceptedForm(accept: string | undefined, forms: readonly AnswerForm[]): AnswerForm {
  const wanted = (accept ?? '*/*')
    .split(',', 50)
    .map(parseRange)
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
  for (const { range } of wanted) {
    const form = forms.find(each => fits(range, mediaTypes[each]))
    if (form) return form
  }
  throw new RequestFailure(
    'NOT_ACCEPTABLE',
    `The request accepts ${accept?.slice(0, 100)} only.`,
    `Accept one of: ${forms.map(form => mediaTypes[form]).join(', ')}.`,
  )
}

/** An answer as JSON. */
export async function jsonAnswer(
  model: string,
  { attribution, seconds }: Explained,
  include: ReadonlySet<Part>,
): Promise<AttributionAnswer> {
  const { seconds: explaining, ...summary } = summaryOf(attribution)
  const { map, image, tensors } = attribution
  return {
    model,
    ...summary,
    seconds: explaining,
    ...(include.has('map') && { map: encodedMap(map) }),
    ...(include.has('overlay') && { overlay: (await renderOverlay(image, map)).toString('base64') }),
    ...(include.has('image') && { image: await encodedImage(image) }),
    ...(Object.keys(tensors).length > 0 && { tensors: encodedTensors(tensors) }),
    timing: { ...seconds, explaining },
  }
}

/** A map as a `.npy` file of shape (height, width). */
export function npyAnswer({ map }: Attribution): Buffer {
  return Buffer.concat(npyPieces(map.data, [map.height, map.width]))
}

/** Of an embedding all numbers would be told. */
const longestHeader = 1000

/** What an answer says that is a picture or an array, as headers. */
export function factHeaders(model: string, { attribution }: Explained): Record<string, string> {
  const { target, className, probability, score, method, unit, bits } = summaryOf(attribution)
  const told = encodeURIComponent(typeof target === 'object' ? JSON.stringify(target) : String(target))
  return {
    'iba-model': encodeURIComponent(model),
    'iba-method': method,
    ...(told.length <= longestHeader && { 'iba-target': told }),
    ...(className !== undefined && { 'iba-class-name': encodeURIComponent(className) }),
    'iba-score': String(score),
    ...(probability !== null && { 'iba-probability': String(probability) }),
    'iba-unit': unit,
    ...(bits !== null && { 'iba-bits': String(bits) }),
  }
}

/** The most probable classes or labels by the outputs of a network; of others the outputs themselves. */
export function predictionAnswer(
  name: string,
  model: Model,
  outputs: Float32Array,
  top: number,
): PredictionAnswer {
  const kind = model.outputKind
  if (kind !== 'classes' && kind !== 'labels') return { model: name, outputKind: kind, outputs: [...outputs] }
  const probabilities = kind === 'classes' ? softmax(outputs) : [...outputs].map(sigmoid)
  const classes: PredictedClass[] = probabilities
    .map((probability, index) => ({ class: index, ...model.named(index), probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, top)
  return { model: name, outputKind: kind, classes }
}

/** A map as JSON has it. */
export function encodedMap({ height, width, data }: HeatMap): EncodedMap {
  return { height, width, data: base64(data) }
}

/** What the network saw, as a PNG in base64. */
export async function encodedImage(image: SeenImage): Promise<string> {
  return (await drawFigure(image.pixels, image, {})).toString('base64')
}

/** In base64, little-endian. */
function base64({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}

function encodedTensors(tensors: Readonly<Record<string, Tensor>>): Record<string, EncodedTensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [name, { shape, data: base64(data) }]),
  )
}

function parseRange(text: string): { range: string; quality: number } {
  const [range = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase())
  const given = parameters.find(parameter => parameter.startsWith('q='))
  const quality = given === undefined ? 1 : Number(given.slice(2))
  return { range, quality: Number.isFinite(quality) ? quality : 0 }
}

function fits(range: string, type: string): boolean {
  if (range === '*/*') return true
  return range.endsWith('/*') ? type.startsWith(range.slice(0, -1)) : range === type
}

function softmax(logits: Float32Array): number[] {
  const greatest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity)
  const powers = Array.from(logits, logit => Math.exp(logit - greatest))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map(power => power / sum)
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit))
}
