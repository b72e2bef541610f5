import type { FastifyInstance } from 'fastify'
import type { MethodDescription } from '../attribution/described-options.js'
import { describeMethod, describeMethods } from '../attribution/methods.js'
import { packageVersion } from '../foundation/package-version.js'
import { sides } from '../images/size.js'
import type { DescribedModel, MethodsAnswer, ModelsAnswer } from './answer-types.js'
import { docsPage } from './docs-page.js'
import { openApiDocument } from './open-api.js'
import type { ServedModel } from './served-model.js'
import type { Service } from './service.js'
import { withOpenOptions } from './settings.js'

/** Adds the routes that tell what there is. */
export function addInformationRoutes(app: FastifyInstance, service: Service): void {
  app.get(
    '/v1/models',
    (): ModelsAnswer => ({
      models: [...service.models.values()].map(describeModel),
      limits: { ...service.limits },
    }),
  )
  app.get<{ Params: { name: string } }>('/v1/models/:name', ({ params }) =>
    describeModel(service.find(params.name)),
  )
  app.get('/v1/methods', (): MethodsAnswer => ({ methods: servedMethods(service) }))
  app.get<{ Params: { name: string } }>('/v1/methods/:name', ({ params }) =>
    withOpenOptions(describeMethod(params.name)),
  )
  const document = openApiDocument({
    methods: servedMethods(service),
    models: [...service.models.keys()],
    version: packageVersion(),
    prefix: app.prefix,
  })
  app.get('/openapi.json', () => document)
  const page = docsPage(document, servedMethods(service))
  app.get('/docs', (_, reply) => reply.type('text/html; charset=utf-8').send(page))
}

function describeModel({ name, model, methods, defaultMethod }: ServedModel): DescribedModel {
  const { architecture, classes, classNames, outputKind, layerNames, bottleneckLayer, device, precision } =
    model
  const [height, width] = sides(model.preprocessing.crop)
  return {
    name,
    architecture,
    classes,
    classNames,
    outputKind,
    height,
    width,
    layers: layerNames,
    bottleneckLayer,
    device,
    precision,
    methods,
    defaultMethod,
  }
}

/** The methods that some model has all for. */
function servedMethods({ models }: Service): MethodDescription[] {
  const served = new Set([...models.values()].flatMap(({ methods }) => methods))
  return describeMethods()
    .filter(({ name }) => served.has(name))
    .map(withOpenOptions)
}
