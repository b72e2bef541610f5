import { isDeepStrictEqual } from 'node:util'
import type { RunHeader } from './record.js'

/** Something in which two runs differ. */
export interface Difference {
  /** Where it stands in the headers, as 'data.seed'. */
  field: string
  there: unknown
  here: unknown
}

/** What decides the values of a run. The device, LibTorch's and Node's versions and the sizes of batches are not among it: they change
 * roundings alone, and a run may go on on another machine. Files count by their content, not by their names. */
function identityOf({ format, protocol, settings, method, model, randomLabels, data, versions }: RunHeader) {
  const { architecture, weightHash, file, output, classes, precision, tf32, preprocessing } = model
  const { seed, samples, list } = data
  return {
    format,
    protocol,
    settings,
    method: {
      name: method.name,
      options: method.options,
      resources: hashesOf(method.resources),
      learning: method.learning,
    },
    model: { architecture, weightHash, file, output, classes, precision, tf32, preprocessing },
    ...(randomLabels && { randomLabels: { weightHash: randomLabels.weightHash } }),
    data: { seed, samples, list },
    version: versions.package,
  }
}

/** In what two runs differ that decides their values.
 * @param there the earlier run's header, which may be of a file that an earlier version wrote */
export function differences(
  there: RunHeader,
  here: RunHeader,
  parts: 'same part' | 'any part' = 'same part',
): Difference[] {
  const found = differencesOf(identityOf(there), identityOf(here))
  if (parts === 'same part') found.push(...differencesOf({ part: there.part }, { part: here.part }))
  return found
}

/** 'data.seed (0 there, 1 here)' */
export function tellDifferences(found: readonly Difference[]): string {
  return found
    .map(({ field, there, here }) => `${field} (${shown(there)} there, ${shown(here)} here)`)
    .join(', ')
}

function hashesOf(resources: RunHeader['method']['resources']): Record<string, string> {
  return Object.fromEntries(Object.entries(resources ?? {}).map(([name, { hash }]) => [name, hash]))
}

/** In what two objects of plain values differ, as JSON would hold them. */
export function differencesOf(there: object, here: object): Difference[] {
  return differencesAt('', JSON.parse(JSON.stringify(there)), JSON.parse(JSON.stringify(here)))
}

function differencesAt(field: string, there: unknown, here: unknown): Difference[] {
  if (isDeepStrictEqual(there, here)) return []
  if (!isRecord(there) || !isRecord(here)) return [{ field, there, here }]
  const keys = [...new Set([...Object.keys(there), ...Object.keys(here)])]
  return keys.flatMap(key => differencesAt(field === '' ? key : `${field}.${key}`, there[key], here[key]))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  if (value === undefined) return 'not said'
  const text = JSON.stringify(value)
  // A hash is told apart by its beginning.
  return text.replace(/"([0-9a-f]{12})[0-9a-f]{52}"/g, '$1…')
}
