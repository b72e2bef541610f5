import * as v from 'valibot'
import { RunError } from '../../foundation/errors.js'

// Files of runs may have been changed, or be something else: they are checked before anything relies on their fields. What
// a protocol keeps of an image is its own.

const count = v.pipe(v.number(), v.safeInteger('a whole number'), v.minValue(0))
const bound = v.nullable(v.number())
// Valibot takes a list for an object whose keys are its indices.
const noList = v.pipe(
  v.unknown(),
  v.check(value => !Array.isArray(value), 'Object'),
)
const object = v.pipe(noList, v.looseObject({}))
const objectOf = <Value extends v.GenericSchema>(value: Value) => v.pipe(noList, v.record(v.string(), value))

const headerFields = {
  format: v.literal(1),
  protocol: v.string(),
  kind: v.optional(v.string()),
  settings: object,
  method: v.looseObject({
    name: v.string(),
    title: v.string(),
    options: object,
    resources: objectOf(object),
    statistics: v.nullable(object),
  }),
  model: v.looseObject({
    name: v.string(),
    architecture: v.string(),
    weightHash: v.string(),
    preprocessing: object,
  }),
  data: v.looseObject({ name: v.string(), samples: count, available: count, seed: count, list: v.string() }),
  versions: v.looseObject({ package: v.string() }),
  part: v.looseObject({ rank: count, size: count }),
}

const header = v.looseObject(headerFields)

const record = v.looseObject({
  key: v.string(),
  id: v.string(),
  target: v.number(),
  seconds: v.number(),
  skipped: v.optional(v.string()),
})

const score = v.looseObject({ value: bound, low: bound, high: bound, level: v.number() })

const result = v.looseObject({
  ...headerFields,
  score,
  scores: objectOf(score),
  curves: v.array(v.looseObject({ name: v.string(), x: v.array(v.number()), y: v.array(bound) })),
  places: v.optional(v.array(v.string())),
  started: v.string(),
  finished: v.string(),
  secondsPerMap: bound,
  throughput: bound,
  records: v.array(record),
  failures: v.array(v.looseObject({ id: v.string(), message: v.string() })),
})

/** @throws RunError where the first line of a log is no header of a run */
export function requireHeader(value: unknown, path: string): void {
  require(header, value, `'${path}' is no log of a run`)
}

/** @throws RunError where a line of a log is no record of a run */
export function requireRecord(value: unknown, where: string): void {
  require(record, value, `${where[0]!.toUpperCase()}${where.slice(1)} is no record of a run`)
}

/** @throws RunError where the content of a file is no result of a run */
export function requireResult(value: unknown, path: string): void {
  require(result, value, `'${path}' is no result of a run`)
}

function require(schema: v.GenericSchema, value: unknown, what: string): void {
  const { issues } = v.safeParse(schema, value, { abortEarly: true })
  if (!issues) return
  throw new RunError(
    `${what}: ${problem(issues[0])}. Expected what \`iba evaluate\` or \`iba reproduce\` writes; remove the file to run it again.`,
  )
}

function problem(issue: v.BaseIssue<unknown>): string {
  const place = v.getDotPath(issue) ?? 'it'
  if (issue.received === 'undefined') return `${place} is missing`
  return `${place} is ${issue.received.slice(0, 60)}, expected ${issue.expected ?? issue.message}`
}
