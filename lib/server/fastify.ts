import { DependencyError } from '../foundation/errors.js'

/** Fastify belongs to whoever serves, so that its security fixes don't wait for this package.
 * @throws DependencyError it isn't installed */
export async function loadFastify(): Promise<typeof import('fastify').fastify> {
  try {
    return (await import('fastify')).fastify
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ERR_MODULE_NOT_FOUND' || !message.includes("'fastify'")) throw error
    throw new DependencyError(
      "Serving needs Fastify 5, which isn't installed. Install it beside attribution-bottleneck: npm install fastify@5",
      { cause: error },
    )
  }
}
