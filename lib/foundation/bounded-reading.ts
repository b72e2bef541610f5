import { isUtf8 } from 'node:buffer'
import { constants, createReadStream, fstat, open, type ReadStream } from 'node:fs'
import { Socket } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { promisify } from 'node:util'
import { FileError } from './errors.js'
import { decodePath, encodePath } from './file-names.js'

/** A limit on what is read of a file. */
export interface ReadingLimit {
  /** In bytes. */
  bytes: number
  /** What the message calls the limit, as in 'an annotation'. */
  of: string
}

/** A longer line is none of a list, and isn't collected. */
const longestLine = 2 ** 16
const pieceSize = 2 ** 18

const openFile = promisify(open)
const fileStatus = promisify(fstat)

/** A whole file. Endless ones end at the limit. Pipes are waited for without a blocked thread, so that a signal ends it.
 * @throws FileError past the limit; else the operating system's error, or the signal's reason */
export async function readBounded(path: string, limit: ReadingLimit, signal?: AbortSignal): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of readPieces(path, limit, signal)) pieces.push(piece)
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

/** A whole text in UTF-8, without its byte order mark.
 * @throws FileError where it is another encoding; else as `readBounded` */
export async function readBoundedText(path: string, limit: ReadingLimit): Promise<string> {
  return decodeText(await readBounded(path, limit))
}

/** UTF-8 as text, without its byte order mark.
 * @throws FileError for another encoding */
export function decodeText(bytes: Buffer): string {
  requireText(bytes)
  if (!isUtf8(bytes)) throw new FileError('it is not UTF-8 text. Save it as UTF-8.')
  return withoutMark(bytes.toString())
}

/** The lines of a text without their ends, read as they are taken. Bytes that are no UTF-8 are kept as those of paths, since
 * lines may name files.
 * @throws FileError for a line of more than 65,536 bytes, or what is no text; else as `readBounded` */
export async function* readBoundedLines(
  path: string,
  limit: ReadingLimit,
): AsyncGenerator<string, void, undefined> {
  let rest = Buffer.alloc(0)
  let isFirst = true
  const toLine = (bytes: Buffer) => {
    if (bytes.length > longestLine) throw new FileError(`a line is longer than ${longestLine} bytes.`)
    requireText(bytes)
    const line = decodePath(bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes)
    const text = isFirst ? withoutMark(line) : line
    isFirst = false
    return text
  }
  for await (const piece of readPieces(path, limit)) {
    const bytes = Buffer.concat([rest, piece])
    let begin = 0
    for (let end = bytes.indexOf('\n'); end >= 0; end = bytes.indexOf('\n', begin)) {
      yield toLine(bytes.subarray(begin, end))
      begin = end + 1
    }
    rest = bytes.subarray(begin)
    if (rest.length > longestLine) toLine(rest)
  }
  if (rest.length > 0) yield toLine(rest)
}

const carriageReturn = 13

/** A file as a stream, which closes it at its end. Opening a pipe that nobody writes to would block a thread, and with it the
 * end of the process; here it is waited for without.
 * @throws FileError where it is longer than a limit; else the operating system's error */
export async function openStream(path: string, limit?: ReadingLimit): Promise<ReadStream | Socket> {
  const descriptor = await openFile(encodePath(path), constants.O_RDONLY | constants.O_NONBLOCK)
  const found = await fileStatus(descriptor)
  if (found.isFIFO()) return new Socket({ fd: descriptor, readable: true, writable: false })
  const stream = createReadStream('', { fd: descriptor, highWaterMark: pieceSize })
  if (limit && found.size > limit.bytes) stream.destroy(tooLong(limit))
  return stream
}

async function* readPieces(
  path: string,
  limit: ReadingLimit,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  signal?.throwIfAborted()
  const stream = await openStream(path, limit)
  if (signal) addAbortSignal(signal, stream)
  let length = 0
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      length += piece.length
      if (length > limit.bytes) throw tooLong(limit)
      yield piece
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

function tooLong({ bytes, of }: ReadingLimit): FileError {
  return new FileError(`it is longer than ${bytes / 2 ** 20} MiB, the limit of ${of}.`)
}

function requireText(bytes: Buffer): void {
  const mark = bytes.toString('latin1', 0, 2)
  if (mark === '\xff\xfe' || mark === '\xfe\xff') throw new FileError('it is UTF-16 text. Save it as UTF-8.')
  if (bytes.includes(0)) throw new FileError('it holds bytes of zero, as no text does.')
}

function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text
}
