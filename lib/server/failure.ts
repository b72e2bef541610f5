import { readdirSync } from 'node:fs'
import type { FastifyRequest } from 'fastify'
import { AttributionError, type ErrorCode } from '../foundation/errors.js'
import { isError } from '../foundation/realms.js'
import type { ToldFailure } from './answer-types.js'

/** What the server itself says no with, and the status of each. */
const statuses = {
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  RECEIVING: 408,
  TOO_LARGE: 413,
  LIMIT: 422,
  NOT_SERVED: 422,
  TOO_MANY_REQUESTS: 429,
  INTERNAL: 500,
  IMAGE_FETCH: 502,
  OVERLOADED: 503,
  STOPPING: 503,
  DEADLINE: 504,
} as const

/** A code that only the server gives; errors of the library keep their own. */
export type FailureCode = keyof typeof statuses

/** The status of the library's errors that a client can do something about. Others are the server's fault, and tell the
 * client no more. */
const libraryStatuses: Partial<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: 400,
  MODEL: 400,
  IMAGE: 422,
  NOT_FINITE: 422,
  STATISTICS: 422,
  PATTERNS: 422,
  WEIGHTS: 422,
  DEVICE: 503,
  DISPOSED: 503,
}

const remedies: Partial<Record<ErrorCode, string>> = {
  INVALID_ARGUMENT: 'GET /v1/methods lists the methods with their options and what each accepts.',
  MODEL: 'GET /v1/models lists the models with their layers and classes.',
  IMAGE: 'Send the bytes of a whole JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP.',
  NOT_FINITE: 'Take other options, or leave this image out.',
  STATISTICS: 'Take another layer or method, or ask the operator for statistics that fit.',
  PATTERNS: 'Take another method, or ask the operator for patterns that fit.',
  WEIGHTS: 'Take another method, or ask the operator for a readout that fits.',
  DEVICE: 'Send smaller or fewer images, or try again later.',
  DISPOSED: 'Try again later.',
}

/** A request that is refused or failed, as the client is told it. */
export class RequestFailure extends Error {
  readonly code: FailureCode
  readonly status: number
  /** What the client can do. */
  readonly remedy: string
  /** Seconds until it is worth to try again. */
  readonly retryAfter: number | undefined

  constructor(code: FailureCode, message: string, remedy: string, retryAfter?: number) {
    super(message)
    this.name = 'RequestFailure'
    this.code = code
    this.status = statuses[code]
    this.remedy = remedy
    this.retryAfter = retryAfter
  }
}

/** The client is gone: nobody reads an answer. */
export class ClientGoneError extends Error {
  constructor() {
    super('The client closed the connection.')
    this.name = 'ClientGoneError'
  }
}

/** What a client is told of an error. */
export interface FailureAnswer {
  status: number
  retryAfter: number | undefined
  error: ToldFailure
}

/** What a client may know of an error: nothing of the server's disk, and of what isn't the client's doing only that it
 * happened. */
export function failureAnswer(error: unknown): FailureAnswer {
  if (error instanceof RequestFailure) {
    const { code, status, message, remedy, retryAfter } = error
    return { status, retryAfter, error: { code, message, remedy } }
  }
  if (error instanceof AttributionError) {
    const code = error.code as ErrorCode
    const status = libraryStatuses[code]
    if (status !== undefined)
      return {
        status,
        retryAfter: status === 503 ? 5 : undefined,
        error: { code, message: withoutPaths(error.message), remedy: remedies[code] ?? '' },
      }
  }
  return fromFastify(error) ?? internal
}

/** Tells the log of a failure: the cause where it is the server's. */
export function logFailure(error: unknown, { log }: Pick<FastifyRequest, 'log'>): void {
  if (error instanceof ClientGoneError) {
    log.info(error.message)
    return
  }
  const { status, retryAfter, error: told } = failureAnswer(error)
  if (status >= 500 && retryAfter === undefined) log.error({ err: error, code: told.code }, told.message)
  else log.info({ code: told.code }, told.message)
}

const internal: FailureAnswer = {
  status: 500,
  retryAfter: undefined,
  error: {
    code: 'INTERNAL',
    message: 'The server failed at this request.',
    remedy: "Tell the operator the request's id: the log has the cause under it.",
  },
}

/** What Fastify says of requests that never reach a handler. */
function fromFastify(error: unknown): FailureAnswer | undefined {
  if (!isError(error) || !('statusCode' in error)) return undefined
  const { statusCode: status } = error
  if (typeof status !== 'number' || status < 400 || status >= 500) return undefined
  const code = status === 413 ? 'TOO_LARGE' : 'INVALID_ARGUMENT'
  const remedy =
    status === 413
      ? 'Send a smaller image; GET /v1/models tells the limits.'
      : 'See /docs for what each route takes.'
  return { status, retryAfter: undefined, error: { code, message: withoutPaths(error.message), remedy } }
}

let roots: RegExp | undefined

/** A message without paths of the server's disk. Names of layers, such as '/features/0/Conv', stay. */
export function withoutPaths(message: string): string {
  roots ??= new RegExp(`/(?:${readdirSync('/').map(escapeRegExp).join('|')})/[^\\s'":,;()]*`, 'g')
  return message.replace(roots, 'a file of the server')
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
