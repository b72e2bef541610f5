import type { Score } from '../evaluation/bootstrap.js'
import type { RunResult } from '../evaluation/runs/record.js'
import { findResult } from '../evaluation/runs/result-file.js'
import type { Cell } from './cells.js'
import type { PaperMethod, PaperModel, Published } from './paper.js'

/** A finished run without what it found at each image. */
export type Found = Omit<RunResult, 'records'> & { images: number }

/** One column of the table. */
export interface Measure {
  /** The name of its protocol. */
  protocol: string
  title: string
  better: 'higher' | 'lower'
  /** Which of the published values it compares with. */
  published?: keyof Published
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
  /** By the name of the protocol; what wasn't measured is absent. */
  entries: ReadonlyMap<string, TableEntry>
}

/** The table of one model. */
export interface ModelTable {
  model: string
  measures: readonly Measure[]
  rows: readonly TableRow[]
}

/** The results of cells that are there, by the cell. */
export async function readFound(cells: readonly Cell[]): Promise<Map<Cell, Found>> {
  const found = new Map<Cell, Found>()
  for (const cell of cells) {
    const result = await findResult(cell.path)
    if (!result) continue
    const { records, ...rest } = result
    const used = records.filter(({ values }) => values !== undefined)
    found.set(cell, { ...rest, images: new Set(used.map(({ id }) => id)).size })
  }
  return found
}

/** Puts the results of one model into a table. */
export function tableOf(model: string, cells: readonly Cell[], found: ReadonlyMap<Cell, Found>): ModelTable {
  const protocols = [...new Set(cells.map(({ plan }) => plan.protocol.name))]
  const measures = protocols.map(measureOf)
  const methods = [...new Set(cells.map(({ method }) => method))]
  const rows = methods.map(method => {
    const own = cells.filter(cell => cell.method === method && found.has(cell))
    const entries = own.map(cell => {
      const measure = measureOf(cell.plan.protocol.name)
      return [measure.protocol, entryOf(method, model, measure, found.get(cell)!)] as const
    })
    const seconds = own.flatMap(cell => found.get(cell)!.secondsPerMap ?? [])
    return { method, secondsPerMap: median(seconds), entries: new Map(entries) }
  })
  return { model, measures, rows }
}

function entryOf({ published }: PaperMethod, model: string, measure: Measure, found: Found): TableEntry {
  const values = published[model as PaperModel]
  const value = measure.published && values?.[measure.published]
  return { score: found.score, images: found.images, ...(value !== undefined && { published: value }) }
}

function measureOf(protocol: string): Measure {
  const tile = protocol.match(/\d+$/)?.[0]
  if (protocol.startsWith('degradation')) {
    const published = tile === '8' ? 'degradation8' : tile === '14' ? 'degradation14' : undefined
    return {
      protocol,
      title: `Degradation ${tile}×${tile}`,
      better: 'higher',
      ...(published && { published }),
    }
  }
  if (protocol === 'bounding-boxes')
    return { protocol, title: 'Bounding boxes', better: 'higher', published: 'boxes' }
  if (protocol.startsWith('sensitivity'))
    return { protocol, title: `Sensitivity-n ${tile}×${tile}`, better: 'higher' }
  return { protocol, title: 'Sanity check, SSIM', better: 'lower' }
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null
}
