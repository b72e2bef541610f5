import { channel } from 'node:diagnostics_channel'
import { debuglog } from 'node:util'
import { visible } from './text.js'

const log = debuglog('attribution-bottleneck')

/** Something that others may watch: subscribers of the channel `attribution-bottleneck:EVENT` of node:diagnostics_channel, and,
 * where NODE_DEBUG names `attribution-bottleneck`, whoever reads standard error. Where nobody does, no message is made. */
export class Diagnostics<Message extends object> {
  readonly #channel
  readonly #line: (message: Message) => string

  /** @param line a message for people */
  constructor(event: string, line: (message: Message) => string) {
    this.#channel = channel(`attribution-bottleneck:${event}`)
    this.#line = line
  }

  tell(make: () => Message): void {
    if (!this.#channel.hasSubscribers && !log.enabled) return
    const message = make()
    if (this.#channel.hasSubscribers) this.#channel.publish(message)
    log('%s', visible(this.#line(message)))
  }
}

/** What subscribers of the channel `attribution-bottleneck:load` are told once something is loaded. */
export interface LoadMessage {
  /** The native add-on with LibTorch, or what a file holds. */
  kind: 'addon' | 'model' | 'statistics' | 'patterns' | 'readout'
  /** The file's path; of a network of the zoo its name. */
  name: string
  /** That it took. */
  seconds: number
}

const loads = new Diagnostics<LoadMessage>(
  'load',
  ({ kind, name, seconds }) => `loaded ${kind} ${name} in ${seconds.toFixed(3)} s`,
)

/** Loads something, and tells how long it took. */
export async function toldLoad<Loaded>(
  kind: LoadMessage['kind'],
  name: string,
  load: () => Promise<Loaded>,
): Promise<Loaded> {
  const started = performance.now()
  const loaded = await load()
  tellLoad(kind, name, started)
  return loaded
}

/** Tells that something is loaded now.
 * @param started by performance.now() */
export function tellLoad(kind: LoadMessage['kind'], name: string, started: number): void {
  loads.tell(() => ({ kind, name, seconds: (performance.now() - started) / 1000 }))
}
