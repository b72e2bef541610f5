import type { Score } from '../evaluation/bootstrap.js'
import type { Protocol } from '../evaluation/protocols/protocol.js'
import type { RunResult } from '../evaluation/runs/record.js'
import { findResult } from '../evaluation/runs/result-file.js'
import type { Cell } from './cells.js'
import type { PaperMethod } from './paper.js'
import type { PublishedValues } from './published.js'

/** A finished run without its records. */
export type CellResult = Omit<RunResult, 'records'> & { images: number }

/** One column of the table. */
export interface Column {
  /** The name of its protocol's runs. */
  protocol: string
  title: string
  /** Which score is better. */
  direction: 'higher' | 'lower'
  /** The settings that its numbers say little without. */
  told?: string
}

export interface TableEntry {
  score: Score
  images: number
  published?: number
}

export interface TableRow {
  method: PaperMethod
  /** Median over the protocols, of the method's mean. */
  secondsPerMap: number | null
  /** By the name of the protocol's runs; what wasn't measured is absent. */
  entries: ReadonlyMap<string, TableEntry>
}

/** The table of one model. */
export interface ModelTable {
  model: string
  /** Where the published values come from. */
  publishedSource: string
  columns: readonly Column[]
  rows: readonly TableRow[]
}

/** The results of cells that are there, by the cell. */
export async function readFound(cells: readonly Cell[]): Promise<Map<Cell, CellResult>> {
  const found = new Map<Cell, CellResult>()
  for (const cell of cells) {
    const result = await findResult(cell.path)
    if (!result) continue
    const { records, ...rest } = result
    const used = records.filter(({ values }) => values !== undefined)
    found.set(cell, { ...rest, images: new Set(used.map(({ id }) => id)).size })
  }
  return found
}

/** Whether something published stands in a table. */
export function isCompared({ rows }: ModelTable): boolean {
  return rows.some(({ entries }) => [...entries.values()].some(({ published }) => published !== undefined))
}

/** Puts the results of one model into a table. */
export function modelTable(
  model: string,
  cells: readonly Cell[],
  found: ReadonlyMap<Cell, CellResult>,
  published: PublishedValues,
): ModelTable {
  const protocols = [...new Set(cells.map(({ plan }) => plan.protocol))]
  const methods = [...new Set(cells.map(({ method }) => method))]
  const rows = methods.map(method => {
    const own = cells.filter(cell => cell.method === method && found.has(cell))
    const entries = own.map(cell => {
      const { name } = cell.plan.protocol
      return [name, entryOf(found.get(cell)!, published.find(model, method, name))] as const
    })
    const seconds = own.flatMap(cell => found.get(cell)!.secondsPerMap ?? [])
    return { method, secondsPerMap: median(seconds), entries: new Map(entries) }
  })
  return { model, publishedSource: published.source, columns: protocols.map(columnOf), rows }
}

function entryOf({ score, images }: CellResult, published: number | undefined): TableEntry {
  return { score, images, ...(published !== undefined && { published }) }
}

function columnOf({ name, title, tile, scoreName, direction, told }: Protocol): Column {
  const words = tile === undefined ? title : `${title} ${tile}×${tile}`
  return {
    protocol: name,
    title: scoreName === undefined ? words : `${words}, ${scoreName}`,
    direction,
    ...(told !== undefined && { told }),
  }
}

/** The settings that the columns' numbers say little without, as sentences; none where no column has any. */
export function toldSettings({ columns }: ModelTable): string[] {
  return columns.flatMap(({ title, told }) => (told === undefined ? [] : [`${title}: ${told}.`]))
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null
}
