import type { Command } from 'commander'
import { writeFileAtomically } from '../foundation/files.js'
import { readLog } from '../training/json-log.js'
import { addJsonOption } from './common-options.js'
import { UsageError } from './exit.js'
import { inputName, tellResult, writeOut } from './standard-streams.js'

/** Adds `iba plot`. */
export function addPlot(program: Command): void {
  const command = program
    .command('plot')
    .summary('draw the curves of a training')
    .description(
      'Draws loss, cross-entropy, information and accuracy over the steps of `iba train-readout --log`.',
    )
    .argument('<log>', 'the .jsonl file')
    .option('-o, --out <file>', 'the .svg file to write', 'curves.svg')
  addJsonOption(command).action(plot)
}

async function plot(path: string, { out, json = false }: { out: string; json?: boolean }): Promise<void> {
  const log = await readLog(path)
  if (log.length === 0)
    throw new UsageError(`'${inputName(path)}' holds no log of a training. Make one with --log.`)
  // Drawing libraries would double the time that every command takes to start.
  const { renderCurves } = await import('../training/curves.js')
  await writeOut(out, '.svg', file => writeFileAtomically(file, renderCurves(log)))
  const { length: records } = log
  const { step: steps } = log.at(-1)!
  tellResult({ out, json }, `${out}: ${records} records, ${steps} steps`, { file: out, records, steps })
}
