import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import sharp from 'sharp'
import type { Model, Statistics } from '../../lib/index.js'
import { createServer, type ServerOptions } from '../../lib/server/index.js'
import { smallModel, smallStatistics } from './small-model.js'

/** A server of the small network, with statistics, for images of 64 × 64 pixels. */
export interface TestServer {
  url: string
  port: number
  app: FastifyInstance
  model: Model
  statistics: Statistics
  close: () => Promise<void>
}

export const classNames = Array.from({ length: 10 }, (_, i) => `class ${i}`)

/** Starts a server on any free port. */
export async function startServer(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const model = await smallModel({ preprocessing: { resize: 64, crop: 64 } })
  const statistics = await smallStatistics(model)
  const app = await createServer({
    models: [{ name: 'small', model, statistics }],
    warmUp: false,
    ...options,
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.addresses()[0] as AddressInfo
  const close = async () => {
    await app.close()
    statistics.dispose()
    model.dispose()
  }
  return { url: `http://127.0.0.1:${port}`, port, app, model, statistics, close }
}

/** A PNG of 72 × 64 pixels, other ones for other numbers. */
export async function picture(variant = 0): Promise<Buffer> {
  const [width, height] = [72, 64]
  const pixels = new Uint8Array(width * height * 3).map((_, i) => (i * (variant + 3) * 7) % 251)
  return await sharp(pixels, { raw: { width, height, channels: 3 } })
    .blur(2)
    .png()
    .toBuffer()
}

/** What a request was answered with. */
export interface Answer {
  status: number
  headers: Headers
  /** Of JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  json: any
}

/** Sends bytes, a form or text. */
export async function post(
  url: string,
  body?: Uint8Array | FormData | string,
  init: RequestInit = {},
): Promise<Answer> {
  const sent = body instanceof Uint8Array ? new Uint8Array(body) : body
  const response = await fetch(url, { method: 'POST', ...(sent !== undefined && { body: sent }), ...init })
  return await read(response)
}

/** Sends JSON. */
export async function postJson(url: string, value: unknown): Promise<Answer> {
  return await post(url, JSON.stringify(value), { headers: { 'content-type': 'application/json' } })
}

export async function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return await read(await fetch(url, { headers }))
}

/** The values of a map or tensor of an answer. */
export function decoded(data: string): Float32Array {
  const bytes = new Uint8Array(Buffer.from(data, 'base64'))
  return new Float32Array(bytes.buffer)
}

/** The events of a stream of them, or of what has come of it: an event whose end hasn't come isn't one yet. */
export function eventsOf(text: string): { event: string; data: Record<string, unknown> }[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .filter(block => block.startsWith('event: '))
    .map(block => {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block)!
      return { event: event!, data: JSON.parse(data!) as Record<string, unknown> }
    })
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text }
}
