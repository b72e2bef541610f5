import type { Job } from './jobs.js'
import { duration, print } from './output.js'
import type { ResultRecord } from './results.js'

/** Tells of one image's result on stdout. */
export type Report = (record: ResultRecord) => void

/** Prints a line of JSON for each image. */
export function printRecord(record: ResultRecord): void {
  print(JSON.stringify(record))
}

/** Prints a row for each image, and the heading before the first. */
export function tableOf(jobs: readonly Job[], classNames: readonly string[]): Report {
  const longestName = Math.max(...classNames.map(name => name.length), 0)
  const widths = {
    input: Math.min(Math.max('image'.length, ...jobs.slice(0, 1000).map(({ name }) => name.length)), 60),
    target: longestName > 0 ? longestName + 5 : 5,
  }
  const row = (
    input: string,
    target: string,
    probability: string,
    bits: string,
    time: string,
    picture: string,
  ) =>
    print(
      `${input.padEnd(widths.input)}  ${target.padEnd(widths.target)}  ${probability.padStart(11)}  ` +
        `${bits.padStart(9)}  ${time.padStart(10)}  ${picture}`,
    )
  let isFirst = true
  return ({ input, target, className, probability, bits, seconds, files }) => {
    if (isFirst) row('image', 'class', 'probability', 'bits', 'time', 'result')
    isFirst = false
    row(
      input,
      className === undefined ? String(target) : `${target} ${className}`,
      probability.toFixed(3),
      bits === null ? '-' : bits.toFixed(1),
      duration(seconds),
      files.picture ?? files.map,
    )
  }
}
