import { request } from 'node:http'
import { connect } from 'node:net'
import test from 'ava'
import sharp from 'sharp'
import { describeMethods } from '../../lib/index.js'
import { withoutPaths } from '../../lib/server/failure.js'
import { parts, settingNames } from '../../lib/server/settings.js'
import { type Answer, get, picture, post, postJson, startServer, type TestServer } from '../support/server.js'

let server: TestServer
let image: Buffer

test.before(async () => {
  server = await startServer({
    limits: {
      bodyBytes: 200_000,
      pixels: 100_000,
      passes: 400,
      keptValues: 100_000,
      receivingSeconds: 1,
      seconds: 20,
    },
  })
  image = await picture()
})
test.after.always(() => server?.close())

const wrong: Record<string, [query: string, status: number, code: string, message: RegExp]> = {
  'an option that there is not': [
    'steqs=3',
    400,
    'INVALID_ARGUMENT',
    /no option 'steqs'\. Did you mean 'steps'\?/,
  ],
  'a value of another form': [
    'steps=three',
    400,
    'INVALID_ARGUMENT',
    /a number for steps but received 'three'/,
  ],
  'a value out of range': ['steps=0', 400, 'INVALID_ARGUMENT', /whole number from 1 to 100000 for steps/],
  'an option of the operator': ['rows=4096', 403, 'FORBIDDEN', /'rows' is chosen by the operator/],
  'a file for an array': [
    'method=input-iba&prior=/etc/mask.npy',
    403,
    'FORBIDDEN',
    /'prior' names no files of this server/,
  ],
  'a folder of images': [
    'method=gradient-shap&baselines=/etc',
    403,
    'FORBIDDEN',
    /'baselines' is chosen by the operator/,
  ],
  'a file of statistics': [
    'statistics=/etc/passwd',
    403,
    'FORBIDDEN',
    /'statistics' is chosen by the operator/,
  ],
  'a model that there is not': [
    'model=smal',
    404,
    'NOT_FOUND',
    /no model 'smal' here\. Did you mean 'small'\?/,
  ],
  'a method that there is not': ['method=grad-kam', 400, 'INVALID_ARGUMENT', /Did you mean 'grad-cam'\?/],
  'a method that lacks something': ['method=readout', 422, 'NOT_SERVED', /readout needs a readout/],
  'a class that there is not': ['target=10', 400, 'INVALID_ARGUMENT', /from 0 to 9 for target/],
  'a name where classes have none': ['target=cat', 400, 'MODEL', /have no names/],
  'a target in broken JSON': ['target={', 400, 'INVALID_ARGUMENT', /JSON such as/],
  'a layer that statistics lack': ['layer=layer3', 422, 'STATISTICS', /no layer 'layer3'/],
  'too much work': ['steps=41', 422, 'LIMIT', /takes 410 passes .* limit of this server: 400/],
  'too much to keep': ['steps=25&copies=1&include=stepMaps', 422, 'LIMIT', /102,400 values/],
  'a part that the method lacks': [
    'method=gradient&include=stepMaps',
    400,
    'INVALID_ARGUMENT',
    /it has no stepMaps/,
  ],
  'a part that there is not': ['include=maps', 400, 'INVALID_ARGUMENT', /of these: map, overlay/],
  'a setting given twice': ['seed=1&seed=2', 400, 'INVALID_ARGUMENT', /one value/],
  'a negative seed': ['seed=-1', 400, 'INVALID_ARGUMENT', /whole number of at least 0 for seed/],
}

for (const [what, [query, status, code, message]] of Object.entries(wrong)) {
  test(`refused: ${what}`, async t => {
    isFailure(t, await post(`${server.url}/v1/attribute?${query}`, image), status, code, message)
  })
}

