import { InvalidArgumentError } from './errors.js'

/** Which process of how many this is, as launchers say by the variables RANK and WORLD_SIZE; the only one where neither
 * is set.
 * @throws InvalidArgumentError where one of them is missing, no whole number, or RANK isn't below WORLD_SIZE */
export function rankFrom(environment: NodeJS.ProcessEnv): { rank: number; size: number } {
  const { RANK, WORLD_SIZE } = environment
  if (RANK === undefined && WORLD_SIZE === undefined) return { rank: 0, size: 1 }
  const size = numberFrom(environment, 'WORLD_SIZE', 1)
  if (RANK === undefined && size === 1) return { rank: 0, size }
  const expected = `RANK from 0 to WORLD_SIZE − 1, which is 0 to ${size - 1}`
  return { rank: numberFrom(environment, 'RANK', 0, size - 1, expected), size }
}

/** A whole number of the environment.
 * @throws InvalidArgumentError */
export function numberFrom(
  environment: NodeJS.ProcessEnv,
  name: string,
  minimum: number,
  maximum = Number.MAX_SAFE_INTEGER,
  expected = `a whole number from ${minimum}${maximum < Number.MAX_SAFE_INTEGER ? ` to ${maximum}` : ''}`,
): number {
  const text = environment[name]
  if (text === undefined) throw missingVariable(name)
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= minimum && value <= maximum) return value
  throw new InvalidArgumentError(`The environment's ${name} is '${text}'. Expected ${expected}.`)
}

export function missingVariable(name: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `The environment's ${name} is not set, but others of a launcher are. Start the processes with a launcher, such as ` +
      'torchrun, or set RANK and WORLD_SIZE for each, and to train MASTER_ADDR and MASTER_PORT.',
  )
}
