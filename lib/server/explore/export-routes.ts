import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Attribution, stepMaps } from '../../attribution/attribution.js'
import { summaryOf } from '../../attribution/summary.js'
import { renderAnimation } from '../../rendering/animation.js'
import { drawFigure } from '../../rendering/figure.js'
import { renderOverlay } from '../../rendering/overlay.js'
import { renderPage } from '../../rendering/page.js'
import { RequestFailure } from '../failure.js'
import { imageBytes, readRequest } from '../request-image.js'
import { goneSignal } from '../request-signal.js'
import type { Service } from '../service.js'

/** Adds the routes that make files of a map: a moving picture of its steps, and a page that holds everything it shows. They take
 * what `/v1/attribute` takes, and the page `name` and `command` in its headers, percent-encoded. */
export function addExportRoutes(app: FastifyInstance, service: Service): void {
  app.post('/explore/animation', async (request, reply) => {
    const { attribution, hasSteps } = await explained(service, request, reply)
    if (!hasSteps)
      throw new RequestFailure(
        'NOT_SERVED',
        `${attribution.method} has no steps whose maps could be shown.`,
        'Take per-sample, or save a picture.',
      )
    reply.type('image/gif')
    return await animationOf(attribution)
  })
  app.post('/explore/report', async (request, reply) => {
    const { attribution, hasSteps } = await explained(service, request, reply)
    reply.type('text/html; charset=utf-8')
    return await reportOf(attribution, hasSteps, {
      name: headerText(request, 'iba-name') ?? 'image',
      command: headerText(request, 'iba-command'),
    })
  })
}

async function explained(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<{ attribution: Attribution; hasSteps: boolean }> {
  const { settings, image } = await readRequest(
    request.query,
    request.headers['content-type'] ?? '',
    request.body,
  )
  const served = service.find(settings.model)
  const { method } = served.choose(settings)
  const hasSteps = method.options.some(({ name }) => name === 'keepSteps')
  const include = new Set(settings.include)
  if (hasSteps) include.add('stepMaps')
  const chosen = served.choose({ ...settings, include })
  using signal = service.signalFor(settings, goneSignal(reply))
  const bytes = await imageBytes(image, service.remote, signal)
  const { attribution } = await served.explain(bytes, chosen, settings, {
    client: service.clientOf(request),
    signal,
  })
  return { attribution, hasSteps }
}

async function animationOf(attribution: Attribution): Promise<Buffer> {
  return await renderAnimation(attribution.image, stepMaps(attribution))
}

async function reportOf(
  attribution: Attribution,
  hasSteps: boolean,
  { name, command }: { name: string; command: string | undefined },
): Promise<string> {
  const { image, map } = attribution
  const { className, target, probability, method, unit, bits, seconds } = summaryOf(attribution)
  const title = className ?? (typeof target === 'number' ? `class ${target}` : 'the target')
  const facts: [string, string][] = [
    ['class', title],
    ...(probability === null
      ? []
      : [['probability', `${(probability * 100).toFixed(1)} %`] as [string, string]]),
    ...(bits === null
      ? []
      : [['bits', bits.toLocaleString('en', { maximumFractionDigits: 0 })] as [string, string]]),
    ['method', method],
    ['unit', unit],
    ['seconds', seconds.toFixed(2)],
  ]
  return renderPage({
    title: `${name}: what was used for ${title}`,
    introduction:
      'Where the map shows its colour, the network used what is there; elsewhere the image shows in grey.',
    sections: [
      {
        title,
        introduction: `The map of ${method}.`,
        items: [
          {
            name,
            image: await drawFigure(image.pixels, image, {}),
            overlay: await renderOverlay(image, map),
            ...(hasSteps && { animation: await animationOf(attribution) }),
            facts,
          },
        ],
      },
    ],
    ...(command !== undefined && { footer: `The same from a terminal:\n${command}` }),
  })
}

function headerText({ headers }: FastifyRequest, name: string): string | undefined {
  const given = headers[name]
  if (typeof given !== 'string') return undefined
  try {
    return decodeURIComponent(given).slice(0, 2000)
  } catch {
    return undefined
  }
}
