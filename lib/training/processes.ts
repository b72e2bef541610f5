import { InvalidArgumentError } from '../foundation/errors.js'
import { Statistics } from '../learned/statistics.js'
import { addon, type ProcessGroupHandle } from '../native/addon.js'
import { callNative } from '../native/errors.js'

/** How long a process waits for the others, in seconds. */
export const defaultTimeout = 300

/** Processes, on one machine or many, that work on one thing. */
export class ProcessGroup {
  readonly #handle: ProcessGroupHandle
  readonly rank: number
  readonly size: number

  /** Use `joinProcesses`. */
  constructor(handle: ProcessGroupHandle, rank: number, size: number) {
    this.#handle = handle
    this.rank = rank
    this.size = size
  }

  /** @internal */
  get handle(): ProcessGroupHandle {
    return this.#handle
  }

  /** The statistics of the images of all processes together. Every process calls this. */
  async merge(statistics: Statistics): Promise<Statistics> {
    return new Statistics(
      await callNative(() => addon().mergeStatisticsOfProcesses(this.#handle, statistics.handle)),
    )
  }

  /** Waits until all processes are here. */
  async meet(): Promise<void> {
    await callNative(() => addon().meetProcesses(this.#handle))
  }

  /** Takes leave of the others. Safe to call twice. */
  leave(): void {
    addon().leaveProcesses(this.#handle)
  }
}

/** Where and as whom a process takes part, as PyTorch's launchers tell it by the environment. */
export interface Membership {
  rank: number
  size: number
  /** Which of the machine's processes this is, and so which of its GPUs it takes. */
  localRank: number
  address: string
  port: number
  isHosted: boolean
  meeting: string
  networkInterface: string
}

/** Reads RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT; undefined where WORLD_SIZE is not set or 1.
 * @throws InvalidArgumentError where one is missing or no number */
export function membershipFrom(environment: NodeJS.ProcessEnv): Membership | undefined {
  const { WORLD_SIZE, MASTER_ADDR, TORCHELASTIC_USE_AGENT_STORE, TORCHELASTIC_RESTART_COUNT } = environment
  if (WORLD_SIZE === undefined || WORLD_SIZE === '1') return undefined
  const size = wholeNumber(environment, 'WORLD_SIZE', 1)
  if (!MASTER_ADDR) throw missing('MASTER_ADDR')
  return {
    size,
    rank: wholeNumber(environment, 'RANK', 0, size - 1),
    localRank: environment.LOCAL_RANK === undefined ? 0 : wholeNumber(environment, 'LOCAL_RANK', 0),
    address: MASTER_ADDR,
    port: wholeNumber(environment, 'MASTER_PORT', 1, 65_535),
    // torchrun's agent listens there itself, and outlives attempts that failed.
    isHosted: TORCHELASTIC_USE_AGENT_STORE === 'True',
    meeting: `iba/${TORCHELASTIC_RESTART_COUNT ?? '0'}`,
    networkInterface: environment.GLOO_SOCKET_IFNAME ?? '',
  }
}

/** Meets the other processes.
 * @param options.timeout seconds that this process waits for the others, now and in every later step
 * @throws ProcessGroupError where they don't come */
export async function joinProcesses(
  membership: Membership,
  { timeout = defaultTimeout }: { timeout?: number } = {},
): Promise<ProcessGroup> {
  const { localRank: _, ...options } = membership
  const handle = await callNative(() =>
    addon().joinProcesses({ ...options, timeout: Math.max(1, Math.round(timeout * 1000)) }),
  )
  return new ProcessGroup(handle, membership.rank, membership.size)
}

function wholeNumber(
  environment: NodeJS.ProcessEnv,
  name: string,
  minimum: number,
  maximum = Number.MAX_SAFE_INTEGER,
): number {
  const text = environment[name]
  if (text === undefined) throw missing(name)
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= minimum && value <= maximum) return value
  throw new InvalidArgumentError(
    `The environment's ${name} is '${text}'. Expected a whole number from ${minimum}${maximum < Number.MAX_SAFE_INTEGER ? ` to ${maximum}` : ''}.`,
  )
}

function missing(name: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `WORLD_SIZE is set, but ${name} is not. Start the processes with a launcher, such as torchrun, or set RANK, ` +
      'WORLD_SIZE, MASTER_ADDR and MASTER_PORT for each.',
  )
}
