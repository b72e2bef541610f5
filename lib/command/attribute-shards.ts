import { basename, join } from 'node:path'
import { summaryOf } from '../attribution/summary.js'
import { archiveName, archivePaths, imageEnding, readArchive } from '../datasets/archives.js'
import { rankFrom } from '../foundation/environment.js'
import { count } from '../foundation/text.js'
import { type Attribution, ImageError, NotFiniteError } from '../index.js'
import { IncompleteError, InterruptedError, UsageError } from './exit.js'
import type { Work } from './explain.js'
import { note, printJsonLine } from './output.js'
import { images, type Progress, startProgress } from './progress.js'
import { resultFiles } from './results.js'
import { type ShardLine, ShardResults } from './shard-results.js'

/** Whether an input of `iba attribute` names archives of a WebDataset. */
export function namesShards(input: string): boolean {
  return archiveName.test(input)
}

/** The paths of all archives that inputs name.
 * @throws UsageError two have the same name, or some input is none */
export async function shardPaths(inputs: readonly string[]): Promise<string[]> {
  const other = inputs.find(input => !namesShards(input))
  if (other !== undefined)
    throw new UsageError(
      `'${other}' is no archive, but others are. Explain archives and images by a command each.`,
    )
  const paths = (await Promise.all(inputs.map(archivePaths))).flat()
  const names = paths.map(stemOf)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new UsageError(
      `Two archives are called '${twice}'. Explain them by a command each, with another --out.`,
    )
  return paths
}

/** What explains the images of shards. */
export interface ShardWork extends Omit<Work, 'jobs'> {
  paths: readonly string[]
  /** Of the network, the method and what is explained, as JSON. */
  settings: unknown
}

/** Explains the images of archives, and writes an archive with the results for each: of those that are this process's by RANK and
 * WORLD_SIZE. What an earlier process did is not done again.
 * @throws IncompleteError some images failed; InterruptedError the signal was aborted; UsageError */
export async function explainShards(work: ShardWork, signal: AbortSignal): Promise<void> {
  const { paths, options, settings } = work
  const { rank, size } = rankFrom(process.env)
  const progress = startProgress(images, { quiet: options.quiet ?? false })
  const total = { done: 0, earlier: 0, failed: 0, broken: 0 }
  try {
    for (let position = rank; position < paths.length; position += size) {
      const path = paths[position]!
      const shard = stemOf(path)
      const run = { format: 1 as const, shard, position, of: paths.length, settings }
      const results = await ShardResults.open(join(options.out, shard), run)
      if (results === undefined) continue
      total.earlier += results.done
      try {
        await explainShard(path, results, work, { signal, progress, total })
        await results.finish()
      } catch (error) {
        await results.close().catch(() => {})
        // An archive that breaks off holds up none of the others.
        if (!(error instanceof ImageError && error.source === path)) throw error
        total.broken++
        progress.pause(() => note(`iba: ${error.message}`))
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error
    throw new InterruptedError(
      `Interrupted: ${count(total.done, 'image')} done, in ${options.out}. The same command goes on.`,
    )
  } finally {
    progress.stop()
  }
  summarise(work, total, { rank, size })
}

interface Running {
  signal: AbortSignal
  progress: Progress
  total: { done: number; earlier: number; failed: number; broken: number }
}

async function explainShard(
  path: string,
  results: ShardResults,
  { attributer, target, wanted, options }: ShardWork,
  { signal, progress, total }: Running,
): Promise<void> {
  const keys: string[] = []
  const failures = new Map<number, Error>()
  let next = 0
  const write = async (index: number, result?: Attribution) => {
    const key = keys[index]!
    const failure = failures.get(index)
    const line: ShardLine = result ? lineOf(key, result) : { key, error: failure!.message }
    const files = result ? await resultFiles(result, wanted) : []
    const record: [string, Uint8Array] = ['json', Buffer.from(JSON.stringify(line))]
    await results.add(line, [...files.map(([, ending, bytes]) => [ending, bytes] as const), record])
    progress.pause(() => {
      if (options.json) printJsonLine(line)
      if (failure) note(`iba: ${path}:${key}: ${failure.message}`)
    })
    next = index + 1
    total.done++
    if (failure) total.failed++
    progress.update(total.done)
  }
  const writeFailures = async (until: number) => {
    while (next < until) await write(next)
  }
  const found = attributer.attributeAll(imagesOf(path, results.done, keys), {
    ...(target !== undefined && { targets: target }),
    seed: options.seed,
    signal,
    onError: (error, { index }) => {
      if (!(error instanceof ImageError || error instanceof NotFiniteError)) throw error
      failures.set(index, error)
    },
  })
  for await (const result of found) {
    await writeFailures(result.index)
    await write(result.index, result)
  }
  await writeFailures(keys.length)
}

/** The images of an archive behind those that are done. */
async function* imagesOf(
  path: string,
  done: number,
  keys: string[],
): AsyncGenerator<Uint8Array, void, undefined> {
  let index = 0
  for await (const { key, ending, content } of readArchive(path)) {
    if (!imageEnding.test(ending) || index++ < done) continue
    keys.push(key)
    yield content
  }
}

/** What is the same however long it took. */
function lineOf(key: string, result: Attribution): ShardLine {
  const { seconds: _, steps: __, ...summary } = summaryOf(result)
  return { key, ...summary }
}

function summarise(
  { options: { out, quiet }, paths }: ShardWork,
  { done, earlier, failed, broken }: Running['total'],
  { rank, size }: { rank: number; size: number },
): void {
  const others = size > 1 ? ` of process ${rank} of ${size}` : ''
  const parts = [
    ...(failed > 0 ? [`${failed} of ${count(done, 'image')} failed`] : []),
    ...(broken > 0 ? [`${count(broken, 'archive')} could not be read to the end`] : []),
  ]
  if (parts.length > 0) throw new IncompleteError(`${parts.join(', and ')}. The results are in ${out}.`)
  if (quiet) return
  const before = earlier > 0 ? ` behind ${count(earlier, 'image')} of an earlier run` : ''
  note(
    `${count(done, 'image')}${others}${before}, ${count(paths.length, 'shard')} in all. The results are in ${out}.`,
  )
}

function stemOf(path: string): string {
  return basename(path).replace(archiveName, '')
}
