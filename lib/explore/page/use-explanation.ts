import { useEffect, useRef, useState } from 'preact/hooks'
import { type Explanation, explain, explainAtOnce, type Query, ServerError } from './api.js'

/** Where a map has come to. */
export interface Explaining {
  explanation: Explanation | undefined
  /** What it is made by where it is a draft, and a better one is on its way. */
  draft: string | undefined
  /** Of the work, 0 to 1; undefined where none is under way. */
  progress: number | undefined
  problem: ServerError | undefined
}

const nothing: Explaining = {
  explanation: undefined,
  draft: undefined,
  progress: undefined,
  problem: undefined,
}

/** How long a slider has to rest, in milliseconds. */
const rest = 80

export interface DraftOptions {
  /** Noise copies of the whole map; where there are several, a map of one comes first. */
  copies: number
  /** A method that is quicker, for the first map of an image. */
  quick: Query | undefined
}

/** The map of an image by a query, after a draft. A new query cancels the work for the one before, whose map stays until there is
 * another. */
export function useExplanation(
  image: Blob | undefined,
  query: Query | undefined,
  { copies, quick }: DraftOptions,
): Explaining {
  const [state, setState] = useState(nothing)
  const shown = useRef<Blob | undefined>(undefined)
  const key = query && JSON.stringify(query)
  useEffect(() => {
    const isFirst = shown.current !== image
    if (isFirst) setState(nothing)
    shown.current = image
    if (!image || !query) {
      setState(nothing)
      return
    }
    const controller = new AbortController()
    const { signal } = controller
    const onProgress = (progress: number) => {
      if (!signal.aborted) setState(state => ({ ...state, progress }))
    }
    const show = (explanation: Explanation, draft?: string) => {
      if (!signal.aborted)
        setState({ explanation, draft, progress: draft === undefined ? undefined : 0, problem: undefined })
    }
    const work = async () => {
      setState(state => ({ ...state, progress: 0, problem: undefined }))
      if (isFirst && quick) show(await explainAtOnce(image, quick, signal), quick.method)
      else if (copies > 1) show(await explainAtOnce(image, { ...query, copies: '1' }, signal), 'one copy')
      if (!signal.aborted) show(await explain(image, query, signal, onProgress))
    }
    const timer = setTimeout(() => {
      work().catch(error => {
        if (!signal.aborted) setState(state => ({ ...state, progress: undefined, problem: problemOf(error) }))
      })
    }, rest)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [image, key, copies])
  return state
}

/** What to tell of something that failed. */
export function problemOf(error: unknown): ServerError {
  if (error instanceof ServerError) return error
  return new ServerError(
    "The server can't be reached.",
    'Look whether `iba explore` still runs, then reload the page.',
  )
}
