export { attributionServer } from './attribution-server.js'
export { createServer } from './create-server.js'
export type {
  AttributionServerOptions,
  ExploreOptions,
  ModelToServe,
  ServerLimits,
  ServerOptions,
} from './server-options.js'
