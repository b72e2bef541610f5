import { CommanderError } from 'commander'
import { AttributionError, InvalidArgumentError, ModelError } from '../foundation/errors.js'
import { errorCode, fileReason } from '../foundation/files.js'
import { note, noteFailure } from './output.js'

/** What the command ends with. */
export const exitCodes = { done: 0, failed: 1, wrongUse: 2, interrupted: 130 } as const

/** The command line asks for something that can't be: one message, and where the help is. */
export class UsageError extends Error {}

/** The work was done as far as possible, but not all of it. */
export class IncompleteError extends Error {}

/** The user stopped the work. The message says what is done and how to go on. */
export class InterruptedError extends Error {}

/** Tells the user what went wrong.
 * @param command as it is typed, such as `iba attribute`
 * @returns the exit code */
export function reportFailure(error: unknown, command: string): number {
  // Commander has printed its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUse

  noteFailure(messageOf(error))
  const remedy = error instanceof AttributionError ? remedies[error.code] : undefined
  if (remedy) note(remedy)
  if (process.env.IBA_DEBUG && error instanceof Error) note(stackOf(error))
  if (error instanceof InterruptedError) return exitCodes.interrupted
  if (!isWrongUse(error)) return exitCodes.failed
  note(hint(command))
  return exitCodes.wrongUse
}

/** What to do about an error of the library on the command line, by its code. */
const remedies: Readonly<Record<string, string>> = {
  MODEL:
    '`iba models` lists the networks, `iba layers MODEL` the layers of one; of several outputs --output-name chooses one.',
  STATISTICS: '`iba estimate` makes statistics.',
  PATTERNS: '`iba fit-patterns` makes patterns.',
  DEVICE: '`iba doctor` says what can run here.',
}

/** Where the help of a command is. */
export function hint(command: string): string {
  return `See \`${command} --help\`.`
}

function isWrongUse(error: unknown): boolean {
  return error instanceof UsageError || error instanceof InvalidArgumentError || error instanceof ModelError
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AttributionError || isOurs(error)) return error.message
  if (errorCode(error) !== undefined && 'syscall' in error) return systemMessage(error)
  return `${error.message} (unexpected; IBA_DEBUG=1 shows where)`
}

/** Of a call of the operating system that failed where nothing more is known of it. */
function systemMessage(error: Error & { path?: string; syscall?: unknown }): string {
  return `${error.path === undefined ? error.syscall : `'${error.path}'`}: ${fileReason(error)}`
}

function isOurs(error: Error): boolean {
  return [UsageError, IncompleteError, InterruptedError].some(Class => error instanceof Class)
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\nCaused by: ${error.cause.stack}` : ''
  return `${error.stack}${cause}`
}
