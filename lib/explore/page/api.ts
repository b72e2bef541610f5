import type { MethodDescription, OptionDescription } from '../../attribution/method-description.js'
import type {
  AttributionAnswer,
  DescribedModel,
  EncodedMap,
  ExploreSession,
  MaskedAnswer,
  MethodsAnswer,
  ModelsAnswer,
  PredictedClass,
  PredictionAnswer,
  ProgressEvent,
  StartEvent,
  StepEvent,
  StepNumbers,
  ToldFailure,
} from '../../server/answer-types.js'

export type { DescribedModel, MaskedPrediction, PredictedClass } from '../../server/answer-types.js'
export type { MethodDescription, OptionDescription }

/** The default of an option. */
export type OptionDefault = OptionDescription['defaults']['iba']

/** What there is on this server. */
export interface Server extends ExploreSession {
  models: readonly DescribedModel[]
  methods: readonly MethodDescription[]
}

/** A map that is drawn: height × width values. */
export interface MapData {
  height: number
  width: number
  data: Float32Array
}

/** An explained image, or one whose explanation is under way. */
export interface Explanation
  extends Pick<AttributionAnswer, 'target' | 'className' | 'probability' | 'method' | 'unit' | 'bits'> {
  map: MapData
  /** Undefined as long as it is under way. */
  seconds: number | undefined
  /** The numbers of each step so far. */
  steps: readonly StepNumbers[]
  /** The map after each step so far. */
  stepMaps: readonly MapData[]
  /** What the network saw, a PNG in base64. */
  image: string | undefined
}

/** What a request asks for, in the words of the server's queries. */
export type Query = Readonly<Record<string, string>>

/** What the server refused or failed at. */
export class ServerError extends Error {
  readonly remedy: string

  constructor(message: string, remedy: string) {
    super(message)
    this.remedy = remedy
  }
}

/** What there is on this server. */
export async function readServer(): Promise<Server> {
  const [models, methods, session] = await Promise.all([
    getJson<ModelsAnswer>('../v1/models'),
    getJson<MethodsAnswer>('../v1/methods'),
    getJson<ExploreSession>('session'),
  ])
  return { ...session, ...models, ...methods }
}

/** The bytes of a listed image. */
export async function readListedImage(index: number): Promise<Blob> {
  return await (await checked(await fetch(`images/${index}`))).blob()
}

/** The most probable classes; none where the network has no classes. */
export async function predict(
  image: Blob,
  query: Query,
  signal: AbortSignal,
): Promise<readonly PredictedClass[]> {
  const response = await send('../v1/predict', image, query, signal)
  return ((await response.json()) as PredictionAnswer).classes ?? []
}

/** Who is told of the work while it goes on. */
export interface Told {
  /** Of the share of the work that is done. */
  onProgress?: (share: number) => void
  /** Of what has been found after each of so many steps, of methods that have maps of their steps. */
  onStep?: (soFar: Explanation, steps: number) => void
}

/** Explains an image. */
export async function explain(
  image: Blob,
  query: Query,
  signal: AbortSignal,
  { onProgress, onStep }: Told = {},
): Promise<Explanation> {
  const response = await send('../v1/attribute/stream', image, { ...query, include: 'map,image' }, signal)
  let start: StartEvent | undefined
  let steps: readonly StepNumbers[] = []
  let stepMaps: readonly MapData[] = []
  for await (const { event, data } of events(response)) {
    if (event === 'progress') {
      const { step, steps } = data as ProgressEvent
      onProgress?.(step / steps)
    } else if (event === 'error') {
      const { message, remedy } = data as ToldFailure
      throw new ServerError(message, remedy)
    } else if (event === 'start') start = data as StartEvent
    else if (event === 'step') {
      const { step, map: encoded, bits, ...numbers } = data as StepEvent
      // The work may have begun anew.
      steps = [...steps.slice(0, step - 1), numbers as StepNumbers]
      if (!encoded) continue
      const map = decodeMap(encoded)
      stepMaps = [...stepMaps.slice(0, step - 1), map]
      if (start) onStep?.(soFar(start, { map, bits, steps, stepMaps }), start.steps)
    } else if (event === 'result') {
      const result = data as AttributionAnswer
      return { ...whole(result), steps, stepMaps }
    }
  }
  throw new ServerError('The server ended before the map was there.', 'Look whether it still runs.')
}

