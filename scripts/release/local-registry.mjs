import { createHash } from 'node:crypto'
import { createReadStream, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { SetupFailure } from '../../lib/install/failure.mjs'
import { run, tail } from '../../lib/install/process.mjs'

/** What is published of a package: its document, and where its tarballs lie.
 * @typedef {{ name: string, 'dist-tags': Record<string, string>, versions: Record<string, any> }} Document */

/** A registry on this machine for what is about to be published. It takes packages as `npm publish` sends them, checks
 * their integrity, and asks another registry for all others.
 * @param {string} folder for the tarballs
 * @param {string} upstream address of the other registry
 * @returns {Promise<{ url: string, close(): void }>} */
export async function startRegistry(folder, upstream) {
  /** @type {Map<string, Document>} */
  const documents = new Map()
  mkdirSync(folder, { recursive: true })
  const server = createServer((request, response) => {
    answer(request, response).catch(error => response.writeHead(500).end(String(error)))
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = /** @type {import('node:net').AddressInfo} */ (server.address())
  const url = `http://127.0.0.1:${address.port}/`
  return {
    url,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }

  /** @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response */
  async function answer(request, response) {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://registry').pathname.slice(1))
    const file = /^(.+)\/-\/([^/]+\.tgz)$/.exec(path)
    if (request.method === 'PUT') return publish(path, request, response)
    if (file?.[1] && documents.has(file[1]))
      return void createReadStream(join(folder, String(file[2]))).pipe(response)
    const document = documents.get(path)
    if (document)
      return void response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
    const passed = await fetch(new URL(path.includes('/-/') ? path : path.replace('/', '%2f'), upstream), {
      headers: { accept: request.headers.accept ?? '*/*' },
    })
    const type = passed.headers.get('content-type') ?? 'application/json'
    const body = Buffer.from(await passed.arrayBuffer())
    // Tarballs lie where a registry's would: yarn names what it unpacks by where it came from, and sharp relies on the name.
    const content = type.includes('json') ? body.toString().replaceAll(upstream, url) : body
    response.writeHead(passed.status, { 'content-type': type }).end(content)
  }

  /** @param {string} name
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response */
  async function publish(name, request, response) {
    const sent = /** @type {Document & { _attachments: Record<string, { data: string }> }} */ (
      await json(request)
    )
    const { _attachments, ...document } = sent
    const [version = ''] = Object.keys(document.versions)
    const [attachment] = Object.values(_attachments)
    const tarball = Buffer.from(attachment?.data ?? '', 'base64')
    const { dist } = document.versions[version]
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
    const known = documents.get(name)
    if (known?.versions[version]) return void response.writeHead(409).end('{"error":"published before"}')
    if (dist.integrity !== integrity) return void response.writeHead(400).end('{"error":"wrong integrity"}')
    const file = `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`
    writeFileSync(join(folder, file), tarball)
    dist.tarball = `${url}${name}/-/${file}`
    documents.set(name, { ...document, versions: { ...known?.versions, ...document.versions } })
    response.writeHead(201).end('{}')
  }
}

/** The registry that npm is set up with. */
export async function configuredRegistry() {
  const { output } = await run('npm', ['config', 'get', 'registry'])
  return output.trim()
}

/** Writes what a package manager reads to publish to, and to install from, a registry.
 * @param {string} folder of a project
 * @param {string} url */
export function useRegistry(folder, url) {
  mkdirSync(folder, { recursive: true })
  const { host } = new URL(url)
  writeFileSync(join(folder, '.npmrc'), `registry=${url}\n//${host}/:_authToken=local\n`)
  const yarn = `npmRegistryServer: "${url}"\nunsafeHttpWhitelist: ["127.0.0.1"]\nenableTelemetry: false\n`
  writeFileSync(join(folder, '.yarnrc.yml'), yarn)
}

/** Publishes all packages that lie packed in a folder.
 * @param {string} packages with tarballs/
 * @param {string} publisher an empty folder to work in
 * @param {string} url */
export async function publish(packages, publisher, url) {
  useRegistry(publisher, url)
  for (const { file, name } of await inOrder(packages)) {
    const { code, output } = await run('npm', ['publish', file], { cwd: publisher })
    if (code !== 0)
      throw new SetupFailure(`npm publish ${name} failed:\n${tail(output)}`, 'Put right what it names.')
  }
}

/** The packed packages of a folder in the order in which they are published: the main one, which asks for others, last.
 * @param {string} packages with tarballs/
 * @returns {Promise<{ file: string, name: string, version: string, wanted: string[] }[]>} `wanted` are the packages of binaries
 * that each asks for */
export async function inOrder(packages) {
  const tarballs = join(packages, 'tarballs')
  const names = readdirSync(tarballs).filter(name => name.endsWith('.tgz'))
  const found = await Promise.all(
    names.map(async name => {
      const file = join(tarballs, name)
      const { output } = await run('tar', ['-xzOf', file, 'package/package.json'])
      const manifest = JSON.parse(output)
      const wanted = Object.entries(manifest.optionalDependencies ?? {})
      const { name: its, version } = manifest
      return { file, name: its, version, wanted: wanted.map(([each, exact]) => `${each}@${exact}`) }
    }),
  )
  return found.sort((a, b) => Number(a.wanted.length > 0) - Number(b.wanted.length > 0))
}
