import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Command } from 'commander'
import { listFolder } from '../foundation/file-names.js'
import { count } from '../foundation/text.js'
import { addJsonOption } from './common-options.js'
import { IncompleteError, UsageError } from './exit.js'
import { type ShardRun, shardLines, shardRun } from './shard-results.js'
import { tellResult } from './standard-streams.js'

const indexName = 'index.jsonl'

/** Adds `iba attribute merge`. */
export function addAttributeMerge(attribute: Command): void {
  const command = attribute
    .command('merge')
    .summary('check and index the results of shards')
    .description(
      'Checks that all shards of a run are done, whichever processes did them, and writes index.jsonl, a line for each image: its ' +
        'shard, its key, and what the method says of it.',
    )
    .argument('<folder>', 'where the results are: the --out of `iba attribute`')
  addJsonOption(command).action(merge)
}

async function merge(folder: string, { json = false }: { json?: boolean }): Promise<void> {
  const names = (await listFolder(folder)).map(({ name }) => name).filter(name => name !== indexName)
  const unfinished = names.filter(name => name.endsWith('.jsonl.part'))
  const finished = names.filter(name => name.endsWith('.jsonl')).map(name => join(folder, name))
  if (finished.length + unfinished.length === 0)
    throw new UsageError(
      `'${folder}' holds no results of shards. Give the --out of \`iba attribute\` on archives.`,
    )
  const runs = (await Promise.all(finished.map(async path => ({ path, run: await shardRun(path) })))).sort(
    (a, b) => a.run.position - b.run.position,
  )
  requireComplete(
    runs.map(({ run }) => run),
    unfinished,
  )
  const total = { images: 0, failed: 0 }
  const path = join(folder, indexName)
  await pipeline(Readable.from(indexLines(runs, total)), createWriteStream(`${path}.tmp`))
  await rename(`${path}.tmp`, path)
  const sentence = `${path}: ${count(total.images, 'image')} of ${count(runs.length, 'shard')}`
  tellResult({ json }, sentence, { file: path, shards: runs.length, ...total })
  if (total.failed > 0)
    throw new IncompleteError(`${count(total.failed, 'image')} failed; their lines say why.`)
}

async function* indexLines(
  runs: readonly { path: string; run: ShardRun }[],
  total: { images: number; failed: number },
): AsyncGenerator<string, void, undefined> {
  for (const { path, run } of runs) {
    for await (const line of shardLines(path)) {
      total.images++
      if ('error' in line) total.failed++
      yield `${JSON.stringify({ shard: run.shard, ...line })}\n`
    }
  }
}

function requireComplete(runs: readonly ShardRun[], unfinished: readonly string[]): void {
  const [first] = runs
  const odd = runs.find(
    ({ of, settings }) => of !== first!.of || !isDeepStrictEqual(settings, first!.settings),
  )
  if (odd)
    throw new UsageError(
      `The results of ${odd.shard} are of another run than those of ${first!.shard}. Keep the results of each run in a folder of its own.`,
    )
  if (unfinished.length > 0)
    throw new IncompleteError(
      `${count(unfinished.length, 'shard')} ${unfinished.length === 1 ? 'is' : 'are'} not done, such as ` +
        `${unfinished[0]!.replace('.jsonl.part', '')}. Run the command of its process again, then merge.`,
    )
  const there = new Set(runs.map(({ position }) => position))
  const missing = Array.from({ length: first!.of }, (_, i) => i).filter(position => !there.has(position))
  if (missing.length > 0)
    throw new IncompleteError(
      `${count(missing.length, 'shard')} of ${first!.of} ${missing.length === 1 ? 'is' : 'are'} missing, the first at position ` +
        `${missing[0]} of the list. Run the command of all processes to its end, then merge.`,
    )
}