function soFar(
  { target, className, probability, method, unit = 'relative', image }: StartEvent,
  { bits, ...found }: Pick<Explanation, 'map' | 'steps' | 'stepMaps'> & { bits: unknown },
): Explanation {
  return {
    target,
    ...(className !== undefined && { className }),
    probability,
    method,
    unit,
    image,
    bits: typeof bits === 'number' ? bits : null,
    seconds: undefined,
    ...found,
  }
}

function whole({ map, image, steps = [], ...answer }: AttributionAnswer): Explanation {
  return { ...answer, image, map: decodeMap(map!), steps, stepMaps: [] }
}

/** Explains an image without the maps of its steps, which takes less time to be sent. */
export async function explainAtOnce(image: Blob, query: Query, signal: AbortSignal): Promise<Explanation> {
  const response = await send('../v1/attribute', image, { ...query, include: 'map,image' }, signal)
  return whole((await response.json()) as AttributionAnswer)
}

/** Asks for what is recognised in parts of an image.
 * @param shares of the pixels, 0 to 1 */
export async function predictMasked(
  image: Blob,
  asked: { model: string; map: MapData; shares: readonly number[]; top: number },
  signal: AbortSignal,
): Promise<MaskedAnswer> {
  const { map, ...others } = asked
  const encoded = { height: map.height, width: map.width, data: toBase64(new Uint8Array(map.data.buffer)) }
  const body = { ...others, map: encoded, image: toBase64(new Uint8Array(await image.arrayBuffer())) }
  const response = await fetch('masked', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  })
  return (await (await checked(response)).json()) as MaskedAnswer
}

/** A file that the server makes of a map. */
export async function makeFile(
  route: 'animation' | 'report',
  image: Blob,
  query: Query,
  words: { name: string; command: string },
): Promise<Blob> {
  const headers = {
    'iba-name': encodeURIComponent(words.name),
    'iba-command': encodeURIComponent(words.command),
  }
  return await (await send(route, image, query, undefined, headers)).blob()
}

async function getJson<Value>(url: string): Promise<Value> {
  return (await (await checked(await fetch(url))).json()) as Value
}

async function send(
  url: string,
  image: Blob,
  query: Query,
  signal?: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Response> {
  const response = await fetch(`${url}?${new URLSearchParams(query)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', ...headers },
    body: image,
    ...(signal && { signal }),
  })
  return await checked(response)
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response
  const told = (await response.json().catch(() => ({}))) as { error?: ToldFailure }
  throw new ServerError(
    told.error?.message ?? `The server answered with ${response.status}.`,
    told.error?.remedy ?? '',
  )
}

interface ServerEvent {
  event: string
  data: object
}

/** The events of a stream of them. */
async function* events(response: Response): AsyncGenerator<ServerEvent, void, undefined> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let pieces: string[] = []
  while (true) {
    const { done, value } = await reader.read()
    if (done) return
    pieces.push(value)
    if (!value.includes('\n\n') && !(value.startsWith('\n') && pieces.length > 1)) continue
    const blocks = pieces.join('').split('\n\n')
    pieces = [blocks.pop()!]
    for (const block of blocks) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/s.exec(block) ?? []
      if (event !== undefined) yield { event, data: JSON.parse(data!) as object }
    }
  }
}

function decodeMap({ height, width, data }: EncodedMap): MapData {
  return { height, width, data: new Float32Array(fromBase64(data).buffer) }
}

/** The bytes that a text in base64 stands for. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const letters = atob(text)
  const bytes = new Uint8Array(letters.length)
  // By index: a map has some hundred thousand bytes, each step of a method brings one, and a function for each byte keeps the page from
  // being drawn.
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i)
  return bytes
}

function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(text)
}
