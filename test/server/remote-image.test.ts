import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'ava'
import type { RequestFailure } from '../../lib/server/failure.js'
import { isPublicAddress, RemoteImages } from '../../lib/server/remote-image.js'

const never = new AbortController().signal

async function startSite(answer: RequestListener): Promise<{ site: Server; port: number }> {
  const site = createServer(answer)
  await new Promise<void>(resolve => site.listen(0, '127.0.0.1', resolve))
  return { site, port: (site.address() as AddressInfo).port }
}

const answers: RequestListener = ({ url }, response) => {
  if (url === '/image') response.end('the image')
  else if (url === '/moved') response.writeHead(302, { location: '/image' }).end()
  else if (url === '/round') response.writeHead(302, { location: '/round' }).end()
  else if (url === '/away') response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end()
  else if (url === '/file') response.writeHead(302, { location: 'file:///etc/passwd' }).end()
  else if (url === '/long') response.end('x'.repeat(101))
  else if (url === '/torn') response.writeHead(200, { 'content-length': '100' }).destroy()
  else response.writeHead(404).end()
}

test('an image is fetched from an origin that is allowed, within the limits', async t => {
  const { site, port } = await startSite(answers)
  t.teardown(() => site.close())
  const origin = `http://127.0.0.1:${port}`
  const remote = new RemoteImages({ origins: new Set([origin]), bytes: 100, isAllowed: () => true })
  t.teardown(() => remote.close())
  const code = async (path: string) =>
    remote.fetch(path, never).then(String, (error: RequestFailure) => error.code)
  t.is(await code(`${origin}/image`), 'the image')
  t.is(await code(`${origin}/moved`), 'the image')
  t.is(await code(`${origin}/round`), 'IMAGE_FETCH')
  t.is(await code(`${origin}/away`), 'FORBIDDEN')
  t.is(await code(`${origin}/file`), 'FORBIDDEN')
  t.is(await code(`${origin}/long`), 'TOO_LARGE')
  t.is(await code(`${origin}/torn`), 'IMAGE_FETCH')
  t.is(await code(`${origin}/none`), 'IMAGE_FETCH')
  t.is(await code(`http://localhost:${port}/image`), 'FORBIDDEN')
  t.is(await code(`http://user@127.0.0.1:${port}/image`), 'FORBIDDEN')
  t.is(await code('no URL'), 'FORBIDDEN')
})

test('a name that resolves to a private address is refused as it is connected to', async t => {
  const { site, port } = await startSite(answers)
  t.teardown(() => site.close())
  const origins = new Set([`http://localhost:${port}`, `http://127.0.0.1:${port}`])
  const remote = new RemoteImages({ origins, bytes: 100 })
  t.teardown(() => remote.close())
  for (const origin of origins) {
    const error = await t.throwsAsync<RequestFailure>(remote.fetch(`${origin}/image`, never))
    t.is(error.code, 'FORBIDDEN')
    t.regex(error.message, /private address/)
  }
})

test('an abort ends a fetch', async t => {
  const { site, port } = await startSite(() => {})
  t.teardown(() => {
    site.closeAllConnections()
    site.close()
  })
  const origin = `http://127.0.0.1:${port}`
  const remote = new RemoteImages({ origins: new Set([origin]), bytes: 100, isAllowed: () => true })
  t.teardown(() => remote.close())
  const controller = new AbortController()
  const fetched = remote.fetch(`${origin}/image`, controller.signal)
  controller.abort(new Error('late'))
  await t.throwsAsync(fetched, { message: 'late' })
})

test('only addresses of the internet at large are public', t => {
  for (const address of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111'])
    t.true(isPublicAddress(address), address)
  const others = [
    ...[
      '127.0.0.1',
      '10.1.2.3',
      '172.16.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
      '224.0.0.1',
    ],
    ...[
      '255.255.255.255',
      '::1',
      '::',
      'fe80::1',
      'fc00::1',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      '64:ff9b::7f00:1',
    ],
    ...['2002:7f00:1::', '2001:db8::1', 'ff02::1', 'localhost', ''],
  ]
  for (const address of others) t.false(isPublicAddress(address), address)
})
