import { type LookupAddress, lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { Agent, request } from 'undici'
import { RequestFailure } from './failure.js'

/** Where an image may come from. */
export interface RemoteImagesOptions {
  origins: ReadonlySet<string>
  /** Of one image. */
  bytes: number
  /** Whether a server at such an address may be asked. Default: those that are not private. */
  isAllowed?: (address: string) => boolean
}

const mostRedirects = 3

/** Fetches images that clients name by their URL: only from the operator's origins, redirects included, and never from a
 * private address, whatever a name resolves to at the moment of the connection. */
export class RemoteImages {
  readonly #options: Required<RemoteImagesOptions>
  readonly #agent: Agent

  constructor(options: RemoteImagesOptions) {
    this.#options = { isAllowed: isPublicAddress, ...options }
    this.#agent = new Agent({
      connect: { lookup: this.#lookup, timeout: 10_000 },
      headersTimeout: 10_000,
      bodyTimeout: 10_000,
    })
  }

  /** The bytes of an image.
   * @throws RequestFailure where it may not be fetched, or can't be */
  async fetch(text: string, signal: AbortSignal): Promise<Buffer> {
    let url = this.#allowed(text)
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const answer = await this.#get(url, signal)
      if (!('location' in answer)) return answer.bytes
      url = this.#allowed(answer.location, url)
    }
    throw failed(`${mostRedirects} redirects didn't lead to it`)
  }

  async close(): Promise<void> {
    await this.#agent.close()
  }

  #allowed(text: string, base?: URL): URL {
    const { origins, isAllowed } = this.#options
    if (origins.size === 0)
      throw forbidden('This server fetches no images.', 'Send the bytes of the image in the request.')
    if (!URL.canParse(text, base?.href))
      throw forbidden(
        'The URL of the image is none.',
        "Give one such as 'https://images.example.org/cat.jpg'.",
      )
    const url = new URL(text, base)
    if (!origins.has(url.origin) || url.username !== '' || url.password !== '')
      throw forbidden(
        `This server fetches no images from ${base ? 'where the URL leads' : url.origin}.`,
        'Send the bytes of the image in the request, or ask the operator to allow its origin.',
      )
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && !isAllowed(host)) throw privateAddress()
    return url
  }

  async #get(url: URL, signal: AbortSignal): Promise<{ location: string } | { bytes: Buffer }> {
    try {
      const { statusCode, headers, body } = await request(url, {
        dispatcher: this.#agent,
        signal,
        headers: { accept: 'image/*' },
      })
      const { location } = headers
      if (statusCode >= 300 && statusCode < 400 && typeof location === 'string') {
        await body.dump()
        return { location }
      }
      if (statusCode !== 200) {
        await body.dump()
        throw failed(`its server answered ${statusCode}`)
      }
      return { bytes: await this.#bounded(body) }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof RequestFailure) throw error
      const cause = (error as { cause?: unknown }).cause
      if (cause instanceof RequestFailure) throw cause
      throw failed("its server can't be reached, or broke off")
    }
  }

  async #bounded(body: AsyncIterable<Buffer>): Promise<Buffer> {
    const pieces: Buffer[] = []
    let length = 0
    for await (const piece of body) {
      length += piece.length
      if (length > this.#options.bytes)
        throw new RequestFailure(
          'TOO_LARGE',
          `The image at the URL has more than ${this.#options.bytes} bytes.`,
          'Give a smaller one.',
        )
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }

  /** Resolves a name for a connection: none is made to an address that isn't allowed. */
  readonly #lookup: LookupFunction = (name, options, done) => {
    lookup(name, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error) return done(error, '')
      const refused = found.some(({ address }) => !this.#options.isAllowed(address))
      if (refused || found.length === 0) return done(privateAddress() as NodeJS.ErrnoException, '')
      if (options.all) done(null, found)
      else done(null, found[0]!.address, found[0]!.family)
    })
  }
}

/** What is no address of the internet at large: loopback, private networks, link-local ones with the metadata of clouds,
 * carriers' and test networks, multicast. */
const notPublic = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  notPublic.addSubnet(network, prefix, 'ipv4')

/** All of IPv6 that is in use lies here; within it, ranges that stand for addresses of IPv4, or are for examples. */
const global6 = new BlockList()
global6.addSubnet('2000::', 3, 'ipv6')
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  notPublic.addSubnet(network, prefix, 'ipv6')

/** Whether an address is one of the internet at large. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address)
  if (version === 4) return !notPublic.check(address, 'ipv4')
  return version === 6 && global6.check(address, 'ipv6') && !notPublic.check(address, 'ipv6')
}

function forbidden(message: string, remedy: string): RequestFailure {
  return new RequestFailure('FORBIDDEN', message, remedy)
}

function privateAddress(): RequestFailure {
  return forbidden(
    'The URL of the image leads to a private address.',
    'Send the bytes of the image in the request.',
  )
}

function failed(why: string): RequestFailure {
  return new RequestFailure(
    'IMAGE_FETCH',
    `The image at the URL can't be fetched: ${why}.`,
    'Send its bytes instead.',
  )
}
