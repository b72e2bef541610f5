import { InvalidArgumentError } from '../../lib/index.js'
import type { NumberType } from '../../lib/native/model-calls.js'

/** How much to measure. */
export interface Settings {
  /** Every benchmark as short as it can be. */
  quick: boolean
  /** How often what varies is measured. */
  rounds: number
  /** Optimisation steps of a map where seconds per map are compared. */
  steps: number
  /** Which methods are measured where several can be; all if absent. */
  methods?: readonly string[] | undefined
  /** What our networks compute in. What they are compared with stays in float32. */
  precision: NumberType
}

/** One line of a benchmark's table: what each column says. All rows of a table have the same columns. */
export type Row = Record<string, string | number | number[]>

export interface Benchmark {
  name: string
  title: string
  /** The methods that can be chosen; absent where none can. */
  methods?: readonly string[]
  /** Measures, and hands over each row when it is there. */
  run: (settings: Settings) => AsyncGenerator<Row, void, undefined>
}

/** @throws InvalidArgumentError the benchmark measures methods, but not one of these */
export function requireMeasured({ name, methods }: Benchmark, asked: readonly string[]): void {
  const unknown = asked.find(method => methods && !methods.includes(method))
  if (unknown === undefined) return
  throw new InvalidArgumentError(
    `The benchmark '${name}' doesn't measure the method '${unknown}'. Expected some of: ${methods!.join(', ')}.`,
  )
}
