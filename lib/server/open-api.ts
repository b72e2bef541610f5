import type { MethodDescription, OptionDescription } from '../attribution/described-options.js'
import { mediaTypes } from './answers.js'
import { answerSchemas } from './open-api-schemas.js'
import { parts } from './settings.js'

/** A part of a JSON schema, or of an OpenAPI document. */
export type Json = { readonly [name: string]: unknown }

/** A parameter as OpenAPI has it. */
export interface Parameter {
  name: string
  in: 'query' | 'path'
  required?: boolean
  description: string
  schema: Json
}

/** A route as OpenAPI has it. */
export interface Operation {
  operationId: string
  summary: string
  description?: string
  parameters?: Parameter[]
  requestBody?: Json
  responses: Json
}

/** The parts of an OpenAPI document that are read here. */
export interface OpenApiDocument {
  openapi: string
  info: { title: string; version: string; description: string }
  servers: { url: string }[]
  paths: Record<string, Partial<Record<'get' | 'post', Operation>>>
  components: { schemas: Record<string, Json> }
}

export interface OpenApiOptions {
  /** With the options that clients may choose. */
  methods: readonly MethodDescription[]
  /** Their names. */
  models: readonly string[]
  version: string
  prefix: string
}

/** The routes as an OpenAPI document, made from the declarations that requests are checked by. */
export function openApiDocument({ methods, models, version, prefix }: OpenApiOptions): OpenApiDocument {
  const settings = settingParameters(models, methods)
  const image = { requestBody: imageBody }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Attribution bottleneck',
      version,
      description: 'Which regions of an image did a vision model use, and how many bits did they carry?',
    },
    servers: [{ url: prefix === '' ? '/' : prefix }],
    paths: {
      '/v1/attribute': {
        post: {
          operationId: 'attribute',
          summary: 'Explain an image',
          description:
            'The options of the method stand in the query beside the settings, or in `options` of the JSON. The form of the answer ' +
            'follows from Accept: JSON, a picture (image/png), the map alone (application/x-npy), or events.',
          parameters: settings,
          ...image,
          responses: answers({
            [mediaTypes.json]: { schema: schema('Attribution') },
            [mediaTypes.png]: { schema: binary },
            [mediaTypes.npy]: { schema: binary },
            [mediaTypes.events]: { schema: { type: 'string' } },
          }),
        },
      },
      '/v1/attribute/stream': {
        post: {
          operationId: 'attributeStream',
          summary: 'Explain an image, and tell of each step',
          description:
            'Server-sent events: `progress` {step, steps} while the map is made, and of methods that optimise a mask `start` and each `step` as ' +
            'soon as it is there, with its numbers and the map after it; then `result`, an Attribution; or `error`.',
          parameters: settings,
          ...image,
          responses: answers({ [mediaTypes.events]: { schema: { type: 'string' } } }),
        },
      },
      '/v1/attribute/batch': {
        post: {
          operationId: 'attributeBatch',
          summary: 'Explain many images',
          description:
            'Each line is a Request, perhaps with an `id`; the query holds settings for all. For each line comes one, in the same order, with ' +
            'its `index`, its `id`, and an Attribution or an `error`. Read while you send: lines are taken only as fast as answers are.',
          parameters: settings,
          requestBody: { required: true, content: { 'application/x-ndjson': { schema: schema('Request') } } },
          responses: answers({ 'application/x-ndjson': { schema: schema('Attribution') } }),
        },
      },
      '/v1/predict': {
        post: {
          operationId: 'predict',
          summary: 'The most probable classes of an image',
          parameters: [
            ...settings.filter(({ name }) => name === 'model' || name === 'timeout'),
            parameter('top', 'How many classes.', { type: 'integer', minimum: 1, maximum: 1000, default: 5 }),
          ],
          ...image,
          responses: answers({ [mediaTypes.json]: { schema: schema('Prediction') } }),
        },
      },
      '/v1/models': {
        get: {
          operationId: 'models',
          summary: 'The models, and the limits of a request',
          responses: answers({ [mediaTypes.json]: { schema: schema('Models') } }),
        },
      },
      '/v1/methods': {
        get: {
          operationId: 'methods',
          summary: 'The methods with their options',
          responses: answers({ [mediaTypes.json]: { schema: schema('Methods') } }),
        },
      },
    },
    components: {
      schemas: {
        ...answerSchemas,
        Request: requestSchema(models, methods),
        ...Object.fromEntries(methods.map(method => [optionsName(method), optionsSchema(method)])),
      },
    },
  }
}

