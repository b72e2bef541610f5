import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { InvalidArgumentError } from '../foundation/errors.js'
import { invalid } from '../foundation/validate.js'
import { RequestFailure } from './failure.js'

const shortest = 16

/** The keys that open a server. Only their hashes are kept. */
export class ApiKeys {
  readonly #hashes: readonly Buffer[]

  /** @throws InvalidArgumentError one is too short to be a secret, or can't be sent in a header */
  constructor(keys: readonly string[]) {
    if (!Array.isArray(keys) || keys.length === 0)
      throw invalid('apiKeys', 'a list of at least one key', keys)
    keys.forEach((key, i) => {
      // What was given stays out of the message: it is a secret, or half of one.
      if (typeof key !== 'string' || key.length < shortest || !/^[\x21-\x7e]+$/.test(key))
        throw new InvalidArgumentError(
          `Expected at least ${shortest} visible characters of ASCII for API key ${i + 1} of ${keys.length}. Make one with: ` +
            'openssl rand -hex 32',
        )
    })
    this.#hashes = keys.map(hashOf)
  }

  /** Who a request is from, by its key.
   * @throws RequestFailure it has none, or a wrong one */
  clientOf({ authorization, 'x-api-key': own }: IncomingHttpHeaders): string {
    const key = typeof own === 'string' ? own : /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    if (key === undefined) throw unauthorized('The request has no API key.')
    const hash = hashOf(key)
    // All are compared, so that the time tells nothing.
    const found = this.#hashes.filter(each => timingSafeEqual(each, hash))
    if (found.length === 0) throw unauthorized('The API key of the request is unknown here.')
    return `key ${hash.toString('hex', 0, 6)}`
  }
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

function unauthorized(message: string): RequestFailure {
  return new RequestFailure(
    'UNAUTHORIZED',
    message,
    "Send a key that the operator gave you, as 'authorization: Bearer KEY' or 'x-api-key: KEY'.",
  )
}
