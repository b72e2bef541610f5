import type { FastifyInstance } from 'fastify'
import type { Service } from './service.js'

/** Paths of which the log and the metrics tell nothing, since something asks for them all the time. */
export const probes: ReadonlySet<string> = new Set(['/health', '/ready', '/metrics'])

/** Adds the routes for those who run the server: is it alive, can it take requests, how is it doing. */
export function addOperationRoutes(app: FastifyInstance, service: Service): void {
  const quietly = { logLevel: 'warn' } as const
  app.get('/health', quietly, () => ({ status: 'alive' }))
  app.get('/ready', quietly, (_, reply) => {
    const models = [...service.models.values()].map(({ name, isReady, problem, queue }) => ({
      name,
      ready: isReady,
      ...(problem !== undefined && { problem }),
      waiting: queue.waiting,
      running: queue.running,
    }))
    const ready = !service.isStopping && models.every(model => model.ready)
    return reply.code(ready ? 200 : 503).send({ ready, stopping: service.isStopping, models })
  })
  app.get('/metrics', quietly, (_, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(service.monitor.text()),
  )
}
