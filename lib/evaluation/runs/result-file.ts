import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RunError } from '../../foundation/errors.js'
import { textHash } from '../../foundation/file-hash.js'
import { errorCode, fileError, writeFileAtomically } from '../../foundation/files.js'
import { modelLabel } from '../../model/model-file.js'
import { kindOf, protocolFields, protocolOf } from '../protocols/all.js'
import type { RunHeader, RunResult } from './record.js'
import { requireResult } from './shape.js'

/** What the file of a run is named after. */
export interface NamedRun extends Pick<RunHeader, 'protocol' | 'part'> {
  model: { name: string; file?: string }
  method: { title: string }
}

/** Where the result of a run goes, and beside it its log. */
export function resultPath(folder: string, { model, method, protocol, part }: NamedRun): string {
  const suffix = part.size > 1 ? `.rank-${part.rank}-of-${part.size}` : ''
  const words = [modelWord(model), fileWord(method.title), fileWord(protocol)]
  return join(folder, `${words.join('.')}${suffix}.json`)
}

/** What files that belong to a model are named after: the name in the zoo; of a model from a file that file's name and the
 * beginning of its hash, since two files of one name may lie in different folders. */
export function modelWord({ name, file }: NamedRun['model']): string {
  return file === undefined ? fileWord(name) : `${fileWord(modelLabel(name))}-${file.slice(0, 8)}`
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
  let result: unknown
  try {
    result = JSON.parse(text)
  } catch (error) {
    throw new RunError(`'${path}' is no result of a run: it is not valid JSON.`, { cause: error })
  }
  return resultFrom(result, path)
}

/** A result from what its file holds.
 * @throws RunError where that is something else */
export function resultFrom(value: unknown, path: string): RunResult {
  requireResult(value, path)
  return described(value as RunResult)
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

/** Letters, digits and hyphens alone, of a length that file names may have. */
export function fileWord(text: string): string {
  const word = text
    .replace(/[^\w-]+/g, '-')
    .replace(/^-|-$/g, '')
    .toLowerCase()
  return word.length <= longestWord ? word : `${word.slice(0, longestWord - 9)}-${textHash(text).slice(0, 8)}`
}

const longestWord = 100
