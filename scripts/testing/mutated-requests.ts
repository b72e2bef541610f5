import { randomIntegers } from '../../lib/foundation/random.js'

/** A request as it goes over the wire, and what it began as. */
export interface WireRequest {
  kind: string
  bytes: Buffer
}

type Draw = (bound: number) => number

/** Words that readers of requests have stumbled over. */
const odd = [
  '',
  '-1',
  '0',
  '1e999',
  'NaN',
  'null',
  'true',
  '[]',
  '{}',
  '__proto__',
  '../../etc/passwd',
  'file:///etc/passwd',
  '%00',
  '%ff%fe',
  '\u202e',
  '9'.repeat(400),
  'a'.repeat(5000),
  '{"contrast":[0,0]}',
  '{"labels":[]}',
  '{"embedding":[1]}',
]

const names = [
  'model',
  'method',
  'target',
  'seed',
  'include',
  'timeout',
  'top',
  'steps',
  'layer',
  'keepRaw',
  'rows',
  'x',
]

/** Requests that begin as valid ones and are damaged in one or some places: in the query, the headers, the body, or the bytes of
 * the whole. The same ones for the same seed.
 * @param image an encoded image */
export function* mutatedRequests(image: Buffer, seed: number): Generator<WireRequest, never, undefined> {
  const draw = randomIntegers(seed)
  while (true) {
    const whole = draw(10) === 0
    const { kind, path, type, body } = valid(image, draw)
    const damaged = draw(3) > 0 ? damage(body, draw) : body
    const headers = headersOf(draw(4) === 0 ? pick(types, draw) : type, damaged, draw)
    const head = `POST ${path}${queryOf(draw)} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`
    const bytes = Buffer.concat([Buffer.from(head), damaged])
    yield { kind: whole ? `${kind}, bytes` : kind, bytes: whole ? damage(bytes, draw) : bytes }
  }
}

const types = [
  'application/json',
  'multipart/form-data',
  'application/x-ndjson',
  'image/png',
  'text/plain',
  'x',
  '',
]

function valid(image: Buffer, draw: Draw): { kind: string; path: string; type: string; body: Buffer } {
  const settings = { method: 'gradient', target: 3, include: ['map'], seed: 1 }
  const json = JSON.stringify({ ...settings, image: image.toString('base64') })
  const path = pick(['/v1/attribute', '/v1/attribute', '/v1/attribute/stream', '/v1/predict'], draw)
  switch (draw(4)) {
    case 0:
      return { kind: 'image', path, type: 'image/png', body: image }
    case 1:
      return { kind: 'JSON', path, type: 'application/json', body: Buffer.from(json) }
    case 2:
      return {
        kind: 'lines',
        path: '/v1/attribute/batch',
        type: 'application/x-ndjson',
        body: Buffer.from(`${json}\n${json}\n`),
      }
    default: {
      const begin = '--b\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
      const middle = '\r\n--b\r\ncontent-disposition: form-data; name="settings"\r\n\r\n'
      const parts = [begin, image, middle, JSON.stringify(settings), '\r\n--b--\r\n']
      const body = Buffer.concat(parts.map(part => Buffer.from(part)))
      return { kind: 'form', path, type: 'multipart/form-data; boundary=b', body }
    }
  }
}

function headersOf(type: string, body: Buffer, draw: Draw): string[] {
  const headers = ['host: localhost', 'connection: close', `content-type: ${type}`]
  // A length that is too great would only be waited for.
  headers.push(`content-length: ${draw(20) === 0 ? draw(body.length + 1) : body.length}`)
  if (draw(5) === 0)
    headers.push(`accept: ${pick(['image/png', 'text/event-stream', '*/*;q=0', ';;,', 'x'], draw)}`)
  if (draw(10) === 0)
    headers.push(
      `${pick(['x-request-id', 'origin', 'authorization', 'expect', 'te'], draw)}: ${header(draw)}`,
    )
  return headers
}

function header(draw: Draw): string {
  return pick(odd, draw).replace(/[^\x20-\x7e]/g, '?')
}

function queryOf(draw: Draw): string {
  const count = draw(3)
  const parts = Array.from({ length: count }, () => `${pick(names, draw)}=${encoded(pick(odd, draw), draw)}`)
  return count === 0 ? '' : `?${parts.join('&')}`
}

function encoded(text: string, draw: Draw): string {
  return text.startsWith('%') || draw(2) === 0 ? text.replace(/[^\x21-\x7e]/g, '') : encodeURIComponent(text)
}

/** Flips, removes, repeats or inserts bytes. */
function damage(bytes: Buffer, draw: Draw): Buffer {
  let damaged = Buffer.from(bytes)
  for (let times = 1 + draw(4); times > 0; times--) {
    const at = draw(damaged.length + 1)
    const length = Math.min(damaged.length - at, draw(40))
    switch (draw(4)) {
      case 0:
        if (at < damaged.length) damaged[at] = draw(256)
        break
      case 1:
        damaged = Buffer.concat([damaged.subarray(0, at), damaged.subarray(at + length)])
        break
      case 2:
        damaged = Buffer.concat([damaged.subarray(0, at + length), damaged.subarray(at)])
        break
      default:
        damaged = Buffer.concat([damaged.subarray(0, at), Buffer.from(pick(odd, draw)), damaged.subarray(at)])
    }
  }
  return damaged
}

function pick<Item>(items: readonly Item[], draw: Draw): Item {
  return items[draw(items.length)]!
}
