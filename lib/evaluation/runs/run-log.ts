import { type FileHandle, open, readFile, rm, truncate } from 'node:fs/promises'
import { RunError } from '../../foundation/errors.js'
import { errorCode, exists, fileError } from '../../foundation/files.js'
import { differences, tellDifferences } from './header.js'
import type { RunHeader, RunRecord } from './record.js'
import { requireHeader, requireRecord } from './shape.js'

/** The records of a run that isn't finished: a line of JSON with the header, then one for each record as it is found. What
 * is written survives the process; a line that was cut off by its end is dropped by the next one. */
export class RunLog {
  readonly path: string
  readonly #file: FileHandle
  readonly #records: Map<string, RunRecord>

  private constructor(path: string, file: FileHandle, records: readonly RunRecord[]) {
    this.path = path
    this.#file = file
    this.#records = new Map(records.map(record => [record.key, record]))
  }

  /** Begins a log, or takes up the one of an interrupted run.
   * @throws RunError where there is one that isn't to be taken up, or it is of a run with other settings;
   * FileError */
  static async open(path: string, header: RunHeader, resume: boolean): Promise<RunLog> {
    if (resume) return await RunLog.#resume(path, header)
    if (await exists(path))
      throw new RunError(
        `'${path}' is of a run that was interrupted. Add --resume to go on with it, or remove it to start again.`,
      )
    return await RunLog.#begin(path, header)
  }

  static async #begin(path: string, header: RunHeader): Promise<RunLog> {
    const log = new RunLog(path, await openFile(path, 'w'), [])
    await log.#append(header)
    return log
  }

  static async #resume(path: string, header: RunHeader): Promise<RunLog> {
    const found = await readRunLog(path)
    if (!found) return await RunLog.#begin(path, header)
    requireSameRun(path, found.header, header)
    await truncate(path, found.bytes).catch(error => {
      throw fileError(`Can't write '${path}'`, error)
    })
    return new RunLog(path, await openFile(path, 'a'), found.records)
  }

  has(key: string): boolean {
    return this.#records.has(key)
  }

  get records(): RunRecord[] {
    return [...this.#records.values()]
  }

  async add(record: RunRecord): Promise<void> {
    this.#records.set(record.key, record)
    await this.#append(record)
  }

  async #append(line: RunHeader | RunRecord): Promise<void> {
    await this.#file.appendFile(`${JSON.stringify(line)}\n`).catch(error => {
      throw fileError(`Can't write '${this.path}'`, error)
    })
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  /** Removes the log of a run whose result is written. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}

/** The header and the records of a log, and how many bytes they take; undefined where there is no whole line.
 * @throws RunError where a line is broken, FileError */
export async function readRunLog(
  path: string,
): Promise<{ header: RunHeader; records: RunRecord[]; bytes: number } | undefined> {
  const text = await readFile(path, 'utf8').catch(error => {
    if (errorCode(error) === 'ENOENT') return ''
    throw fileError(`Can't read '${path}'`, error)
  })
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole === '') return undefined
  const [header, ...records] = parseLines(path, whole.slice(0, -1))
  requireHeader(header, path)
  records.forEach((record, i) => {
    requireRecord(record, `line ${i + 2} of '${path}'`)
  })
  return { header: header as RunHeader, records: records as RunRecord[], bytes: Buffer.byteLength(whole) }
}

function parseLines(path: string, text: string): unknown[] {
  return text.split('\n').map((line, i) => {
    try {
      return JSON.parse(line)
    } catch (error) {
      throw new RunError(
        `Line ${i + 1} of '${path}' is not valid JSON, so the run can't go on. Remove the line, or the file to start again.`,
        { cause: error },
      )
    }
  })
}

function requireSameRun(path: string, found: RunHeader, wanted: RunHeader): void {
  const different = differences(found, wanted)
  if (different.length === 0) return
  throw new RunError(
    `'${path}' is of another run. They differ in ${tellDifferences(different)}. Run it as before, choose another ` +
      '--out, or remove the file to start again.',
  )
}

async function openFile(path: string, flags: string): Promise<FileHandle> {
  return await open(path, flags).catch(error => {
    throw fileError(`Can't write '${path}'`, error)
  })
}
