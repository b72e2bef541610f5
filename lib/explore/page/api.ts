/** A network, as the server tells of it. */
export interface ModelInfo {
  name: string
  architecture: string
  classes: number
  classNames: readonly string[]
  outputKind: string
  height: number
  width: number
  bottleneckLayer: string
  methods: readonly string[]
  defaultMethod: string
}

/** An option of a method, as the server tells of it. */
export interface OptionInfo {
  name: string
  flag?: string
  summary: string
  form: 'number' | 'whole' | 'flag' | 'choice' | 'text' | 'numbers' | 'array'
  defaults: { iba: OptionValue | null }
  minimum?: number
  maximum?: number
  choices?: readonly string[]
}

export type OptionValue = string | number | boolean | readonly number[]

/** A method, as the server tells of it. */
export interface MethodInfo {
  name: string
  summary: string
  source: string
  needs: readonly string[]
  options: readonly OptionInfo[]
}

/** What there is on this server. */
export interface Server {
  models: readonly ModelInfo[]
  methods: readonly MethodInfo[]
  images: readonly string[]
  layers: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
}

/** A map that is drawn: height × width values. */
export interface MapData {
  height: number
  width: number
  data: Float32Array
}

/** A class with its probability. */
export interface ClassScore {
  class: number
  className?: string
  probability: number
}

/** An explained image. */
export interface Explanation {
  map: MapData
  target: unknown
  className: string | undefined
  probability: number | null
  method: string
  unit: string
  bits: number | null
  seconds: number
  /** The numbers of each step. */
  steps: readonly Readonly<Record<string, number>>[]
  /** The map after each step. */
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
    getJson<{ models: ModelInfo[] }>('../v1/models'),
    getJson<{ methods: MethodInfo[] }>('../v1/methods'),
    getJson<Pick<Server, 'images' | 'layers'>>('session'),
  ])
  return { ...models, ...methods, ...session }
}

/** The bytes of a listed image. */
export async function readListedImage(index: number): Promise<Blob> {
  return await (await checked(await fetch(`images/${index}`))).blob()
}

/** The most probable classes; none where the network has no classes. */
export async function predict(image: Blob, query: Query, signal: AbortSignal): Promise<ClassScore[]> {
  const response = await send('../v1/predict', image, query, signal)
  return ((await response.json()) as { classes?: ClassScore[] }).classes ?? []
}

/** Explains an image.
 * @param onProgress called with the share of the work that is done */
export async function explain(
  image: Blob,
  query: Query,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<Explanation> {
  const response = await send('../v1/attribute/stream', image, { ...query, include: 'map,image' }, signal)
  const steps: Record<string, number>[] = []
  const stepMaps: MapData[] = []
  for await (const { event, data } of events(response)) {
    if (event === 'progress') onProgress(Number(data.step) / Number(data.steps))
    else if (event === 'error') throw new ServerError(String(data.message), String(data.remedy))
    else if (event === 'step') {
      const { step: _, map, ...numbers } = data as Record<string, number> & { map?: EncodedMap }
      steps.push(numbers as Record<string, number>)
      if (map) stepMaps.push(decodeMap(map))
    } else if (event === 'result') {
      const result = data as unknown as Omit<Explanation, 'map'> & { map: EncodedMap }
      return { ...result, map: decodeMap(result.map), steps, stepMaps }
    }
  }
  throw new ServerError('The server ended before the map was there.', 'Look whether it still runs.')
}

/** Explains an image without the maps of its steps, which takes less time to be sent. */
export async function explainAtOnce(image: Blob, query: Query, signal: AbortSignal): Promise<Explanation> {
  const response = await send('../v1/attribute', image, { ...query, include: 'map,image' }, signal)
  const answer = (await response.json()) as Omit<Explanation, 'map'> & { map: EncodedMap }
  return { ...answer, steps: answer.steps ?? [], map: decodeMap(answer.map), stepMaps: [] }
}

/** What the network recognises in the strongest part of a map, and in the rest. */
export interface MaskedPrediction {
  share: number
  kept: readonly ClassScore[]
  removed: readonly ClassScore[]
}

/** Asks for what is recognised in parts of an image.
 * @param shares of the pixels, 0 to 1 */
export async function predictMasked(
  image: Blob,
  asked: { model: string; map: MapData; shares: readonly number[]; top: number },
  signal: AbortSignal,
): Promise<{ fill: readonly number[]; predictions: readonly MaskedPrediction[] }> {
  const { map, ...others } = asked
  const encoded = { height: map.height, width: map.width, data: toBase64(new Uint8Array(map.data.buffer)) }
  const body = { ...others, map: encoded, image: toBase64(new Uint8Array(await image.arrayBuffer())) }
  const response = await fetch('masked', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  })
  return (await (await checked(response)).json()) as Awaited<ReturnType<typeof predictMasked>>
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
  const told = (await response.json().catch(() => ({}))) as { error?: { message: string; remedy: string } }
  throw new ServerError(
    told.error?.message ?? `The server answered with ${response.status}.`,
    told.error?.remedy ?? '',
  )
}

interface ServerEvent {
  event: string
  data: Record<string, unknown>
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
      if (event !== undefined) yield { event, data: JSON.parse(data!) as Record<string, unknown> }
    }
  }
}

interface EncodedMap {
  height: number
  width: number
  data: string
}

function decodeMap({ height, width, data }: EncodedMap): MapData {
  return { height, width, data: new Float32Array(Uint8Array.from(atob(data), c => c.charCodeAt(0)).buffer) }
}

function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(text)
}
