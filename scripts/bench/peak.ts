import type { Benchmark } from './benchmark.js'
import { runNative } from './native.js'

export const peakBenchmark: Benchmark = {
  name: 'peak',
  title: "Share of the matrix product's rate that the convolutions after the cut reach",
  async *run({ rounds }) {
    for (const { subject, measured, value, unit } of await runNative(['peak', '--rounds', `${rounds}`]))
      yield { subject, measured, value, unit }
  },
}
