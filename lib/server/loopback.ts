import { BlockList, isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { RequestFailure } from './failure.js'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Refuses what a page of another site may send through a browser on this machine: requests to a loopback address under a
 * name that isn't this machine's (DNS rebinding), or from the page of such a name.
 * @param allowed names of hosts that are this server's as well
 * @throws RequestFailure */
export function requireOwnHost({ socket, headers }: FastifyRequest, allowed: ReadonlySet<string>): void {
  if (!isLoopback(socket.localAddress ?? '')) return
  requireOwn(`http://${headers.host ?? ''}`, 'host', allowed)
  if (headers.origin !== undefined) requireOwn(headers.origin, 'origin', allowed)
}

function requireOwn(url: string, header: string, allowed: ReadonlySet<string>): void {
  const name = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : ''
  if (isLoopback(name) || name.endsWith('.localhost') || allowed.has(name)) return
  throw new RequestFailure(
    'FORBIDDEN',
    `This server is for programs on its own machine, and the request's ${header} is another.`,
    'Use http://127.0.0.1 or http://localhost, or have the operator allow the name with --allowed-host.',
  )
}

/** Whether an address can be reached from its own machine alone. */
export function isLoopback(address: string): boolean {
  if (address === 'localhost') return true
  const version = isIP(address)
  return version !== 0 && loopback.check(address, version === 4 ? 'ipv4' : 'ipv6')
}
