import type { AddressInfo } from 'node:net'
import { type Command, Option } from 'commander'
import type { FastifyInstance } from 'fastify'
import { readBoundedText } from '../foundation/bounded-reading.js'
import { loadFastify } from '../server/fastify.js'
import type { ModelToServe } from '../server/index.js'
import { isLoopback } from '../server/loopback.js'
import {
  addGeneralOptions,
  addPreprocessingOptions,
  openModel,
  positive,
  wholeNumber,
} from './common-options.js'
import { UsageError } from './exit.js'
import { Interrupts } from './interrupt.js'
import { note } from './output.js'
import { addServedModelOptions, chosenModels, type ServedModelFlags } from './served-models.js'

interface ServeCommandOptions extends ServedModelFlags {
  host: string
  port: number
  batch?: number
  rows?: number
  imageOrigin?: readonly string[]
  apiKeyFile?: string
  openMetrics?: boolean
  allowedHost?: readonly string[]
  trustProxy?: string
  grace?: number
  places?: number
  timeout?: number
  maxBody?: number
  maxPixels?: number
  maxPasses?: number
  quiet?: boolean
}

const examples = `
Examples:
  iba serve --model demo
  curl --data-binary @photo.jpg -H 'accept: image/png' http://127.0.0.1:8080/v1/attribute > map.png

  Two networks, of which one has statistics and a name of its own:
    iba serve --model demo --model birds=models/birds.pt2 --statistics birds=birds.safetensors

The routes, with all settings, are at http://127.0.0.1:8080/docs.`

/** Adds `iba serve`. */
export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .summary('explain images over HTTP')
    .description(
      'Serves networks over HTTP: maps as JSON, pictures or arrays, step by step, or in batches. Requests that arrive together are explained ' +
        'together. Without more options it can be reached from this machine alone.',
    )
  addServedModelOptions(command)
  addPreprocessingOptions(command)
  command
    .optionsGroup('Server:')
    .option('--host <address>', 'where it listens; 0.0.0.0 for all of this machine', '127.0.0.1')
    .option('--port <number>', '0 for any that is free', wholeNumber(0, 65_535), 8080)
    .option('--batch <number>', 'images that are explained together at most', wholeNumber(1, 1024))
    .option(
      '--rows <number>',
      'images, or copies, that go through a network together at most',
      wholeNumber(1, 4096),
    )
    .addOption(
      new Option(
        '--image-origin <origin>',
        'fetch images that requests name by their URL from there, such as https://images.example.org; repeatable',
      ).argParser(repeated),
    )
  command
    .optionsGroup('Access:')
    .option(
      '--api-key-file <file>',
      'keys of which a request needs one, one on each line (default: those in IBA_API_KEY, or none)',
    )
    .option('--open-metrics', '/metrics needs no key either')
    .addOption(
      new Option(
        '--allowed-host <name>',
        "a name under which a proxy on this machine hands requests on, besides the machine's own; repeatable",
      ).argParser(repeated),
    )
    .option(
      '--trust-proxy <addresses>',
      "whose x-forwarded-for tells the clients' addresses, with commas between: 10.0.0.0/8, loopback",
    )
  command
    .optionsGroup('Limits:')
    .option('--places <number>', 'requests that wait, of each network (default: 64)', wholeNumber(1, 100_000))
    .option('--timeout <seconds>', 'for a request, its waiting included (default: 60)', positive)
    .option('--grace <seconds>', 'for what runs as the server is told to stop (default: 30)', positive)
    .option('--max-body <bytes>', 'of a request (default: 16 MiB)', wholeNumber(1, 2 ** 29))
    .option('--max-pixels <number>', 'of an image (default: 50 million)', wholeNumber(1))
    .option(
      '--max-passes <number>',
      'through the network for a map: steps × copies, samples or masks (default: 5000)',
      wholeNumber(1),
    )
  addGeneralOptions(command)
  command.addHelpText('after', examples).action(serve)
}

async function serve(options: ServeCommandOptions): Promise<void> {
  using interrupts = new Interrupts()
  const { signal } = interrupts
  const chosen = chosenModels(options)
  await loadFastify()
  const apiKeys = await givenKeys(options)
  const models: ModelToServe[] = []
  try {
    for (const { name, files, modelOptions } of chosen)
      models.push({ name, model: await openModel({ ...modelOptions, signal }), ...files })
    // Loaded here, since the other commands don't need it.
    const { createServer } = await import('../server/index.js')
    const app = await createServer({
      ...serverOptions(options),
      ...(apiKeys.length > 0 && { apiKeys }),
      openMetrics: options.openMetrics ?? false,
      models,
      logger: options.quiet ? { level: 'warn' } : true,
    })
    await listen(app, options)
    const names = chosen.map(({ name }) => name).join(', ')
    if (!isLoopback(options.host) && apiKeys.length === 0)
      note(`iba: Whoever reaches ${options.host} can use this server. --api-key-file asks for keys.`)
    note(`iba: Serving ${names} at ${addressOf(app)}; its routes are at /docs. Ctrl-C ends it.`)
    await aborted(signal)
    await app.close()
  } finally {
    for (const { model } of models) model.dispose()
  }
}

function serverOptions(options: ServeCommandOptions) {
  const { batch, rows, imageOrigin, allowedHost, trustProxy } = options
  const { places, timeout, grace, maxBody, maxPixels, maxPasses } = options
  return {
    ...(batch !== undefined && { batch }),
    ...(rows !== undefined && { rows }),
    ...(imageOrigin !== undefined && { imageOrigins: imageOrigin }),
    ...(allowedHost !== undefined && { allowedHosts: allowedHost }),
    ...(trustProxy !== undefined && { trustProxy }),
    limits: {
      ...(places !== undefined && { places }),
      ...(timeout !== undefined && { seconds: timeout }),
      ...(grace !== undefined && { graceSeconds: grace }),
      ...(maxBody !== undefined && { bodyBytes: maxBody }),
      ...(maxPixels !== undefined && { pixels: maxPixels }),
      ...(maxPasses !== undefined && { passes: maxPasses }),
    },
  }
}

/** The keys of the file, or of the environment, which other users of the machine don't see as they do a command line. */
async function givenKeys({ apiKeyFile }: ServeCommandOptions): Promise<string[]> {
  const text =
    apiKeyFile === undefined ? (process.env.IBA_API_KEY ?? '') : await readBoundedText(apiKeyFile, keysLimit)
  const keys = text.split(/[\s,]+/).filter(key => key !== '')
  if (apiKeyFile !== undefined && keys.length === 0)
    throw new UsageError(`--api-key-file '${apiKeyFile}' holds no key. Make one with: openssl rand -hex 32`)
  return keys
}

const keysLimit = { bytes: 2 ** 20, of: 'a file of keys' }

/** Listens, or says in the command line's words why it can't.
 * @throws UsageError */
export async function listen(
  app: FastifyInstance,
  { host, port }: Pick<ServeCommandOptions, 'host' | 'port'>,
): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    await app.close()
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE')
      throw new UsageError(
        `Port ${port} of ${host} is taken. Give another --port, or 0 for one that is free.`,
      )
    throw new UsageError(`Can't listen at ${host}, port ${port}: ${code ?? String(error)}.`)
  }
}

/** Where a server can be reached. */
export function addressOf(app: FastifyInstance): string {
  const { family, address, port } = app.addresses()[0] as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** Waits for a signal. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function repeated(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}
