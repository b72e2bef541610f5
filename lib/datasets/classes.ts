import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { read as readMat } from 'mat-for-js'
import { DatasetError } from '../foundation/errors.js'
import { fileReason } from '../foundation/files.js'

/** The classes of a data set in the order of their indices. */
export interface ClassList {
  path: string
  /** What labels and folders call them, such as n01440764. */
  keys: readonly string[]
  /** What people call them. */
  names: readonly string[]
}

/** An entry of the ILSVRC devkit's meta.mat. */
interface Synset {
  id: number
  wnid: string
  words: string
}

/** Reads a list of classes: JSON as [{index, synset, name}] or {"0": ["n01440764", "tench"]}, lines of `synset words`
 * in order, or the devkit's meta.mat, whose classes are put in the order of their synsets, as networks have them.
 * @throws DatasetError */
export async function readClasses(path: string): Promise<ClassList> {
  const bytes = await readFile(path).catch(error => {
    throw new DatasetError(`Can't read the list of classes '${path}': ${fileReason(error)}`, { cause: error })
  })
  const entries = path.endsWith('.mat')
    ? fromSynsets(parseSynsets(bytes, path))
    : path.endsWith('.json')
      ? fromJson(bytes.toString(), path)
      : fromLines(bytes.toString())
  if (entries.length === 0) throw new DatasetError(`'${path}' lists no class.`)
  return { path, keys: entries.map(([key]) => key), names: entries.map(([, name]) => name) }
}

/** The classes of the devkit's meta.mat by the numbers that its ground-truth file uses. */
export async function readDevkitClasses(path: string): Promise<Map<number, string>> {
  const bytes = await readFile(path).catch(error => {
    throw new DatasetError(`Can't read '${path}': ${fileReason(error)}`, { cause: error })
  })
  return new Map(parseSynsets(bytes, path).map(({ id, wnid }) => [id, wnid]))
}

type Entry = readonly [key: string, name: string]

function fromJson(text: string, path: string): Entry[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new DatasetError(`'${path}' is not valid JSON.`, { cause: error })
  }
  const entries = Array.isArray(value)
    ? value.map(({ index, synset, name }) => [index, synset, name])
    : Object.entries(value as object).map(([index, pair]) => [Number(index), ...(pair as string[])])
  const sorted = entries.sort((a, b) => a[0] - b[0])
  if (
    sorted.some(([index, key, name], i) => index !== i || typeof key !== 'string' || typeof name !== 'string')
  )
    throw new DatasetError(
      `'${path}' lists no classes as expected: [{"index": 0, "synset": "n01440764", "name": "tench"}, …] or ` +
        '{"0": ["n01440764", "tench"], …}, with every index from 0 on.',
    )
  return sorted.map(([, key, name]) => [key, name])
}

function fromLines(text: string): Entry[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .map(line => {
      const [key, ...words] = line.split(/\s+/)
      return [key!, firstName(words.join(' ')) || key!]
    })
}

function fromSynsets(synsets: readonly Synset[]): Entry[] {
  return synsets
    .map(({ wnid, words }): Entry => [wnid, firstName(words)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The leaves of the devkit's tree of synsets, which are the classes. */
function parseSynsets(bytes: Buffer, path: string): Synset[] {
  try {
    const { data } = readMat(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
    )
    const synsets = data.synsets as Record<string, unknown>[]
    return synsets
      .filter(synset => toNumber(synset.num_children) === 0)
      .map(synset => ({
        id: toNumber(synset.ILSVRC2012_ID),
        wnid: String(synset.WNID),
        words: String(synset.words),
      }))
  } catch (error) {
    throw new DatasetError(
      `'${path}' can't be read as the ILSVRC devkit's ${basename(path)}: expected its table 'synsets'.`,
      { cause: error },
    )
  }
}

function toNumber(value: unknown): number {
  return Number(Array.isArray(value) ? value.flat(2)[0] : value)
}

function firstName(words: string): string {
  return words.split(',')[0]!.trim()
}
