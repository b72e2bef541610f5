import type { FastifyRequest, FastifyServerOptions } from 'fastify'
import {
  invalid,
  requireInteger,
  requireKnownKeys,
  requireNumber,
  requireString,
} from '../foundation/validate.js'
import type { Resource } from '../learned/resources.js'
import type { Model } from '../model/model.js'
import type { ResourceName } from '../native/attribution-calls.js'

/** A model that is served, with what its methods need. */
export interface ModelToServe extends Partial<Record<ResourceName, Resource | string>> {
  /** What clients call it. Default: its architecture. */
  name?: string
  /** A loaded network. It stays the caller's, who disposes of it once the server is closed. */
  model: Model
}

/** What one request may take. */
export interface ServerLimits {
  /** Bytes of a request's body. Default 16 MiB. */
  bodyBytes: number
  /** Pixels of an image, before it is decoded. Default 50 million. */
  pixels: number
  /** Passes through the network that a map may take: steps × copies, samples, masks or places. Default 5000. */
  passes: number
  /** Values of a map's optional parts, such as the maps of all steps: 64 MiB of them by default. */
  keptValues: number
  /** Seconds that a request may take, its waiting included; a client may ask for less. Default 60. */
  seconds: number
  /** Seconds within which a request has to arrive. Default 30. */
  receivingSeconds: number
  /** Requests that wait for a model, at most; those that are explained aren't counted. Default 64. */
  places: number
  /** Seconds within which what runs may finish as the server stops. Default 30. */
  graceSeconds: number
}

/** What the page at `/explore/` has. */
export interface ExploreOptions {
  /** Paths of images that it lists; they are read as they are asked for. Default: none. */
  images?: readonly string[]
}

/** Options of the Fastify plugin. */
export interface AttributionServerOptions {
  /** At least one; the first answers requests that name none. */
  models: readonly ModelToServe[]
  /** What one request may take. */
  limits?: Partial<ServerLimits>
  /** Images that are explained together at most. Default: as the methods have it, on processors 1 for the bottlenecks and 8 for
   * most others. */
  batch?: number
  /** Rows that go through the network together at most, which bounds the memory. Default: as the methods have it. */
  rows?: number
  /** Origins, such as 'https://images.example.org', from which the server fetches images that clients name by their URL.
   * Default: none. */
  imageOrigins?: readonly string[]
  /** Explain a first image with each model before the server says that it is ready. Default true. */
  warmUp?: boolean
  /** Serve the page at `/explore/` as well, for people. Default: not. */
  explore?: ExploreOptions
  /** Who sends a request: clients take turns. Default: its address. */
  clientOf?: (request: FastifyRequest) => string
}

/** Options of {@link createServer}. */
export interface ServerOptions extends AttributionServerOptions {
  /** As Fastify's: false, true, or pino's options. Default: no logs. */
  logger?: FastifyServerOptions['logger']
  /** Keys of which each request needs one, but for `/health` and `/ready`. Default: none is needed. */
  apiKeys?: readonly string[]
  /** Whether `/metrics` needs none either, for a Prometheus that sends none. Default false. */
  openMetrics?: boolean
  /** Names of this server, besides those of the machine itself, under which requests may come to a loopback address, as through a
   * proxy on this machine. */
  allowedHosts?: readonly string[]
  /** As Fastify's: whose `x-forwarded-for` tells the addresses of clients. Default: nobody's. */
  trustProxy?: FastifyServerOptions['trustProxy']
}

export const defaultLimits: ServerLimits = {
  bodyBytes: 16 * 2 ** 20,
  pixels: 50_000_000,
  passes: 5000,
  keptValues: 2 ** 24,
  seconds: 60,
  receivingSeconds: 30,
  places: 64,
  graceSeconds: 30,
}

/** The limits that were given, checked, with the defaults of the others.
 * @throws InvalidArgumentError */
export function completeLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  requireKnownKeys('limits', given, Object.keys(defaultLimits))
  const defined = Object.entries(given).filter(([, value]) => value !== undefined)
  const limits = { ...defaultLimits, ...Object.fromEntries(defined) } as ServerLimits
  for (const name of ['bodyBytes', 'pixels', 'passes', 'keptValues', 'places'] as const)
    requireInteger(`limits.${name}`, limits[name], 1)
  for (const name of ['seconds', 'receivingSeconds', 'graceSeconds'] as const)
    requireNumber(`limits.${name}`, limits[name], 0.001, 86_400)
  return limits
}

/** The origins of images, as browsers write them.
 * @throws InvalidArgumentError one is more than an origin, or neither https nor http */
export function checkedOrigins(given: readonly string[] = []): ReadonlySet<string> {
  if (!Array.isArray(given)) throw invalid('imageOrigins', 'a list of origins', given)
  return new Set(given.map(requireOrigin))
}

function requireOrigin(text: unknown): string {
  const given = requireString('imageOrigins (each)', text)
  const { protocol, origin, href } = URL.canParse(given) ? new URL(given) : new URL('none:')
  if (!/^https?:$/.test(protocol) || `${origin}/` !== href)
    throw invalid('imageOrigins (each)', "an origin such as 'https://images.example.org'", text)
  return origin
}
