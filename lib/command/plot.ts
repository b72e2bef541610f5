import type { Command } from 'commander'
import { writeFileAtomically } from '../foundation/files.js'
import { readLog } from '../training/json-log.js'
import { UsageError } from './exit.js'
import { print } from './output.js'

/** Adds `iba plot`. */
export function addPlot(program: Command): void {
  program
    .command('plot')
    .summary('draw the curves of a training')
    .description(
      'Draws loss, cross-entropy, information and accuracy over the steps of `iba train-readout --log`.',
    )
    .argument('<log>', 'the .jsonl file')
    .option('--out <file>', 'the .svg file to write', 'curves.svg')
    .helpOption('-h, --help', 'show this help')
    .action(plot)
}

async function plot(path: string, { out }: { out: string }): Promise<void> {
  const log = await readLog(path)
  if (log.length === 0) throw new UsageError(`'${path}' holds no log of a training. Make one with --log.`)
  // Drawing libraries would double the time that every command takes to start.
  const { renderCurves } = await import('../training/curves.js')
  await writeFileAtomically(out, renderCurves(log))
  print(`${out}: ${log.length} records, ${log.at(-1)!.step} steps`)
}