test('refused: bodies that are no image', async t => {
  const url = `${server.url}/v1/attribute`
  isFailure(t, await post(url), 400, 'INVALID_ARGUMENT', /no body/)
  isFailure(t, await post(url, 'text'), 422, 'IMAGE', /format is unknown/)
  isFailure(t, await post(url, image.subarray(0, 900)), 422, 'IMAGE', /Can't decode/)
  isFailure(t, await post(url, new Uint8Array(200_001)), 413, 'TOO_LARGE', /too large/)
  const bomb = await sharp({ create: { width: 1000, height: 101, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  isFailure(t, await post(url, bomb), 422, 'IMAGE', /1000 × 101 pixels, more than .* 100,000 in all/)
  const form = new FormData()
  form.set('picture', new Blob([new Uint8Array(image)]))
  isFailure(t, await post(url, form), 400, 'INVALID_ARGUMENT', /Unknown option 'picture' in the form/)
  const torn = { headers: { 'content-type': 'multipart/form-data; boundary=x' } }
  isFailure(t, await post(url, '--x\r\nContent-', torn), 400, 'INVALID_ARGUMENT', /a whole form/)
})

test('refused: JSON that asks for nothing that there is', async t => {
  const url = `${server.url}/v1/attribute`
  const json = { headers: { 'content-type': 'application/json' } }
  isFailure(t, await post(url, '{"image":', json), 400, 'INVALID_ARGUMENT', /JSON/)
  isFailure(t, await post(url, '{"__proto__":{"a":1}}', json), 400, 'INVALID_ARGUMENT', /./)
  isFailure(t, await postJson(url, [1]), 400, 'INVALID_ARGUMENT', /an object for the body/)
  isFailure(t, await postJson(url, {}), 400, 'INVALID_ARGUMENT', /either image/)
  isFailure(t, await postJson(url, { image: 'a%' }), 400, 'INVALID_ARGUMENT', /base64/)
  isFailure(t, await postJson(url, { path: '/etc/passwd' }), 400, 'INVALID_ARGUMENT', /Unknown option 'path'/)
  isFailure(
    t,
    await postJson(url, { image: 'AA', options: { readout: '/etc/passwd' } }),
    403,
    'FORBIDDEN',
    /operator/,
  )
  isFailure(t, await postJson(url, { url: 'file:///etc/passwd' }), 403, 'FORBIDDEN', /fetches no images/)
  isFailure(t, await postJson(url, { image: '/etc/passwd' }), 422, 'IMAGE', /Can't decode/)
})

test('refused: routes and methods of HTTP that there are not', async t => {
  isFailure(t, await get(`${server.url}/v1/atribute`), 404, 'NOT_FOUND', /There is no GET \/v1\/atribute/)
  const wrongVerb = await get(`${server.url}/v1/attribute`)
  isFailure(t, wrongVerb, 405, 'NOT_ALLOWED', /takes no GET/)
  t.is(wrongVerb.headers.get('allow'), 'POST')
  isFailure(t, await get(`${server.url}/v1/models/x`), 404, 'NOT_FOUND', /no model 'x'/)
  isFailure(t, await get(`${server.url}/%zz`), 400, 'INVALID_ARGUMENT', /url/)
  isFailure(t, await post(`${server.url}/v1/attribute/batch`, image), 406, 'NOT_ACCEPTABLE', /lines of JSON/)
})

test('refused: requests to the loopback address under the name of another site', async t => {
  const answered = (headers: Record<string, string>) =>
    new Promise<number>(resolve => {
      const sent = request(`${server.url}/v1/models`, { headers }, response => {
        response.resume()
        resolve(response.statusCode!)
      })
      sent.end()
    })
  t.is(await answered({ host: 'example.com' }), 403)
  t.is(await answered({ host: 'localhost.example.com' }), 403)
  t.regex(await raw('GET /v1/models HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n'), /^HTTP\/1\.1 403 /)
  t.is(await answered({ host: `localhost:${server.port}` }), 200)
  t.is(await answered({ host: '[::1]:80' }), 200)
  t.is(await answered({ origin: 'https://example.com' }), 403)
  t.is(await answered({ origin: 'null' }), 403)
  t.is(await answered({ origin: `http://127.0.0.1:${server.port}` }), 200)
})

test('a deadline ends a request, whether it waits or runs', async t => {
  const answer = await post(`${server.url}/v1/attribute?steps=40&timeout=0.02`, image)
  isFailure(t, answer, 504, 'DEADLINE', /within its 0\.02 seconds/)
})

test('heads and bodies that come too slowly are given up', async t => {
  const head = await raw('POST /v1/attribute HTTP/1.1\r\nhost: localhost\r\nx-a: ')
  t.regex(head, /^HTTP\/1\.1 408 /)
  const body = await raw('POST /v1/attribute HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nabc')
  t.regex(body, /^HTTP\/1\.1 408 /)
  t.regex(body, /didn't arrive within 1 seconds/)
  const line = await raw(
    'POST /v1/attribute/batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: 1000\r\n\r\n{"im',
  )
  t.regex(line, /^HTTP\/1\.1 200 .*"RECEIVING"/s)
  t.regex(await raw('NONSENSE\r\n\r\n'), /^HTTP\/1\.1 400 .*"INVALID_ARGUMENT"/s)
  t.regex(await raw(`GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /)
})

test('messages name no path of the disk, but layers', t => {
  t.is(withoutPaths("Can't read '/usr/share/x y.pt': gone"), "Can't read 'a file of the server y.pt': gone")
  t.is(withoutPaths("no layer '/features/0/Conv'"), "no layer '/features/0/Conv'")
})

test('no option of a method has the name of a setting', t => {
  const options = describeMethods().flatMap(method => method.options.map(({ name }) => name))
  for (const name of settingNames) t.false(options.includes(name), name)
  for (const option of Object.values(parts)) t.true(option === undefined || options.includes(option))
})

/** What a connection answers until it is closed. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('utf8').on('data', piece => {
      answer += piece
    })
    socket.on('error', reject).on('close', () => resolve(answer))
    socket.write(text)
  })
}

function isFailure(
  t: {
    is: (a: unknown, b: unknown, message?: string) => void
    regex: (text: string, pattern: RegExp) => void
    true: (a: boolean) => void
  },
  { status, json }: Answer,
  expected: number,
  code: string,
  message: RegExp,
): void {
  t.is(status, expected, JSON.stringify(json))
  t.is(json.error.code, code)
  t.regex(json.error.message, message)
  t.true(json.error.remedy.length > 10)
  t.true(json.error.request.length > 10)
}
