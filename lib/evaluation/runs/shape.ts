import { RunError } from '../../foundation/errors.js'

// Files of runs may have been changed, or be something else: they are checked before anything relies on their fields. What
// a protocol keeps of an image is its own.

type Check = (value: unknown, name: string) => string | undefined

const is =
  (expected: string, holds: (value: unknown) => boolean): Check =>
  (value, name) =>
    holds(value) ? undefined : `${name} is not ${expected}`

const text = is('a text', value => typeof value === 'string')
const number = is('a number', value => typeof value === 'number')
const count = is('a whole number from 0 on', value => Number.isSafeInteger(value) && Number(value) >= 0)
const object = is('an object', value => typeof value === 'object' && value !== null && !Array.isArray(value))

function either(...checks: Check[]): Check {
  return (value, name) => {
    const found = checks.map(check => check(value, name))
    return found.includes(undefined) ? undefined : found[0]
  }
}

const absent = is('absent', value => value === undefined)
const nothing = is('null', value => value === null)
const optional = (check: Check) => either(check, absent)

function list(check: Check): Check {
  return (value, name) => {
    if (!Array.isArray(value)) return `${name} is not a list`
    return firstProblem(value.map((entry, i) => () => check(entry, `${name}[${i}]`)))
  }
}

function fields(checks: Readonly<Record<string, Check>>): Check {
  return (value, name) =>
    object(value, name || 'it') ??
    firstProblem(
      Object.entries(checks).map(
        ([key, check]) =>
          () =>
            check((value as Record<string, unknown>)[key], name ? `${name}.${key}` : key),
      ),
    )
}

function values(check: Check): Check {
  return (value, name) =>
    object(value, name) ??
    firstProblem(
      Object.entries(value as object).map(
        ([key, entry]) =>
          () =>
            check(entry, `${name}.${key}`),
      ),
    )
}

function firstProblem(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const problem = check()
    if (problem !== undefined) return problem
  }
  return undefined
}

const header = {
  format: is('1', value => value === 1),
  protocol: text,
  kind: optional(text),
  settings: object,
  method: fields({
    name: text,
    title: text,
    options: object,
    resources: values(object),
    statistics: either(object, nothing),
  }),
  model: fields({ name: text, architecture: text, weightHash: text, preprocessing: object }),
  data: fields({ name: text, samples: count, available: count, seed: count, list: text }),
  versions: fields({ package: text }),
  part: fields({ rank: count, size: count }),
}

const record = fields({
  key: text,
  id: text,
  target: number,
  seconds: number,
  skipped: optional(text),
})

const bound = either(number, nothing)
const score = fields({ value: bound, low: bound, high: bound, level: number })

const result = fields({
  ...header,
  score,
  scores: values(score),
  curves: list(fields({ name: text, x: list(number), y: list(bound) })),
  places: optional(list(text)),
  started: text,
  finished: text,
  secondsPerMap: bound,
  throughput: bound,
  records: list(record),
  failures: list(fields({ id: text, message: text })),
})

/** @throws RunError where the first line of a log is no header of a run */
export function requireHeader(value: unknown, path: string): void {
  require(fields(header)(value, ''), `'${path}' is no log of a run`)
}

/** @throws RunError where a line of a log is no record of a run */
export function requireRecord(value: unknown, where: string): void {
  require(record(value, ''), `${where[0]!.toUpperCase()}${where.slice(1)} is no record of a run`)
}

/** @throws RunError where the content of a file is no result of a run */
export function requireResult(value: unknown, path: string): void {
  require(result(value, ''), `'${path}' is no result of a run`)
}

function require(problem: string | undefined, what: string): void {
  if (problem === undefined) return
  throw new RunError(
    `${what}: ${problem}. Expected what \`iba evaluate\` or \`iba reproduce\` writes; remove the file to run it again.`,
  )
}