const binary = { type: 'string', format: 'binary' }

const imageBody = {
  required: true,
  description: 'The bytes of a JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP; a form; or JSON.',
  content: {
    'image/*': { schema: binary },
    'application/octet-stream': { schema: binary },
    'multipart/form-data': {
      schema: {
        type: 'object',
        properties: {
          image: binary,
          url: { type: 'string', format: 'uri' },
          settings: {
            type: 'string',
            contentMediaType: 'application/json',
            description: 'A Request without image.',
          },
        },
      },
    },
    'application/json': { schema: schema('Request') },
  },
}

function settingParameters(models: readonly string[], methods: readonly MethodDescription[]): Parameter[] {
  return Object.entries(settingSchemas(models, methods)).map(([name, { description, ...rest }]) => ({
    ...parameter(name, String(description), name === 'target' ? { type: 'string' } : rest),
    ...(name === 'include' && { style: 'form', explode: false }),
  }))
}

function settingSchemas(
  models: readonly string[],
  methods: readonly MethodDescription[],
): Record<string, Json> {
  return {
    model: { type: 'string', enum: models, description: 'Which model. Default: the first.' },
    method: {
      type: 'string',
      enum: methods.map(({ name }) => name),
      description:
        'Which method. Default: per-sample where there are statistics, else readout, else grad-cam.',
    },
    target: {
      ...schema('Target'),
      description:
        'What to explain: the index or name of a class, or another target, in a query as JSON. Default: the predicted class.',
    },
    seed: { type: 'integer', minimum: 0, default: 0, description: 'Seeds the noise.' },
    include: {
      type: 'array',
      items: { type: 'string', enum: Object.keys(parts) },
      default: ['map'],
      description: 'What the answer has beside its numbers, with commas between.',
    },
    timeout: {
      type: 'number',
      exclusiveMinimum: 0,
      description: 'Seconds; at most the limit of the server.',
    },
  }
}

function requestSchema(models: readonly string[], methods: readonly MethodDescription[]): Json {
  return {
    type: 'object',
    properties: {
      image: { type: 'string', contentEncoding: 'base64' },
      url: { type: 'string', format: 'uri', description: "Of one of the operator's origins." },
      ...settingSchemas(models, methods),
      options: {
        description: 'Of the method.',
        anyOf: methods.map(method => schema(optionsName(method))),
      },
    },
    oneOf: [{ required: ['image'] }, { required: ['url'] }],
  }
}

function optionsName({ name }: MethodDescription): string {
  return `Options.${name}`
}

function optionsSchema({ summary, source, options }: MethodDescription): Json {
  return {
    type: 'object',
    description: `${summary} (${source})`,
    properties: Object.fromEntries(options.map(option => [option.name, optionSchema(option)])),
    additionalProperties: false,
  }
}

const types = {
  number: 'number',
  whole: 'integer',
  flag: 'boolean',
  choice: 'string',
  text: 'string',
  images: 'array',
}

function optionSchema({ form, summary, defaults, minimum, maximum, choices }: OptionDescription): Json {
  const range = {
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
    ...(choices !== undefined && { enum: choices }),
  }
  const told = { description: summary, ...(defaults.iba !== null && { default: defaults.iba }) }
  if (form === 'array') {
    const numbers = { type: 'array', items: { type: 'number', minimum, maximum }, minItems: 1 }
    return { anyOf: [...(choices ? [{ type: 'string', enum: choices }] : []), numbers], ...told }
  }
  if (form === 'numbers') return { type: 'array', items: { type: 'number', ...range }, minItems: 1, ...told }
  return { type: types[form], ...range, ...told }
}

function parameter(name: string, description: string, of: Json): Parameter {
  return { name, in: 'query', description, schema: of }
}

function schema(name: string): Json {
  return { $ref: `#/components/schemas/${name}` }
}

function answers(content: Json): Json {
  const failure = {
    description: 'Refused or failed.',
    content: { [mediaTypes.json]: { schema: schema('Failure') } },
  }
  return { 200: { description: 'Done.', content }, default: failure }
}
