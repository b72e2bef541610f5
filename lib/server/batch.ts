import { setTimeout as pause } from 'node:timers/promises'
import { mapInOrder } from '../foundation/concurrency.js'
import { invalid, requireObject } from '../foundation/validate.js'
import { failureAnswer, RequestFailure } from './failure.js'

/** What a line of a batch is answered with. */
export interface LineAnswer {
  /** Position among the lines, from 0. */
  index: number
  /** What the line has as its id. */
  id?: unknown
}

export interface BatchOptions {
  /** Of a line. */
  bytes: number
  /** Lines that are under way together. */
  underWay: number
  signal: AbortSignal
  /** Told of each line that fails. */
  onFailure: (error: unknown) => void
}

/** Answers a stream of lines of JSON with one of as many lines, in their order: each as soon as it and those before it are
 * there. A line that fails has an error, and the others go on; where the stream itself breaks off, the last line has one and
 * no index. Lines are read only as fast as answers are taken. */
export async function* answerLines(
  source: AsyncIterable<Buffer>,
  answer: (line: object) => Promise<object>,
  { bytes, underWay, signal, onFailure }: BatchOptions,
): AsyncGenerator<string, void, undefined> {
  let index = 0
  const numbered = async function* () {
    for await (const text of linesOf(source, bytes)) yield { index: index++, text }
  }
  const one = async (line: { index: number; text: string | RequestFailure }, whileTaken: AbortSignal) => {
    const told: LineAnswer = { index: line.index }
    try {
      if (typeof line.text !== 'string') throw line.text
      const { id, ...request } = parseLine(line.text)
      if (id !== undefined) told.id = id
      return { ...told, ...(await patiently(() => answer(request), whileTaken)) }
    } catch (error) {
      whileTaken.throwIfAborted()
      onFailure(error)
      return { ...told, error: failureAnswer(error).error }
    }
  }
  try {
    for await (const answered of mapInOrder(numbered, underWay, one, signal))
      yield `${JSON.stringify(answered)}\n`
  } catch (error) {
    signal.throwIfAborted()
    onFailure(error)
    yield `${JSON.stringify({ error: failureAnswer(error).error })}\n`
  }
}

/** Waits for a place where there is none: the lines of a batch have time. */
async function patiently<Result>(attempt: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  while (true) {
    try {
      return await attempt()
    } catch (error) {
      const isFull = error instanceof RequestFailure && /^(OVERLOADED|TOO_MANY_REQUESTS)$/.test(error.code)
      if (!isFull) throw error
      await pause((error.retryAfter ?? 1) * 1000, undefined, { signal })
    }
  }
}

function parseLine(text: string): { id?: unknown } & object {
  try {
    return requireObject('the line', JSON.parse(text) as object)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw invalid('the line', 'a request as JSON', text)
  }
}

const lineFeed = 10

/** The lines of a stream that aren't empty. One that is too long is left out, and its failure stands in its place. */
async function* linesOf(
  source: AsyncIterable<Buffer>,
  bytes: number,
): AsyncGenerator<string | RequestFailure, void, undefined> {
  let pieces: Buffer[] = []
  let length = 0
  const take = (piece: Buffer) => {
    length += piece.length
    if (length <= bytes) pieces.push(piece)
    else pieces = []
  }
  const finish = (): string | RequestFailure | undefined => {
    const [line, isLong] = [Buffer.concat(pieces).toString().trim(), length > bytes]
    pieces = []
    length = 0
    if (isLong) return tooLong(bytes)
    return line === '' ? undefined : line
  }
  for await (const piece of source) {
    let start = 0
    for (let end = piece.indexOf(lineFeed); end >= 0; end = piece.indexOf(lineFeed, start)) {
      take(piece.subarray(start, end))
      const line = finish()
      if (line !== undefined) yield line
      start = end + 1
    }
    take(piece.subarray(start))
  }
  const last = finish()
  if (last !== undefined) yield last
}

function tooLong(bytes: number): RequestFailure {
  return new RequestFailure('TOO_LARGE', `The line has more than ${bytes} bytes.`, 'Send a smaller image.')
}
