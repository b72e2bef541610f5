/** Shows how a download comes on: one line that is rewritten on a terminal, a line every ten seconds elsewhere.
 * @param {boolean} [terminal] */
export function showProgress(terminal = process.stdout.isTTY) {
  const start = Date.now()
  let shown = start
  /** @type {number | undefined} */
  let first
  /** @type {import('../foundation/transfer.mjs').Received | undefined} */
  let last

  const print = () => {
    if (last === undefined) return
    const rate = (last.received - (first ?? 0)) / Math.max(Date.now() - start, 1) / 1000
    const share = last.total === undefined ? '' : ` of ${megabytes(last.total)}`
    const line = `set-up:   ${megabytes(last.received)}${share}, ${rate.toFixed(1)} MB/s`
    process.stdout.write(terminal ? `\r${line}\x1b[K` : `${line}\n`)
  }

  return {
    /** @param {import('../foundation/transfer.mjs').Received} progress */
    update(progress) {
      first ??= progress.received
      last = progress
      if (Date.now() - shown < (terminal ? 200 : 10_000)) return
      shown = Date.now()
      print()
    },
    end() {
      print()
      if (terminal && last !== undefined) process.stdout.write('\n')
    },
  }
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
