import type { Json } from './open-api.js'

const number = { type: 'number' }
const text = { type: 'string' }
const whole = { type: 'integer' }
const names = { type: 'array', items: text }
const outputName = { type: ['integer', 'string'] }
const png = { type: 'string', contentEncoding: 'base64', contentMediaType: 'image/png' }
const float32 = {
  type: 'string',
  contentEncoding: 'base64',
  description: 'float32 values in C order, little-endian.',
}

function object(properties: Json, required: readonly string[] = Object.keys(properties)): Json {
  return { type: 'object', properties, required }
}

const map = object({ height: whole, width: whole, data: float32 })

/** The schemas of answers, and of targets. */
export const answerSchemas: Readonly<Record<string, Json>> = {
  Attribution: object(
    {
      model: text,
      method: text,
      target: { $ref: '#/components/schemas/Target' },
      className: text,
      score: { ...number, description: 'The number that was explained: of a class its logit.' },
      probability: { type: ['number', 'null'] },
      unit: { type: 'string', enum: ['bits/pixel', 'logits', 'relative'] },
      bits: { type: ['number', 'null'], description: 'The sum of a map in bits.' },
      map,
      steps: { type: 'array', items: { type: 'object', additionalProperties: number } },
      checks: { type: 'object', additionalProperties: number },
      overlay: png,
      image: { ...png, description: 'What the network saw.' },
      tensors: {
        type: 'object',
        additionalProperties: object({ shape: { type: 'array', items: whole }, data: float32 }),
      },
      seconds: number,
      timing: object({ waiting: number, decoding: number, explaining: number }),
    },
    ['model', 'method', 'target', 'score', 'probability', 'unit', 'bits', 'checks', 'seconds', 'timing'],
  ),
  Prediction: object(
    {
      model: text,
      outputKind: text,
      classes: {
        type: 'array',
        items: object({ class: whole, className: text, probability: number }, ['class', 'probability']),
      },
      outputs: { type: 'array', items: number },
    },
    ['model', 'outputKind'],
  ),
  Models: object({
    models: {
      type: 'array',
      items: object({
        name: text,
        architecture: text,
        classes: whole,
        classNames: names,
        outputKind: text,
        height: whole,
        width: whole,
        layers: names,
        bottleneckLayer: text,
        device: text,
        precision: text,
        methods: names,
        defaultMethod: text,
      }),
    },
    limits: { type: 'object', additionalProperties: number },
  }),
  Methods: object({ methods: { type: 'array', items: { type: 'object' } } }),
  Failure: object({
    error: object({
      code: text,
      message: text,
      remedy: { ...text, description: 'What to do.' },
      request: { ...text, description: "The request's id in the log." },
    }),
  }),
  Target: {
    description:
      'What is explained: the index or name of a class or label, or another number that follows from the outputs.',
    anyOf: [
      outputName,
      object({ contrast: { type: 'array', items: outputName, minItems: 1 } }),
      object({ labels: { type: 'array', items: outputName } }),
      object({ output: outputName, towards: { type: ['string', 'number'] } }, ['output']),
      object({ embedding: { type: 'array', items: number } }),
      object({ weights: { type: 'array', items: number } }),
    ],
  },
}
