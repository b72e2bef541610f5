// Measures what the product promises about speed and memory.
//   npm run bench -- [name…] [--quick] [--steps N] [--methods a,b] [--precision float32|bfloat16|auto] [--json FILE]
import { parseArgs } from 'node:util'
import { print, printTable } from '../lib/command/output.js'
import { errorCode, writeFileAtomically } from '../lib/foundation/files.js'
import { requireOneOf } from '../lib/foundation/validate.js'
import { InvalidArgumentError } from '../lib/index.js'
import { choosePrecision, precisions } from '../lib/model/precision.js'
import { type Benchmark, type Row, requireMeasured, type Settings } from './bench/benchmark.js'
import { degradationBenchmark } from './bench/degradation.js'
import { eventLoopBenchmark } from './bench/event-loop.js'
import { fidelityBenchmark } from './bench/fidelity.js'
import { floodBenchmark } from './bench/flood.js'
import { describeMachine } from './bench/machine.js'
import { memoryBenchmark } from './bench/memory.js'
import { methodsBenchmark } from './bench/methods.js'
import { peakBenchmark } from './bench/peak.js'
import { perSampleBenchmark } from './bench/per-sample.js'
import { readoutBenchmark } from './bench/readout.js'
import { serveBenchmark } from './bench/serve.js'
import { throughputBenchmark } from './bench/throughput.js'

const benchmarks = [
  perSampleBenchmark,
  readoutBenchmark,
  degradationBenchmark,
  methodsBenchmark,
  peakBenchmark,
  eventLoopBenchmark,
  throughputBenchmark,
  serveBenchmark,
  floodBenchmark,
  memoryBenchmark,
  fidelityBenchmark,
]

await main().catch(error => {
  if (!(error instanceof InvalidArgumentError || errorCode(error)?.startsWith('ERR_PARSE_ARGS'))) throw error
  console.error(error.message)
  process.exit(2)
})

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      steps: { type: 'string', default: '10' },
      methods: { type: 'string' },
      precision: { type: 'string', default: 'float32' },
      json: { type: 'string' },
    },
  })
  const chosen = chooseBenchmarks(positionals)
  const settings: Settings = {
    quick: values.quick,
    rounds: values.quick ? 1 : 3,
    steps: Number(values.steps),
    methods: values.methods?.split(','),
    precision: choosePrecision(requireOneOf('--precision', values.precision, precisions), 'cpu'),
  }
  for (const benchmark of chosen) requireMeasured(benchmark, settings.methods ?? [])
  const machine = describeMachine()
  print(
    Object.entries({ ...machine, precision: settings.precision })
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  )
  const results: Record<string, Row[]> = {}
  for (const benchmark of chosen) {
    await measure(benchmark, settings, async rows => {
      results[benchmark.name] = rows
      if (values.json)
        await writeFileAtomically(values.json, `${JSON.stringify({ machine, settings, results }, null, 2)}\n`)
    })
  }
}

/** The named benchmarks, or all. */
function chooseBenchmarks(names: readonly string[]): Benchmark[] {
  const known = benchmarks.map(({ name }) => name)
  const unknown = names.find(name => !known.includes(name))
  if (unknown !== undefined) {
    console.error(`There is no benchmark '${unknown}'. Expected some of: ${known.join(', ')}.`)
    process.exit(2)
  }
  return names.length === 0 ? benchmarks : benchmarks.filter(({ name }) => names.includes(name))
}

/** Prints a table, and hands over its rows with each that is there, so that an interrupted run has those before. */
async function measure(
  { title, run }: Benchmark,
  settings: Settings,
  keep: (rows: Row[]) => Promise<void>,
): Promise<void> {
  print('')
  print(title)
  const rows: Row[] = []
  for await (const row of run(settings)) {
    rows.push(row)
    await keep(rows)
  }
  const columns = Object.keys(rows[0] ?? {})
  printTable(
    columns,
    rows.map(row => columns.map(column => cell(row[column]))),
  )
}

function cell(value: Row[string] | undefined): string {
  if (Array.isArray(value)) return value.map(cell).join(', ')
  if (typeof value !== 'number') return value ?? ''
  if (Number.isInteger(value)) return `${value}`
  if (Math.abs(value) < 1e-3) return value.toExponential(1)
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(4)
}
