import type { Job } from './jobs.js'
import { duration, print, spelledOut } from './output.js'
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
    rest: readonly string[],
    picture: string,
  ) =>
    print(
      [
        input.padEnd(widths.input),
        target.padEnd(widths.target),
        probability.padStart(11),
        ...rest.map((cell, i) => cell.padStart(rest.length - 1 === i ? 10 : 9)),
        picture,
      ].join('  '),
    )
  let isFirst = true
  return record => {
    const { input, target, className, probability, seconds, files } = record
    const measures = measuresOf(record)
    if (isFirst) row('image', 'class', 'probability', [...measures.map(([name]) => name), 'time'], 'result')
    isFirst = false
    row(
      input,
      className === undefined ? String(target) : `${target} ${className}`,
      probability.toFixed(3),
      [...measures.map(([name, text]) => text.padStart(name.length)), duration(seconds)],
      files.picture ?? files.map,
    )
  }
}

/** What the method says about a map in numbers: its bits, and its checks. */
function measuresOf({ bits, checks }: ResultRecord): (readonly [name: string, text: string])[] {
  const texts = Object.entries(checks).map(
    ([name, value]) => [spelledOut(name), String(Number(value.toPrecision(3)))] as const,
  )
  return bits === null ? texts : [['bits', bits.toFixed(1)], ...texts]
}
