import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { errorCode, fileError, writeFileAtomically } from '../foundation/files.js'
import { AppendFile } from './append-file.js'
import type { IntervalReport } from './interval.js'
import type { TrainingEpoch } from './reports.js'

/** A line of a training's log. */
export type LogRecord = { time: string } & (
  | ({ kind: 'interval' } & IntervalReport)
  | ({ kind: 'epoch' } & TrainingEpoch)
)

/** A log of training: a line of JSON for each interval and epoch. */
export class JsonLog {
  readonly #file: AppendFile

  private constructor(file: AppendFile) {
    this.#file = file
  }

  /** Begins a log, or goes on with one: what it says of steps after `step`, which will be done again, is left out.
   * @throws FileError where it can't be written */
  static async open(path: string, step: number): Promise<JsonLog> {
    const kept = step === 0 ? [] : (await readLog(path)).filter(record => record.step <= step)
    await writeFileAtomically(path, kept.map(record => `${JSON.stringify(record)}\n`).join(''))
    return new JsonLog(await AppendFile.open(path))
  }

  /** Adds a line; `close` tells of a failure. */
  write(record: ({ kind: 'interval' } & IntervalReport) | ({ kind: 'epoch' } & TrainingEpoch)): void {
    this.#file.append(`${JSON.stringify({ time: new Date().toISOString(), ...record })}\n`)
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

/** The records of a log; lines that are none, such as a last one that was cut short, are passed over. None where there is no file.
 * @throws FileError where it can't be read */
export async function readLog(path: string): Promise<LogRecord[]> {
  const text = await readFile(path, 'utf8').catch(error => {
    if (errorCode(error) === 'ENOENT') return ''
    throw fileError(`Can't read '${path}'`, error)
  })
  return text.split('\n').flatMap(line => parse(line) ?? [])
}

// Numbers that were not finite stand in JSON as null.
const number = v.nullable(v.number())
const outcome = v.looseObject({
  loss: number,
  crossEntropy: number,
  information: number,
  bits: number,
  accuracy: number,
})
const step = v.pipe(v.number(), v.safeInteger())
const logRecord = v.variant('kind', [
  v.looseObject({ ...outcome.entries, kind: v.literal('interval'), step }),
  v.looseObject({ kind: v.literal('epoch'), step, training: outcome, validation: v.nullish(outcome) }),
])

function parse(line: string): LogRecord | undefined {
  try {
    const record = JSON.parse(line) as LogRecord
    return v.is(logRecord, record) ? record : undefined
  } catch {
    return undefined
  }
}
