export { attributionServer } from './attribution-server.js'
export { createServer } from './create-server.js'
export type { AttributionServerOptions, ModelToServe, ServerLimits, ServerOptions } from './server-options.js'
