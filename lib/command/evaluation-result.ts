import type { Score } from '../evaluation/bootstrap.js'
import { protocolOf } from '../evaluation/protocols/all.js'
import type { RunResult } from '../evaluation/runs/record.js'
import { count } from '../foundation/text.js'
import { duration, print, printJson } from './output.js'

/** Tells what a run found. */
export function printResult(result: RunResult, path: string, json: boolean): void {
  const { records, ...rest } = result
  const skipped = records.filter(record => record.skipped !== undefined)
  const leftOut = new Set(skipped.map(({ id }) => id)).size
  if (json) {
    printJson({ file: path, ...rest, leftOut })
    return
  }
  const used = new Set(records.filter(({ values }) => values !== undefined).map(({ id }) => id)).size
  const reasons = [...new Set(skipped.map(record => record.skipped))].join('; ')
  print(`${result.protocol}, ${result.model.name}, ${result.method.title}`)
  const { told } = protocolOf(result)
  if (told !== undefined) print(`  ${told}`)
  for (const [name, score] of Object.entries(result.scores)) print(`  ${name}: ${scoreText(score)}`)
  const perMap = result.secondsPerMap === null ? '' : `, ${duration(result.secondsPerMap)} for a map`
  const others = leftOut === 0 ? '' : `, ${leftOut} left out (${reasons})`
  print(`  ${count(used, 'image')}${others}${perMap}. The result is in ${path}.`)
}

/** '0.573 [0.551, 0.594]' */
export function scoreText({ value, low, high }: Score): string {
  if (value === null) return 'not defined for these images'
  const interval = low === null || high === null ? '' : ` [${low.toFixed(3)}, ${high.toFixed(3)}]`
  return `${value.toFixed(3)}${interval}`
}
