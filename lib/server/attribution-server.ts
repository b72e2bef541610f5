import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { addExplanationRoutes } from './explanation-routes.js'
import { addExploreRoutes } from './explore/explore-routes.js'
import { ClientGoneError, failureAnswer, logFailure, RequestFailure } from './failure.js'
import { addInformationRoutes } from './information-routes.js'
import { addOperationRoutes, probes } from './operation-routes.js'
import { jsonBytes } from './request-image.js'
import type { AttributionServerOptions } from './server-options.js'
import { Service } from './service.js'
import { timedBody } from './timed-body.js'

/** The routes as a Fastify plugin, to be registered beside an application's own, with a `prefix` perhaps: `/v1/…`, `/docs`,
 * `/openapi.json`, `/health`, `/ready` and `/metrics`; and the page at `/explore/` where `explore` is given. Parsers of bodies and the form of errors are its own; keys are the
 * application's to ask for.
 * @throws InvalidArgumentError; what reading a resource throws */
export const attributionServer: FastifyPluginAsync<AttributionServerOptions> = async (app, options) => {
  const service = await Service.open(options)
  // What runs finishes before connections are closed.
  app.addHook('preClose', () => stopWithin(service, app.initialConfig.pluginTimeout))
  app.addHook('onClose', () => service.close())
  addParsers(app, service)
  addMonitoring(app, service)
  app.setErrorHandler(answerFailure)
  app.setNotFoundHandler(answerUnknown)
  addExplanationRoutes(app, service)
  addInformationRoutes(app, service)
  addOperationRoutes(app, service)
  if (options.explore) await addExploreRoutes(app, service, options.explore)
  if (options.warmUp === false) return
  app.addHook('onReady', async () => {
    void service.warmUp((err, model) => app.log.error({ err, model }, 'the model cannot explain an image'))
  })
}

/** Stops, or begins to: Fastify's time for hooks may be shorter than the grace, and a hook that takes longer would end the process
 * with an error. Connections that are answered are waited for all the same. */
async function stopWithin(service: Service, milliseconds = 10_000): Promise<void> {
  const stopped = service.stop()
  if (milliseconds === 0) await stopped
  else await Promise.race([stopped, pause(milliseconds / 2, undefined, { ref: false })])
}

/** Images and forms are taken whole, within the limit; the lines of a batch as they come. All have to come in time. */
function addParsers(app: FastifyInstance, { limits }: Service): void {
  const { bodyBytes: bodyLimit, receivingSeconds: seconds } = limits
  app.removeAllContentTypeParsers()
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: jsonBytes(bodyLimit) },
    parseJson,
  )
  app.addContentTypeParser(lines, (_request, payload, done) => done(null, payload))
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) => done(null, body))
  app.addHook('preParsing', async ({ headers }, _reply, payload) => {
    const renews = lines.test(headers['content-type'] ?? '')
    return timedBody(payload as Readable, { seconds, renews })
  })
}

const lines = /^application\/(x-)?(ndjson|jsonl(ines)?)/

function addMonitoring(app: FastifyInstance, service: Service): void {
  app.addHook('onRequest', async ({ method }) => {
    if (method === 'POST') service.requireRunning()
  })
  app.addHook('onSend', async (_request, reply) => {
    // Or else the server would wait for the client to end the connection.
    if (service.isStopping) void reply.header('connection', 'close')
  })
  app.addHook('onResponse', async ({ routeOptions }, { statusCode, elapsedTime }) => {
    const route = routeOptions.url ?? 'unknown'
    if (!probes.has(route)) service.monitor.answered(route, statusCode, elapsedTime / 1000)
  })
}

/** Tells a client what went wrong, and the log the rest. */
export function answerFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  logFailure(error, request)
  if (error instanceof ClientGoneError) {
    void reply.code(499).send()
    return
  }
  const { status, retryAfter, error: told } = failureAnswer(error)
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
  // The rest of a body that isn't wanted is not waited for.
  if (!request.raw.complete) void reply.header('connection', 'close')
  void reply
    .code(status)
    .type('application/json')
    .send({ error: { ...told, request: request.id } })
}

/** Answers a request for which there is no route. */
export function answerUnknown(request: FastifyRequest, reply: FastifyReply): void {
  const path = request.url.split('?', 1)[0]!.slice(0, 100)
  const other = (['GET', 'POST'] as const).find(method => request.server.hasRoute({ url: path, method }))
  if (other !== undefined) void reply.header('allow', other)
  const failure = other
    ? new RequestFailure('NOT_ALLOWED', `${path} takes no ${request.method}.`, `Send a ${other}.`)
    : new RequestFailure(
        'NOT_FOUND',
        `There is no ${request.method} ${path}.`,
        'See /docs for the routes, and the method that each takes.',
      )
  answerFailure(failure, request, reply)
}
