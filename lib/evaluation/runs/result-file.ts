import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RunError } from '../../foundation/errors.js'
import { errorCode, fileError, writeFileAtomically } from '../../foundation/files.js'
import { kindOf, protocolFields, protocolOf } from '../protocols/all.js'
import type { RunHeader, RunResult } from './record.js'

/** What the file of a run is named after. */
export interface NamedRun extends Pick<RunHeader, 'protocol' | 'part'> {
  model: { name: string }
  method: { title: string }
}

/** Where the result of a run goes, and beside it its log. */
export function resultPath(folder: string, { model, method, protocol, part }: NamedRun): string {
  const suffix = part.size > 1 ? `.rank-${part.rank}-of-${part.size}` : ''
  const words = [model.name, method.title, protocol].map(fileWord)
  return join(folder, `${words.join('.')}${suffix}.json`)
}

export function logPath(resultFile: string): string {
  return `${resultFile}l`
}

/** @throws RunError where it is no result of a run, FileError */
export async function readResult(path: string): Promise<RunResult> {
  const found = await findResult(path)
  if (!found) throw new RunError(`There is no '${path}'. Give the .json file of a finished run.`)
  return found
}

/** The result, or undefined where there is no such file. */
export async function findResult(path: string): Promise<RunResult | undefined> {
  const text = await readFile(path, 'utf8').catch(error => {
    if (errorCode(error) === 'ENOENT') return undefined
    throw fileError(`Can't read '${path}'`, error)
  })
  if (text === undefined) return undefined
  let result: RunResult
  try {
    result = JSON.parse(text) as RunResult
  } catch (error) {
    throw new RunError(`'${path}' is no result of a run: it is not valid JSON.`, { cause: error })
  }
  if (result.format === 1 && Array.isArray(result.records)) return described(result)
  throw new RunError(`'${path}' is no result of a run: expected the .json file that \`iba evaluate\` writes.`)
}

export async function writeResult(path: string, result: RunResult): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(result)}\n`)
}

/** Files of earlier versions name their protocol only. */
function described(result: RunResult): RunResult {
  if (result.kind !== undefined) return result
  const kind = kindOf(result)
  return { ...result, ...protocolFields(protocolOf({ kind, settings: result.settings })) }
}

function fileWord(text: string): string {
  return text
    .replace(/[^\w-]+/g, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase()
}
