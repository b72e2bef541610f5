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
}

/** One line of a benchmark's table: what each column says. All rows of a table have the same columns. */
export type Row = Record<string, string | number | number[]>

export interface Benchmark {
  name: string
  title: string
  /** Measures, and hands over each row when it is there. */
  run: (settings: Settings) => AsyncGenerator<Row, void, undefined>
}
