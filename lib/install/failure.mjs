/** A set-up step that can't go on. The message says what is wrong and how to put it right, and is all the user
 * sees. */
export class SetupFailure extends Error {
  /** @param {string} problem
   * @param {string} remedy
   * @param {ErrorOptions} [options] */
  constructor(problem, remedy, options) {
    super(`${problem}\n${remedy}`, options)
    this.name = 'SetupFailure'
  }
}

/** Runs a script's main function: a failure is printed without a stack, anything else is a bug and shows it.
 * @param {() => Promise<unknown> | unknown} main */
export async function runScript(main) {
  try {
    await main()
  } catch (error) {
    const failure = diskFull(error) ?? error
    const text = failure instanceof SetupFailure ? failure.message : String(asError(failure).stack)
    process.stderr.write(`\nset-up failed: ${text}\n`)
    process.exitCode = 1
  }
}

/** @param {unknown} error */
export function asError(error) {
  return error instanceof Error ? error : new Error(String(error))
}

/** The same, told by the output of a program.
 * @param {string} output */
export function throwIfDiskFull(output) {
  const line = /^.*(no space left|disk full|disk quota exceeded).*$/im.exec(output)?.[0]
  if (line) throw noSpace(`the disk is full (${line.trim()})`)
}

/** @param {string} problem */
function noSpace(problem) {
  return new SetupFailure(problem, 'Free some space, or let IBA_CACHE name a folder on another disk.')
}

/** The failure that a full disk or an unwritable folder is, wherever it struck; null for other errors.
 * @param {unknown} error
 * @returns {SetupFailure | null} */
export function diskFull(error) {
  if (!(error instanceof Error) || !('code' in error)) return null
  const path = 'path' in error && error.path ? ` (${error.path})` : ''
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return noSpace(`the disk is full${path}`)
  if (error.code === 'EACCES' || error.code === 'EROFS' || error.code === 'EPERM')
    return new SetupFailure(
      `no permission to write${path}`,
      'Let IBA_CACHE name a folder that you may write to, and check who owns this folder.',
    )
  return null
}
