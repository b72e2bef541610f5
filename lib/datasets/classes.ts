import { basename } from 'node:path'
import { decodeText, type ReadingLimit, readBounded } from '../foundation/bounded-reading.js'
import { DatasetError } from '../foundation/errors.js'
import { fileReason } from '../foundation/files.js'
import { type MatValue, readMatTable } from './mat-table.js'

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

const limit: ReadingLimit = { bytes: 2 ** 24, of: 'a list of classes' }

/** Reads a list of classes: JSON as [{index, synset, name}] or {"0": ["n01440764", "tench"]}, lines of `synset words`
 * in order, or the devkit's meta.mat, whose classes are put in the order of their synsets, as networks have them.
 * @throws DatasetError */
export async function readClasses(path: string): Promise<ClassList> {
  const bytes = await readList(path)
  const entries = path.endsWith('.mat')
    ? fromSynsets(parseSynsets(bytes, path))
    : path.endsWith('.json')
      ? fromJson(textOf(bytes, path), path)
      : fromLines(textOf(bytes, path))
  if (entries.length === 0) throw new DatasetError(`'${path}' lists no class.`)
  const keys = entries.map(([key]) => key)
  const seen = new Set<string>()
  for (const key of keys) {
    if (seen.has(key)) throw new DatasetError(`'${path}' lists the class '${key}' twice.`)
    seen.add(key)
  }
  return { path, keys, names: entries.map(([, name]) => name) }
}

/** The classes of the devkit's meta.mat by the numbers that its ground-truth file uses. */
export async function readDevkitClasses(path: string): Promise<Map<number, string>> {
  return new Map(parseSynsets(await readList(path), path).map(({ id, wnid }) => [id, wnid]))
}

async function readList(path: string): Promise<Buffer> {
  return await readBounded(path, limit).catch(error => {
    throw new DatasetError(`Can't read the list of classes '${path}': ${fileReason(error)}`, { cause: error })
  })
}

function textOf(bytes: Buffer, path: string): string {
  try {
    return decodeText(bytes)
  } catch (error) {
    throw new DatasetError(`Can't read the list of classes '${path}': ${fileReason(error)}`, { cause: error })
  }
}

type Entry = readonly [key: string, name: string]

function fromJson(text: string, path: string): Entry[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new DatasetError(`'${path}' is not valid JSON.`, { cause: error })
  }
  const entries: unknown[][] = Array.isArray(value)
    ? value.map(entry => [entry?.index, entry?.synset, entry?.name])
    : Object.entries(value ?? {}).map(([index, pair]) => [
        Number(index),
        ...(Array.isArray(pair) ? pair : []),
      ])
  const sorted = entries.sort((a, b) => Number(a[0]) - Number(b[0]))
  if (
    sorted.some(([index, key, name], i) => index !== i || typeof key !== 'string' || typeof name !== 'string')
  )
    throw new DatasetError(
      `'${path}' lists no classes as expected: [{"index": 0, "synset": "n01440764", "name": "tench"}, …] or ` +
        '{"0": ["n01440764", "tench"], …}, with every index from 0 on.',
    )
  return sorted.map(([, key, name]) => [key as string, name as string])
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
  const toNumber = (value: MatValue) => (typeof value === 'number' ? value : Number.NaN)
  try {
    return readMatTable(bytes, 'synsets')
      .filter(synset => toNumber(synset.num_children) === 0)
      .map(({ ILSVRC2012_ID, WNID, words }) => ({
        id: toNumber(ILSVRC2012_ID),
        wnid: String(WNID),
        words: String(words),
      }))
  } catch (error) {
    throw new DatasetError(
      `'${path}' can't be read as the ILSVRC devkit's ${basename(path)}: ${fileReason(error)}. Expected its table 'synsets'.`,
      { cause: error },
    )
  }
}

function firstName(words: string): string {
  return words.split(',')[0]!.trim()
}
