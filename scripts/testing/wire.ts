import { connect } from 'node:net'

/** Sends bytes to a server on this machine, and gives what it answers until the connection ends; undefined where that takes too
 * long. */
export function exchange(
  port: number,
  bytes: Uint8Array,
  milliseconds = 10_000,
): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const pieces: Buffer[] = []
    const done = (answer: string | undefined) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const answered = () => done(Buffer.concat(pieces).toString('latin1'))
    const silent = () => (pieces.length === 0 ? done(undefined) : answered())
    const timer = setTimeout(silent, milliseconds)
    socket.on('data', piece => {
      pieces.push(piece)
      timer.refresh()
    })
    // A server that refuses a request need not read all of it.
    socket.on('error', answered).on('close', answered)
    socket.write(bytes)
  })
}

/** The status of an answer; 0 where the connection ended without one. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)
}
