import { InvalidArgumentError } from '../foundation/errors.js'
import { isBlob } from '../foundation/realms.js'
import { invalid, requireKnownKeys, requireObject, requireString } from '../foundation/validate.js'
import type { RemoteImages } from './remote-image.js'
import { type JsonSettings, readSettings, type Settings } from './settings.js'

/** A request's settings, and where its image is. */
export interface ImageRequest {
  settings: Settings
  image: { bytes: Uint8Array } | { url: string }
}

/** JSON with an image in it: a request, or a line of a batch. */
interface JsonRequest extends JsonSettings {
  /** In base64. */
  image?: unknown
  url?: unknown
}

/** What a request asks for. Its body is an image, a form with the part `image` and perhaps `settings` as JSON, or JSON with
 * `image` in base64 or `url`.
 * @throws InvalidArgumentError, RequestFailure */
export async function readRequest(query: unknown, type: string, body: unknown): Promise<ImageRequest> {
  if (Buffer.isBuffer(body)) {
    if (/^multipart\/form-data/i.test(type)) return await fromForm(query, type, body)
    if (body.length > 0) return { settings: readSettings(query), image: { bytes: body } }
  } else if (body !== undefined && body !== null) {
    return fromJson(query, requireObject('the body', body as object))
  }
  throw new InvalidArgumentError(
    'The request has no body. Expected the bytes of an image, a form with the part image, or JSON with image in base64.',
  )
}

/** A request in JSON.
 * @throws InvalidArgumentError */
export function fromJson(query: unknown, { image, url, ...json }: JsonRequest): ImageRequest {
  const settings = readSettings(query, json)
  if ((image === undefined) === (url === undefined))
    throw invalid('the image', 'either image, the bytes in base64, or url', image)
  if (url !== undefined) return { settings, image: { url: requireString('url', url) } }
  return { settings, image: { bytes: fromBase64(requireString('image', image)) } }
}

/** How long JSON may be that has an image of so many bytes in base64, and what stands around it. */
export function jsonBytes(imageBytes: number): number {
  return Math.ceil((imageBytes * 4) / 3) + 2 ** 20
}

/** The bytes of an image. */
export async function imageBytes(
  image: ImageRequest['image'],
  remote: RemoteImages,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return 'bytes' in image ? image.bytes : await remote.fetch(image.url, signal)
}

async function fromForm(query: unknown, type: string, body: Buffer): Promise<ImageRequest> {
  const form = await parseForm(type, body)
  requireKnownKeys('the form', Object.fromEntries([...form.keys()].map(name => [name, true])), [
    'image',
    'url',
    'settings',
  ])
  const [image, url, settings] = ['image', 'url', 'settings'].map(name => form.get(name))
  const json = settings == null ? {} : parseJson(await textOf('settings', settings))
  if (isBlob(image)) {
    if (url != null) throw invalid('the image', 'either image or url', url)
    return {
      settings: readSettings(query, json),
      image: { bytes: new Uint8Array(await image.arrayBuffer()) },
    }
  }
  if (typeof image === 'string')
    throw invalid("the form's image", 'a file (as in curl -F image=@cat.jpg)', image)
  return fromJson(query, { ...json, ...(url != null && { url }) })
}

async function parseForm(type: string, body: Buffer): Promise<FormData> {
  try {
    return await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  } catch {
    throw invalid('the body', 'a whole form (multipart/form-data), as its header says', body)
  }
}

async function textOf(name: string, part: string | Blob): Promise<string> {
  if (typeof part === 'string') return part
  if (part.size > 2 ** 20) throw invalid(`the form's ${name}`, 'at most 1 MiB of JSON', part)
  return await part.text()
}

function parseJson(text: string): JsonSettings {
  try {
    return requireObject("the form's settings", JSON.parse(text))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw invalid("the form's settings", 'JSON', text)
  }
}

function fromBase64(text: string): Uint8Array {
  const data = text.replace(/^data:[^,]{0,100};base64,/, '')
  if (/[^A-Za-z0-9+/=\s]/.test(data)) throw invalid('image', 'bytes in base64', text)
  return Buffer.from(data, 'base64')
}
