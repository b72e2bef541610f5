import { dirname } from 'node:path'
import type { Command } from 'commander'
import { mergeResults } from '../evaluation/runs/merge.js'
import { findResult, readResult, resultPath, writeResult } from '../evaluation/runs/result-file.js'
import { printResult } from './evaluation-result.js'
import { UsageError } from './exit.js'

/** Adds `iba evaluate merge`. */
export function addEvaluateMerge(evaluate: Command): void {
  evaluate
    .command('merge')
    .summary('join the results of several ranks')
    .description(
      'Joins the results of all ranks of a run, as RANK and WORLD_SIZE made them, to what one process would have ' +
        'written.',
    )
    .argument('<result...>', 'the .json files of all ranks')
    .option('-o, --out <folder>', 'where the joined result goes (default: beside the first)')
    .option('--json', 'print the result without its records as JSON')
    .helpOption('-h, --help', 'show this help')
    .action(merge)
}

async function merge(paths: string[], { out, json }: { out?: string; json?: boolean }): Promise<void> {
  const merged = mergeResults(await Promise.all(paths.map(readResult)))
  const path = resultPath(out ?? dirname(paths[0]!), merged)
  if (paths.includes(path) || (await findResult(path)))
    throw new UsageError(`'${path}' is there already. Remove it, or give another --out.`)
  await writeResult(path, merged)
  printResult(merged, path, json ?? false)
}
