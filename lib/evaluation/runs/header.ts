import { isDeepStrictEqual } from 'node:util'
import type { RunHeader } from './record.js'

/** What makes two runs different ones. The device isn't among it: a run may go on on another machine. */
const compared = ['format', 'protocol', 'settings', 'method', 'data'] as const

/** The parts of the headers in which two runs differ. */
export function differences(
  a: RunHeader,
  b: RunHeader,
  parts: 'same part' | 'any part' = 'same part',
): string[] {
  const different: string[] = compared.filter(key => !isDeepStrictEqual(plain(a[key]), plain(b[key])))
  const network = ({ model: { name, weightHash, preprocessing } }: RunHeader) =>
    plain({ name, weightHash, preprocessing })
  if (!isDeepStrictEqual(network(a), network(b))) different.push('model')
  if (parts === 'same part' && !isDeepStrictEqual(plain(a.part), plain(b.part)))
    different.push('part of the images')
  return different
}

/** As it comes back from a file. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
