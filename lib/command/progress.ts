import { duration, megabytes, note } from './output.js'

/** How an amount of work and its rate are told. */
export interface Measure {
  amount: (done: number, total: number | undefined) => string
  rate: (perSecond: number) => string
}

const countedIn = (noun: string): Measure => ({
  amount: (done, total) =>
    `${Math.floor(done).toLocaleString('en')}/${total?.toLocaleString('en') ?? '?'} ${noun}`,
  rate: perSecond => `${perSecond.toFixed(perSecond < 10 ? 2 : 0)} ${noun}/s`,
})

export const images = countedIn('images')
export const texts = countedIn('texts')

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

const barLength = 24
const redrawsPerSecond = 5

/** One line of the terminal, drawn again and again: the rate and the time left change while the bar doesn't. The cursor
 * stays visible, because a killed process leaves the terminal as it is. */
function bar(describe: Describe, initialTotal: number | undefined): Progress {
  let [done, total] = [0, initialTotal]
  const draw = () => {
    const full = Math.round(barLength * Math.min(done / (total || Infinity), 1))
    const line = `${'█'.repeat(full)}${'░'.repeat(barLength - full)} ${describe(done, total)}`
    // A line that is broken in two could not be drawn over.
    process.stderr.write(`\r${line.slice(0, (process.stderr.columns || 80) - 1)}${clearRest}`)
  }
  const clear = () => process.stderr.write(`\r${clearRest}`)
  const redrawing = setInterval(draw, 1000 / redrawsPerSecond).unref()
  draw()
  return {
    update(newDone, newTotal = total) {
      ;[done, total] = [newDone, newTotal]
    },
    pause(write) {
      clear()
      write()
      draw()
    },
    stop() {
      clearInterval(redrawing)
      clear()
    },
  }
}

const clearRest = '\x1b[K'

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
