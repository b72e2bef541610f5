import { SingleBar } from 'cli-progress'
import { duration, megabytes, note } from './output.js'

/** How an amount of work and its rate are told. */
export interface Measure {
  amount: (done: number, total: number | undefined) => string
  rate: (perSecond: number) => string
}

export const images: Measure = {
  amount: (done, total) =>
    `${Math.floor(done).toLocaleString('en')}/${total?.toLocaleString('en') ?? '?'} images`,
  rate: perSecond => `${perSecond.toFixed(perSecond < 10 ? 2 : 0)} images/s`,
}

export const bytes: Measure = {
  amount: (done, total) =>
    total === undefined ? megabytes(done) : `${megabytes(done)} of ${megabytes(total)}`,
  rate: perSecond => `${megabytes(perSecond)}/s`,
}

/** Shows how far long work is. */
export interface Progress {
  update(done: number, total?: number): void
  /** Lets something else print its lines while a bar is shown. */
  pause(write: () => void): void
  stop(): void
}

const secondsBetweenLines = 5

/** A bar with rate and time left where stderr is a terminal, a line every few seconds where it is not, and nothing
 * if `quiet`. */
export function startProgress(
  measure: Measure,
  { total, quiet }: { total?: number; quiet: boolean },
): Progress {
  if (quiet) return { update() {}, pause: write => write(), stop() {} }
  const describe = describer(measure)
  return process.stderr.isTTY ? bar(describe, total) : lines(describe, total)
}

type Describe = (done: number, total: number | undefined) => string

function bar(describe: Describe, initialTotal: number | undefined): Progress {
  const shown = new SingleBar({
    format: '{bar} {line}',
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    stream: process.stderr,
    clearOnComplete: true,
    // A killed process leaves the terminal as it is: nothing of it may be switched off.
    hideCursor: false,
    linewrap: true,
    // Interrupts are ours to handle.
    gracefulExit: false,
    // The rate and the time left change while the bar doesn't.
    forceRedraw: true,
  })
  let [done, total] = [0, initialTotal]
  const start = () => shown.start(total ?? 0, done, { line: describe(done, total) })
  start()
  return {
    update(newDone, newTotal = total) {
      if (newTotal !== undefined && newTotal !== total) shown.setTotal(newTotal)
      ;[done, total] = [newDone, newTotal]
      shown.update(done, { line: describe(done, total) })
    },
    pause(write) {
      shown.stop()
      write()
      start()
    },
    stop: () => shown.stop(),
  }
}

function lines(describe: Describe, initialTotal: number | undefined): Progress {
  let last = performance.now()
  return {
    update(done, total = initialTotal) {
      if (performance.now() - last < secondsBetweenLines * 1000) return
      last = performance.now()
      note(describe(done, total))
    },
    pause: write => write(),
    stop() {},
  }
}

function describer(measure: Measure): Describe {
  const started = performance.now()
  return (done, total) => {
    const seconds = (performance.now() - started) / 1000
    const parts = [measure.amount(done, total)]
    if (done > 0 && seconds > 0.5) {
      parts.push(measure.rate(done / seconds))
      if (total !== undefined) parts.push(`${duration(((total - done) * seconds) / done)} left`)
    }
    return parts.join(', ')
  }
}
