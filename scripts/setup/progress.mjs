/** Shows how a download comes on: one line that is rewritten on a terminal, a line every ten seconds elsewhere. */
export class Progress {
  #start = Date.now()
  #shown = Date.now()
  #first
  #total
  #terminal

  /** @param {number} first bytes that were there before
   * @param {number} total
   * @param {boolean} [terminal] */
  constructor(first, total, terminal = process.stdout.isTTY) {
    this.#first = first
    this.#total = total
    this.#terminal = terminal
  }

  /** @param {number} bytes */
  update(bytes) {
    const now = Date.now()
    if (now - this.#shown < (this.#terminal ? 200 : 10_000)) return
    this.#shown = now
    this.#print(bytes, now)
  }

  /** @param {number} bytes */
  end(bytes) {
    this.#print(bytes, Date.now())
    if (this.#terminal) process.stdout.write('\n')
  }

  /** @param {number} bytes
   * @param {number} now */
  #print(bytes, now) {
    const rate = (bytes - this.#first) / Math.max(now - this.#start, 1) / 1000
    const share = this.#total > 0 ? ` of ${megabytes(this.#total)}` : ''
    const line = `set-up:   ${megabytes(bytes)}${share}, ${rate.toFixed(1)} MB/s`
    process.stdout.write(this.#terminal ? `\r${line}\x1b[K` : `${line}\n`)
  }
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
