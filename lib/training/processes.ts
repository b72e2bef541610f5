import { isDeepStrictEqual } from 'node:util'
import { missingVariable, numberFrom, rankFrom } from '../foundation/environment.js'
import { ProcessGroupError } from '../foundation/errors.js'
import { Statistics } from '../learned/statistics.js'
import { chooseDevice, type Device } from '../model/device.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/call.js'
import { withCancellation } from '../native/cancellation.js'
import type { ProcessGroupHandle } from '../native/processes-calls.js'

/** How long a process waits for the others, in seconds. */
export const defaultTimeout = 300

/** Processes, on one machine or many, that work on one thing. */
export class ProcessGroup {
  readonly #handle: ProcessGroupHandle
  #agreements = 0
  /** Which of the processes this is, from 0. */
  readonly rank: number
  /** How many there are. */
  readonly size: number
  /** Whether gradients go from GPU to GPU through NCCL, the same for all processes. */
  readonly usesNccl: boolean
  /** Why they go by way of the processors' memory though one of the processes has a GPU; otherwise undefined. */
  readonly note: string | undefined

  /** @internal Use `joinProcesses`. */
  constructor(handle: ProcessGroupHandle, rank: number, size: number) {
    this.#handle = handle
    this.rank = rank
    this.size = size
    const { usesNccl, whyNotNccl } = addon().describeExchange({ group: handle })
    this.usesNccl = usesNccl
    this.note = whyNotNccl
      ? `Gradients go by way of the processor's memory, since NCCL isn't used: ${whyNotNccl}.`
      : undefined
  }

  /** @internal */
  get handle(): ProcessGroupHandle {
    return this.#handle
  }

  /** The statistics of the images of all processes together. Every process calls this. */
  async merge(statistics: Statistics): Promise<Statistics> {
    const call = { group: this.#handle, statistics: statistics.handle }
    return new Statistics(await callNative(() => addon().mergeStatisticsOfProcesses(call)))
  }

  /** Compares what all processes must have in common. Every process calls this.
   * @throws ProcessGroupError in every process, naming what differs, where something does */
  async agree(settings: Readonly<Record<string, unknown>>): Promise<void> {
    const meeting = `agreement ${this.#agreements++}`
    await this.#publish(`${meeting} of ${this.rank}`, JSON.stringify(settings))
    if (this.rank === 0) await this.#publish(meeting, await this.#disagreement(meeting))
    const disagreement = await this.#read(meeting)
    if (disagreement === '') return
    throw new ProcessGroupError(
      `The processes were not started alike: ${disagreement}. Start all of them with the same command, data and weights.`,
    )
  }

  /** Compares rank 0's settings with those of all others; empty where they are the same. */
  async #disagreement(meeting: string): Promise<string> {
    const settingsOf = async (rank: number) =>
      JSON.parse(await this.#read(`${meeting} of ${rank}`)) as Record<string, unknown>
    const own = await settingsOf(0)
    for (let rank = 1; rank < this.size; rank++) {
      const other = await settingsOf(rank)
      const different = [...new Set([...Object.keys(own), ...Object.keys(other)])].filter(
        name => !isDeepStrictEqual(own[name], other[name]),
      )
      if (different.length > 0)
        return different
          .map(name => `${name} is ${shown(own[name])} for rank 0 and ${shown(other[name])} for rank ${rank}`)
          .join('; ')
    }
    return ''
  }

  async #publish(key: string, text: string): Promise<void> {
    await callNative(() => addon().publishToProcesses({ group: this.#handle, key, text }))
  }

  async #read(key: string): Promise<string> {
    return await callNative(() => addon().readFromProcesses({ group: this.#handle, key }))
  }

  /** Waits until all processes are here. */
  async barrier(): Promise<void> {
    await callNative(() => addon().barrier({ group: this.#handle }))
  }

  /** Takes leave of the others. Safe to call twice. */
  leave(): void {
    addon().dispose(this.#handle)
  }
}

/** Where and as whom a process takes part, as PyTorch's launchers tell it by the environment. */
export interface Membership {
  /** Which of all processes this is, from 0. */
  rank: number
  /** How many processes there are. */
  size: number
  /** Which of the machine's processes this is, and so which of its GPUs it takes. */
  localRank: number
  /** The machine where process 0 runs: a name or an IP address. */
  address: string
  /** The TCP port there. */
  port: number
  /** Whether the launcher itself listens at this port, as torchrun does. */
  isHosted: boolean
  /** Tells this start of the processes from earlier ones at the same port. */
  meeting: string
  /** The network interface to use, such as 'eth0'; empty for that of the machine's own name. */
  networkInterface: string
}

/** Options of {@link joinProcesses}. */
export interface JoinOptions {
  /** Seconds that this process waits for the others, now and in every later step. Default 300. */
  timeout?: number
  /** The model's. Processes with a GPU each add up gradients through NCCL where it is there. Default 'cpu'. */
  device?: Device
  /** Stops waiting for the others to come; the call rejects with the signal's reason. */
  signal?: AbortSignal
}

/** Reads RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT; undefined for a single process.
 * @throws InvalidArgumentError where one is missing or no number */
export function membershipFrom(environment: NodeJS.ProcessEnv): Membership | undefined {
  const { rank, size } = rankFrom(environment)
  if (size === 1) return undefined
  const { MASTER_ADDR, TORCHELASTIC_USE_AGENT_STORE, TORCHELASTIC_RESTART_COUNT } = environment
  if (!MASTER_ADDR) throw missingVariable('MASTER_ADDR')
  return {
    rank,
    size,
    localRank: environment.LOCAL_RANK === undefined ? 0 : numberFrom(environment, 'LOCAL_RANK', 0),
    address: MASTER_ADDR,
    port: numberFrom(environment, 'MASTER_PORT', 1, 65_535),
    // torchrun's agent listens there itself, and outlives attempts that failed.
    isHosted: TORCHELASTIC_USE_AGENT_STORE === 'True',
    meeting: `iba/${TORCHELASTIC_RESTART_COUNT ?? '0'}`,
    networkInterface: environment.GLOO_SOCKET_IFNAME ?? '',
  }
}

/** Joins the group of all processes, and waits until all are there.
 * @throws ProcessGroupError where they don't come, or don't count as many; DeviceError where the device can't run; the signal's reason */
export async function joinProcesses(
  membership: Membership,
  { timeout = defaultTimeout, device = 'cpu', signal }: JoinOptions = {},
): Promise<ProcessGroup> {
  const { localRank: _, ...options } = membership
  const call = {
    ...options,
    timeout: Math.max(1, Math.round(timeout * 1000)),
    device: chooseDevice(device),
  }
  const handle = await withCancellation({ signal }, ({ cancellation }) =>
    callNative(() => addon().joinProcesses({ ...call, cancellation })),
  )
  return new ProcessGroup(handle, membership.rank, membership.size)
}

function shown(value: unknown): string {
  return value === undefined ? 'not given' : JSON.stringify(value)
}
