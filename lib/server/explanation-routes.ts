import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { renderOverlay } from '../rendering/overlay.js'
import {
  type AnswerForm,
  acceptedForm,
  factHeaders,
  jsonAnswer,
  mediaTypes,
  npyAnswer,
  predictionAnswer,
} from './answers.js'
import { answerLines } from './batch.js'
import { explanationEvents } from './event-stream.js'
import { logFailure, RequestFailure } from './failure.js'
import { fromJson, type ImageRequest, imageBytes, jsonBytes, readRequest } from './request-image.js'
import { endSignal, goneSignal } from './request-signal.js'
import type { Explained, ServedModel, Told } from './served-model.js'
import type { Service } from './service.js'
import type { Part, Settings } from './settings.js'

/** Adds the routes that explain images and predict classes. */
export function addExplanationRoutes(app: FastifyInstance, service: Service): void {
  app.post('/v1/attribute', (request, reply) => attribute(service, request, reply))
  app.post('/v1/attribute/stream', (request, reply) => attribute(service, request, reply, 'events'))
  app.post('/v1/attribute/batch', (request, reply) => attributeBatch(service, request, reply))
  app.post('/v1/predict', (request, reply) => predict(service, request, reply))
}

async function attribute(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  wanted?: AnswerForm,
): Promise<unknown> {
  const form = wanted ?? acceptedForm(request.headers.accept, ['json', 'png', 'npy', 'events'])
  const asked = await readRequest(request.query, request.headers['content-type'] ?? '', request.body)
  if (form === 'events') return streamed(service, asked, request, reply)
  const { settings } = asked
  using signal = service.signalFor(settings, goneSignal(reply))
  const { name, explained } = await explain(service, asked, request, signal)
  reply.type(mediaTypes[form])
  if (form === 'json') return await jsonAnswer(name, explained, settings.include)
  reply.headers(factHeaders(name, explained))
  const { image, map } = explained.attribution
  return form === 'npy' ? npyAnswer(explained.attribution) : await renderOverlay(image, map)
}

/** What is wrong with a request is told by its status; what happens later, by an event. */
function streamed(
  service: Service,
  asked: ImageRequest,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const model = service.find(asked.settings.model)
  const { method } = model.choose(asked.settings)
  const stepMaps = canTellStepMaps(model, asked.settings)
  // They are told as they are made, and needn't be kept.
  const settings = { ...asked.settings, include: without(asked.settings.include, 'stepMaps') }
  const signal = service.signalFor(settings, goneSignal(reply))
  const events = explanationEvents({
    model: model.name,
    method: method.name,
    include: settings.include,
    explain: async told =>
      (await explain(service, { ...asked, settings }, request, signal, { ...told, stepMaps })).explained,
    onFailure: error => logFailure(error, request),
  })
  const stream = Readable.from(events)
  stream.on('close', () => signal[Symbol.dispose]())
  return reply
    .type(mediaTypes.events)
    .headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    .send(stream)
}

/** Whether a method has maps of its steps, and they aren't too many to be told to a client that reads slowly. */
function canTellStepMaps(model: ServedModel, settings: Settings): boolean {
  try {
    model.choose({ ...settings, include: new Set([...settings.include, 'stepMaps']) })
    return true
  } catch {
    return false
  }
}

function without(include: ReadonlySet<Part>, part: Part): ReadonlySet<Part> {
  return new Set([...include].filter(each => each !== part))
}

async function attributeBatch(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { body } = request
  if (!(body instanceof Readable))
    throw new RequestFailure(
      'NOT_ACCEPTABLE',
      'A batch is sent as lines of JSON.',
      'Send content-type: application/x-ndjson, with a request such as {"id":1,"image":"…base64…"} on each line.',
    )
  const gone = goneSignal(reply)
  const answer = async (line: object) => {
    const asked = fromJson(request.query, line)
    using signal = service.signalFor(asked.settings, gone)
    const { name, explained } = await explain(service, asked, request, signal)
    return await jsonAnswer(name, explained, asked.settings.include)
  }
  const signal = endSignal([gone, service.ending])
  const lines = answerLines(body, answer, {
    bytes: jsonBytes(service.limits.bodyBytes),
    underWay: Math.min(16, service.limits.places),
    signal,
    onFailure: error => logFailure(error, request),
  })
  const stream = Readable.from(lines)
  stream.on('close', () => signal[Symbol.dispose]())
  // Where a batch breaks off, the rest of its body isn't waited for.
  return reply.type('application/x-ndjson').header('connection', 'close').send(stream)
}

async function predict(service: Service, request: FastifyRequest, reply: FastifyReply): Promise<object> {
  acceptedForm(request.headers.accept, ['json'])
  const asked = await readRequest(request.query, request.headers['content-type'] ?? '', request.body)
  const served = service.find(asked.settings.model)
  using signal = service.signalFor(asked.settings, goneSignal(reply))
  const bytes = await imageBytes(asked.image, service.remote, signal)
  const outputs = await served.predict(bytes, { client: service.clientOf(request), signal })
  return predictionAnswer(served.name, served.model, outputs, asked.settings.top)
}

async function explain(
  service: Service,
  { settings, image }: ImageRequest,
  request: FastifyRequest,
  signal: AbortSignal,
  told?: Told,
): Promise<{ name: string; explained: Explained }> {
  const model = service.find(settings.model)
  const chosen = model.choose(settings)
  const bytes = await imageBytes(image, service.remote, signal)
  const call = { client: service.clientOf(request), signal }
  const explained = await model.explain(bytes, chosen, settings, call, told)
  await service.turns.next()
  service.monitor.explained(model.name, explained)
  const { name } = model
  const { method, seconds } = explained.attribution
  request.log.info({ model: name, method, ...explained.seconds, explaining: seconds }, 'explained an image')
  return { name, explained }
}
