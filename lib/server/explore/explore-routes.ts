import type { FastifyInstance } from 'fastify'
import { describeMethods } from '../../attribution/methods.js'
import { darkColors, lightColors, pageStyle } from '../../rendering/page-style.js'
import type { ExploreSession } from '../answer-types.js'
import type { ExploreOptions } from '../server-options.js'
import type { Service } from '../service.js'
import { addExportRoutes } from './export-routes.js'
import { listedImage, listedImages, thumbnail } from './listed-images.js'
import { addMaskedRoute } from './masked-predictions.js'
import { readPageFiles } from './page-files.js'

/** The page may load and ask what is on this server, and nothing else; nobody may put it into a frame. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Adds the page for people, at `/explore/`, and what it needs beside the routes for programs.
 * @throws Error the page isn't built */
export async function addExploreRoutes(
  app: FastifyInstance,
  service: Service,
  { images = [] }: ExploreOptions,
): Promise<void> {
  const files = await readPageFiles()
  const names = listedImages(images)
  app.get('/explore', (_, reply) => reply.redirect('explore/', 308))
  app.get('/explore/', (_, reply) =>
    reply
      .headers({
        'content-security-policy': policy,
        'cache-control': 'no-cache',
        'referrer-policy': 'no-referrer',
      })
      .type('text/html; charset=utf-8')
      .send(files.get('index.html')!.body),
  )
  for (const [name, { type, body }] of files) {
    if (name === 'index.html') continue
    app.get(`/explore/${name}`, (_, reply) =>
      reply.header('cache-control', 'public, max-age=31536000, immutable').type(type).send(body),
    )
  }
  app.get('/explore/style.css', (_, reply) => reply.type('text/css; charset=utf-8').send(style))
  app.get('/explore/session', (): ExploreSession => ({ images: names, layers: layersOf(service) }))
  app.get<{ Params: { index: string } }>('/explore/images/:index', async ({ params }, reply) =>
    reply.type('application/octet-stream').send(await listedImage(images, params.index, service.limits)),
  )
  app.get<{ Params: { index: string } }>('/explore/thumbnails/:index', async ({ params }, reply) =>
    reply.type('image/webp').send(await thumbnail(images, params.index, service.limits)),
  )
  addMaskedRoute(app, service)
  addExportRoutes(app, service)
}

// A reader's own choice comes before that of the system.
const style = `${pageStyle}
:root[data-theme=light] { ${lightColors} }
:root[data-theme=dark] { ${darkColors} }
`

function layersOf({ models }: Service): ExploreSession['layers'] {
  const methods = describeMethods().filter(({ options }) => options.some(({ name }) => name === 'layer'))
  return Object.fromEntries(
    [...models.values()].map(model => [
      model.name,
      Object.fromEntries(
        methods
          .filter(({ name }) => model.methods.includes(name))
          .map(method => [method.name, model.layersFor(method)]),
      ),
    ]),
  )
}
