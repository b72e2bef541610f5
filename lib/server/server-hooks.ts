import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiKeys } from './api-keys.js'
import { clientAddress } from './client-address.js'
import { requireOwnHost } from './loopback.js'
import { Receiving } from './receiving.js'

export interface GuardOptions {
  keys: ApiKeys | undefined
  allowedHosts: ReadonlySet<string>
  /** Requests that are received or answered at a time. */
  receiving: number
  /** Whether the metrics need no key. */
  openMetrics: boolean
}

/** Refuses requests that are not for this server, have no key, or find no room, before their bodies are read. */
export function addGuards(
  app: FastifyInstance,
  { keys, allowedHosts, receiving, openMetrics }: GuardOptions,
): void {
  const open = new Set(['/health', '/ready', ...(openMetrics ? ['/metrics'] : [])])
  const room = new Receiving(receiving)
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id)
    requireOwnHost(request, allowedHosts)
    const isOpen = open.has(request.routeOptions.url ?? '')
    const client = isOpen ? clientAddress(request.ip) : clientOf(request, keys)
    if (request.method !== 'POST') return
    const leave = room.enter(client)
    reply.raw.once('close', leave)
  })
}

/** Who sends a request: the key that it has, where keys are asked for, or else the address that it comes from.
 * @throws RequestFailure it has no key, or a wrong one */
export function clientOf({ headers, ip }: FastifyRequest, keys: ApiKeys | undefined): string {
  return keys === undefined ? clientAddress(ip) : keys.clientOf(headers)
}

/** The id of a request: what a proxy or the client gave it, where that can stand in a log, or a new one. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID()
}
