import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { csvFields } from '../foundation/csv.js'
import { DatasetError } from '../foundation/errors.js'
import { fileError } from '../foundation/files.js'
import { suggestion } from '../foundation/validate.js'
import { type PaperMethod, type PaperModel, paperMethods } from './paper.js'
import type { PlannedProtocol } from './reproduction-options.js'

/** Values that somebody published, to stand beside the measured ones. */
export interface PublishedValues {
  /** Where they come from, in one clause. */
  source: string
  /** @param protocol the name of its runs */
  find(model: string, method: PaperMethod, protocol: string): number | undefined
}

/** Those that come with this package. */
export const transcribedValues: PublishedValues = {
  source: 'unchecked transcription of Table 1; compare with the paper before citing',
  find: (model, { transcribed }, protocol) => transcribed[model as PaperModel]?.[protocol],
}

const columns = ['model', 'method', 'protocol', 'value'] as const

/** Reads a table that somebody checked: CSV with the columns model, method, protocol and value, in any order, and a row for each
 * value; a row whose value is empty says nothing. Methods and protocols have the names of the report, or those of
 * the paper's scripts and of `--protocols`.
 * @param known the models and protocols that are reproduced
 * @throws FileError, DatasetError where a name is unknown or a value is no number or is there twice */
export async function readPublishedValues(
  path: string,
  known: {
    models: readonly string[]
    protocols: readonly PlannedProtocol[]
    methods: readonly PaperMethod[]
  },
): Promise<PublishedValues> {
  const text = await readFile(path, 'utf8').catch(error => {
    throw fileError(`Can't read '${path}'`, error)
  })
  const [head = [], ...rows] = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map(csvFields)
  const isBlank = head.every(cell => cell === '')
  const places = placesOfColumns(path, isBlank ? [] : head)
  const names = namesOf(known)
  const values = new Map<string, number>()
  for (const [i, row] of rows.entries()) {
    const line = i + 2
    const fail: (why: string) => never = why => {
      throw new DatasetError(`Row ${line} of '${path}': ${why}`)
    }
    if (!row) fail('a quote is not closed.')
    if (row.every(cell => cell === '')) continue
    if (row.length !== head.length) fail(`it has ${row.length} cells, but the first row ${head.length}.`)
    const [model, method, protocol, value] = places.map(place => row[place]!) as [
      string,
      string,
      string,
      string,
    ]
    const lookUp = (what: keyof typeof names, name: string) =>
      names[what].get(name.toLowerCase()) ?? fail(unknownName(what, name, [...names[what].values()]))
    const key = keyOf(lookUp('model', model)!, lookUp('method', method)!, lookUp('protocol', protocol)!)
    if (value === '') continue
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) fail(`'${value}' is no number.`)
    if (values.has(key)) fail(`${model}, ${method}, ${protocol} has a value already.`)
    values.set(key, Number(value))
  }
  return {
    source: `as '${basename(path)}' has them`,
    find: (model, { title }, protocol) => values.get(keyOf(model, title, protocol)),
  }
}

function placesOfColumns(path: string, head: readonly string[]): number[] {
  const found = head.map(name => name.toLowerCase())
  const unknown = found.find(
    (name, i) => !columns.some(column => column === name) || found.indexOf(name) !== i,
  )
  const missing = columns.find(column => !found.includes(column))
  if (unknown === undefined && missing === undefined) return columns.map(column => found.indexOf(column))
  const what =
    unknown !== undefined
      ? `has the column '${unknown}'.${suggestion(unknown, columns)}`
      : `has no column '${missing}'.`
  throw new DatasetError(`'${path}' ${what} Expected the columns ${columns.join(', ')}, each once.`)
}

/** The names that a table may use, in lower case, and what they stand for. */
function namesOf({ models, protocols, methods }: Parameters<typeof readPublishedValues>[1]) {
  const named = (pairs: readonly (readonly [string, string])[]) =>
    new Map(pairs.map(([name, meaning]) => [name.toLowerCase(), meaning]))
  const paperModels: readonly PaperModel[] = ['resnet50', 'vgg16']
  return {
    model: named([...paperModels, ...models].map(name => [name, name])),
    method: named(
      [...paperMethods, ...methods].flatMap(({ scriptName, title }) => [
        [scriptName, title],
        [scriptName.replaceAll(' ', '_'), title],
        [title, title],
      ]),
    ),
    protocol: named([
      ...paperProtocols.map(name => [name, name] as const),
      ...protocols.flatMap(({ protocol: { name, kind, tile } }) => [
        [name, name] as const,
        [tile === undefined ? kind : `${kind}-${tile}`, name] as const,
      ]),
    ]),
  }
}

/** Those of the paper's Table 1. */
const paperProtocols = ['degradation-8', 'degradation-14', 'bounding-boxes']

function unknownName(what: string, name: string, names: readonly string[]): string {
  const distinct = [...new Set(names)]
  return `there is no ${what} '${name}'.${suggestion(name, distinct)} Expected one of: ${distinct.join(', ')}.`
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}
