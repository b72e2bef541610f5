import { isIP, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { invalid, requireString } from '../foundation/validate.js'
import { ApiKeys } from './api-keys.js'
import { answerFailure, attributionServer } from './attribution-server.js'
import { loadFastify } from './fastify.js'
import { addGuards, clientOf, requestId } from './server-hooks.js'
import { completeLimits, type ServerOptions } from './server-options.js'

/** A server that explains images: a Fastify instance, ready to `listen`, to which routes can be added before. Close it before
 * its models are disposed of: it then takes no more requests, and lets those finish that run.
 * @throws InvalidArgumentError; DependencyError: Fastify isn't installed; what reading a resource throws */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const {
    logger = false,
    apiKeys,
    openMetrics = false,
    allowedHosts = [],
    trustProxy = false,
    ...service
  } = options
  const limits = completeLimits(service.limits)
  const keys = apiKeys === undefined ? undefined : new ApiKeys(apiKeys)
  requireAddresses(trustProxy)
  const hosts = new Set(allowedHosts.map(host => requireString('allowedHosts (each)', host).toLowerCase()))
  const fastify = await loadFastify()
  const app = fastify({
    logger,
    trustProxy,
    bodyLimit: limits.bodyBytes,
    // Of which half is for the grace.
    pluginTimeout: 2 * (limits.graceSeconds + 5) * 1000,
    // Who stops reading an answer holds its connection no longer than an explanation may take.
    connectionTimeout: (limits.seconds + limits.receivingSeconds) * 1000,
    genReqId: requestId,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: answerFailure,
    clientErrorHandler: answerUnreadable,
    http: {
      headersTimeout: limits.receivingSeconds * 1000,
      // Bodies have a limit of their own, since a batch may be long.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(1000, limits.receivingSeconds * 250),
    },
  })
  app.setErrorHandler(answerFailure)
  addGuards(app, {
    keys,
    allowedHosts: hosts,
    receiving: 4 * limits.places * options.models.length,
    openMetrics,
  })
  await app.register(attributionServer, {
    clientOf: request => clientOf(request, keys),
    ...service,
  })
  return app
}

/** Answers what is no HTTP, or came too slowly to be a request. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const isSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const isLong = error.code === 'HPE_HEADER_OVERFLOW'
  const status = isSlow
    ? '408 Request Timeout'
    : isLong
      ? '431 Request Header Fields Too Large'
      : '400 Bad Request'
  const told = {
    code: isSlow ? 'RECEIVING' : isLong ? 'TOO_LARGE' : 'INVALID_ARGUMENT',
    message: isSlow
      ? "The head of the request didn't arrive in time."
      : 'The head of the request is no HTTP, or too long.',
    remedy: 'See /docs for what each route takes.',
  }
  const body = JSON.stringify({ error: told })
  const head = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${body}`)
}

/** Fastify's own error names neither the option nor what is expected. */
function requireAddresses(trustProxy: ServerOptions['trustProxy']): void {
  const given =
    typeof trustProxy === 'string' ? trustProxy.split(',') : Array.isArray(trustProxy) ? trustProxy : []
  for (const text of given) {
    const [address = '', length, more] = text.trim().split('/')
    const isRange = isIP(address) !== 0 && more === undefined && /^\d{1,3}$/.test(length ?? '0')
    if (!isRange && !['loopback', 'linklocal', 'uniquelocal'].includes(text.trim()))
      throw invalid(
        'trustProxy',
        "addresses such as '10.0.0.0/8', or loopback, linklocal or uniquelocal,",
        text,
      )
  }
}
