import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** How a function answered: with what its handler gave, or why it failed. */
export interface LambdaAnswer {
  /** The end of the address that it was sent to: `response` or `error`. */
  kind: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  body: any
}

/** Lambda's interface for runtimes (version 2018-06-01) with one event to be answered; it has no second one.
 * @returns its address, the answer once it is there, and what ends it */
export async function startRuntimeApi(event: unknown) {
  const events = [JSON.stringify(event)]
  const server = createServer()
  const answer = new Promise<LambdaAnswer>((resolve, reject) => {
    server.on('request', (request, response) => {
      if (request.method === 'POST') {
        read(request).then(resolve, reject)
        response.writeHead(202).end('{}')
        return
      }
      const next = events.shift()
      const headers = {
        'lambda-runtime-aws-request-id': 'first',
        'lambda-runtime-deadline-ms': String(Date.now() + 60_000),
        'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-central-1:123456789012:function:map',
      }
      if (next !== undefined) response.writeHead(200, headers).end(next)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { address, answer, close }
}

async function read(request: IncomingMessage): Promise<LambdaAnswer> {
  return { kind: request.url!.split('/').at(-1)!, body: await json(request) }
}

/** The environment of a function.
 * @param address of the interface for runtimes
 * @param task the folder with the function */
export function lambdaEnvironment(address: string, task: string, handler: string): Record<string, string> {
  return {
    AWS_LAMBDA_RUNTIME_API: address,
    AWS_LAMBDA_FUNCTION_NAME: 'map',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '2048',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/map',
    AWS_LAMBDA_LOG_STREAM_NAME: 'first',
    AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: 'true',
    LAMBDA_TASK_ROOT: task,
    _HANDLER: handler,
  }
}

/** A module for `node --require` in the place of what aws-lambda-ric builds of C++ as it is installed, which takes minutes: how
 * it sends answers. */
export const sendingClient = `
const { request } = require('node:http')
const { _extensions } = require('node:module')
const load = _extensions['.node']
const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
const send = (path, body) =>
  request({ hostname, port, method: 'POST', path: '/2018-06-01/runtime/invocation/' + path }).end(body)
_extensions['.node'] = (module, file) => {
  if (!file.endsWith('rapid-client.node')) return load(module, file)
  module.exports = {
    done: (id, body) => send(id + '/response', body),
    error: (id, body) => send(id + '/error', body),
  }
}
`
