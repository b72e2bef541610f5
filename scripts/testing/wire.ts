import { connect } from 'node:net'

/** Seconds without a first byte, and without another one. */
const patience = { first: 60, next: 2 }

/** Sends bytes to a server on this machine, and gives what it answers until the connection ends or it falls silent; undefined where
 * it answers nothing at all. */
export function exchange(port: number, bytes: Uint8Array): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const pieces: Buffer[] = []
    const done = (answer: string | undefined) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    const answered = () => done(Buffer.concat(pieces).toString('latin1'))
    let timer = setTimeout(() => done(undefined), patience.first * 1000)
    socket.on('data', piece => {
      pieces.push(piece)
      clearTimeout(timer)
      timer = setTimeout(answered, patience.next * 1000)
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
