import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run, tail } from '../../lib/install/process.mjs'
import { buildFolder, root } from '../setup/paths.mjs'

/** One line of the native benchmark. */
export interface NativeResult {
  subject: string
  measured: string
  value: number
  unit: string
}

/** Builds the native benchmark, where that isn't done, and runs one of its commands. */
export async function runNative(args: string[]): Promise<NativeResult[]> {
  await succeed('cmake', [
    '--build',
    buildFolder,
    '--target',
    'bench',
    '--parallel',
    `${availableParallelism()}`,
  ])
  const output = await succeed(join(buildFolder, 'bench'), args)
  return output.trim().split('\n').map(parseLine)
}

async function succeed(command: string, args: string[]): Promise<string> {
  const { code, output } = await run(command, args, { cwd: root })
  if (code !== 0) throw new Error(`'${command} ${args.join(' ')}' failed:\n${tail(output)}`)
  return output
}

function parseLine(line: string): NativeResult {
  const [subject = '', measured = '', value = '', unit = ''] = line.trim().split(/ {2,}/)
  return { subject, measured, value: Number(value), unit }
}
