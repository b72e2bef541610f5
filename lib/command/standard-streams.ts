import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Command, Option } from 'commander'
import { visibleJson } from '../foundation/text.js'
import { UsageError } from './exit.js'
import { note, print, printJson } from './output.js'

// '-' stands for a file: readers of weights and arrays go to and fro in theirs, which a pipe doesn't allow, and what is written has to
// be whole first. So both go through a file of the system's temporary folder.

/** The options whose '-' is no file to read. */
const written = ['--out', '--html', '--log', '--tensorboard']

let given: string | undefined

/** Puts a file with what standard input holds in the place of each '-' that a command would read.
 * @throws UsageError where there are two */
export async function useStandardInput(command: Command): Promise<void> {
  for (const option of command.options) {
    if (!namesFile(option)) continue
    const key = option.attributeName()
    const value: unknown = command.getOptionValue(key)
    if (value === '-') command.setOptionValue(key, await standardInput())
    else if (Array.isArray(value)) await replaceIn(value)
  }
  for (const argument of command.processedArgs) if (Array.isArray(argument)) await replaceIn(argument)
  await replaceIn(command.processedArgs)
}

function namesFile({ flags, long }: Option): boolean {
  return /[<[](file|path|ids|words)/.test(flags) && !written.includes(long ?? '')
}

async function replaceIn(values: unknown[]): Promise<void> {
  for (const [i, value] of values.entries()) if (value === '-') values[i] = await standardInput()
}

/** What an input is called: '-' for standard input. */
export function inputName(path: string): string {
  return path === given ? '-' : path
}

async function standardInput(): Promise<string> {
  if (given !== undefined)
    throw new UsageError(
      "'-' was given twice, but standard input can be read once. Give a file in place of one.",
    )
  const file = temporaryFile('stdin')
  await pipeline(process.stdin, createWriteStream(file, { flags: 'wx', mode: 0o600 }))
  given = `${file}${endingOf(file)}`
  renameSync(file, given)
  return given
}

/** Arrays and lists are told by their names; all other files by what they hold. */
function endingOf(file: string): string {
  const bytes = Buffer.alloc(64)
  const opened = openSync(file, 'r')
  const start = bytes.subarray(0, readSync(opened, bytes)).toString('latin1')
  closeSync(opened)
  if (start.startsWith('\x93NUMPY')) return '.npy'
  return /^\s*[[{][^\0]*$/.test(start) ? '.json' : ''
}

/** Whether a result goes to standard output. */
export function isStandardOutput(out: string | undefined): out is '-' {
  return out === '-'
}

/** Writes a file; where it is '-', to standard output.
 * @param ending that the file's name must have
 * @param write writes a file of that path */
export async function writeOut(
  out: string,
  ending: string,
  write: (path: string) => Promise<void>,
): Promise<void> {
  if (!isStandardOutput(out)) return await write(out)
  const file = temporaryFile(`stdout${ending}`)
  await write(file)
  await pipeline(createReadStream(file), process.stdout, { end: false })
}

/** Says what was done, as a sentence or as JSON; on standard error where the file itself went to standard output. */
export function tellResult(
  { out, json = false }: { out?: string; json?: boolean },
  sentence: string,
  value: object,
): void {
  if (isStandardOutput(out)) note(json ? visibleJson(value, 2) : sentence)
  else if (json) printJson(value)
  else print(sentence)
}

function temporaryFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'iba-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  return join(folder, name)
}
