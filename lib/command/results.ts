import { existsSync } from 'node:fs'
import { type AttributionSummary, summaryOf } from '../attribution/summary.js'
import { writeFileAtomically } from '../foundation/files.js'
import { visible } from '../foundation/text.js'
import { npyPieces } from '../images/npy.js'
import {
  type Attribution,
  renderAnimation,
  renderOverlay,
  renderTokens,
  stepMaps,
  type Target,
  targetText,
} from '../index.js'
import type { Job, ResultFiles } from './jobs.js'
import { duration, print, printJsonLine, spelledOut } from './output.js'

/** Which files are written for each image. */
export interface WantedFiles {
  picture: boolean
  animation: 'gif' | 'webp' | undefined
  capacity: boolean
  raw: boolean
}

/** The paths that are written for one image. */
export type WrittenFiles = Pick<ResultFiles, 'map'> & Partial<ResultFiles>

/** One line of `--json`. */
export interface ResultRecord extends AttributionSummary {
  input: string
  files: WrittenFiles
}

/** Whether an earlier run wrote all that is wanted. */
export function isDone(job: Job, wanted: WantedFiles): boolean {
  return Object.values(chosenFiles(job, wanted)).every(existsSync)
}

/** Writes the files of one image; the map last, which tells that it is done. */
export async function writeResult(job: Job, result: Attribution, wanted: WantedFiles): Promise<WrittenFiles> {
  const files = chosenFiles(job, wanted)
  const contents = await resultFiles(result, wanted, job)
  for (const [kind, , bytes] of contents.reverse()) await writeFileAtomically(files[kind]!, bytes)
  return files
}

/** What is written for one image, or for a text of the given name: which file it is, what its name ends in, and its bytes. */
export async function resultFiles(
  result: Attribution,
  wanted: WantedFiles,
  named: Pick<Job, 'name' | 'text'> = { name: '' },
): Promise<(readonly [kind: keyof ResultFiles, ending: string, bytes: Uint8Array])[]> {
  const { map, image, tensors } = result
  const { capacity, raw } = tensors
  const npy = (data: Float32Array, shape: readonly number[]) => Buffer.concat(npyPieces(data, shape))
  const files: [keyof ResultFiles, string, Uint8Array][] = [
    ['map', 'npy', npy(map.data, [map.height, map.width])],
  ]
  if (wanted.raw && raw) files.push(['raw', 'raw.npy', npy(raw.data, raw.shape)])
  if (wanted.capacity && capacity)
    files.push(['capacity', 'capacity.npy', npy(capacity.data, capacity.shape)])
  if (wanted.animation) {
    const format = wanted.animation
    files.push(['animation', format, await renderAnimation(image, stepMaps(result), { format })])
  }
  if (wanted.picture && result.tokens) files.push(['picture', 'html', Buffer.from(textPage(named, result))])
  else if (wanted.picture) files.push(['picture', 'png', await renderOverlay(image, map)])
  return files
}

/** A text with its values; tokens of which nobody said what they stand for are shown by their ids. */
function textPage(
  { name, text }: Pick<Job, 'name' | 'text'>,
  { tokens, tokenTexts, map, method }: Attribution,
): string {
  return renderTokens(tokens!, {
    tokenTexts: tokenTexts ?? Array.from(text!.tokens, String),
    unit: map.unit,
    title: name,
    introduction: `By the method ${method}.`,
  })
}

/** What there is to say about one image. */
export function recordOf(job: Job, result: Attribution, files: WrittenFiles): ResultRecord {
  const { target, className, score, probability, method, unit, ...measures } = summaryOf(result)
  const name = className === undefined ? {} : { className }
  return { input: job.name, target, ...name, score, probability, method, unit, files, ...measures }
}

function chosenFiles({ files }: Job, wanted: WantedFiles): WrittenFiles {
  return {
    map: files.map,
    ...(wanted.picture && { picture: files.picture }),
    ...(wanted.animation && { animation: files.animation }),
    ...(wanted.capacity && { capacity: files.capacity }),
    ...(wanted.raw && { raw: files.raw }),
  }
}

/** Tells of one image's result on stdout. */
type Report = (record: ResultRecord) => void

/** Prints a line of JSON for each image. */
export function printRecord(record: ResultRecord): void {
  printJsonLine(record)
}

/** Prints a row for each image, and the heading before the first. */
export function tableOf(jobs: readonly Job[], classNames: readonly string[]): Report {
  const longestName = Math.max(...classNames.map(name => visible(name).length), 0)
  const widths = {
    input: Math.min(
      Math.max('image'.length, ...jobs.slice(0, 1000).map(({ name }) => visible(name).length)),
      60,
    ),
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
        visible(input).padEnd(widths.input),
        visible(target).padEnd(widths.target),
        probability.padStart(11),
        ...rest.map((cell, i) => cell.padStart(rest.length - 1 === i ? 10 : 9)),
        picture,
      ].join('  '),
    )
  let isFirst = true
  return record => {
    const { input, target, score, probability, seconds, files } = record
    const measures = measuresOf(record)
    if (isFirst)
      row(
        jobs[0]?.text ? 'text' : 'image',
        'class',
        'probability',
        [...measures.map(([name]) => name), 'time'],
        'result',
      )
    isFirst = false
    row(
      input,
      targetCell(record, target, classNames),
      probability === null ? `score ${Number(score.toPrecision(3))}` : probability.toFixed(3),
      [...measures.map(([name, text]) => text.padStart(name.length)), duration(seconds)],
      files.picture ?? files.map,
    )
  }
}

function targetCell({ className }: ResultRecord, target: Target, classNames: readonly string[]): string {
  if (typeof target !== 'number') return targetText(target, classNames)
  return className === undefined ? String(target) : `${target} ${className}`
}

/** What the method says about a map in numbers: its bits, and its checks. */
function measuresOf({ bits, checks }: ResultRecord): (readonly [name: string, text: string])[] {
  const texts = Object.entries(checks).map(
    ([name, value]) => [spelledOut(name), String(Number(value.toPrecision(3)))] as const,
  )
  return bits === null ? texts : [['bits', bits.toFixed(1)], ...texts]
}
