import { useEffect, useRef, useState } from 'preact/hooks'
import { type Explanation, explain, type Query, ServerError } from './api.js'

/** Where a map has come to. */
export interface Explaining {
  explanation: Explanation | undefined
  /** It was made with one copy only, and a better one is on its way. */
  isDraft: boolean
  /** Of the work, 0 to 1; undefined where none is under way. */
  progress: number | undefined
  problem: ServerError | undefined
}

const nothing: Explaining = {
  explanation: undefined,
  isDraft: false,
  progress: undefined,
  problem: undefined,
}

/** How long a slider has to rest, in milliseconds. */
const rest = 80

/** The map of an image by a query. A new query cancels the work for the one before, whose map stays until there is another. Where a
 * method takes noise copies, a map of one copy comes first. */
export function useExplanation(
  image: Blob | undefined,
  query: Query | undefined,
  copies: number,
): Explaining {
  const [state, setState] = useState(nothing)
  const shown = useRef<Blob | undefined>(undefined)
  const key = query && JSON.stringify(query)
  useEffect(() => {
    if (shown.current !== image) setState(nothing)
    shown.current = image
    if (!image || !query) {
      setState(nothing)
      return
    }
    const controller = new AbortController()
    const { signal } = controller
    const run = async (asked: Query, isDraft: boolean) => {
      const explanation = await explain(image, asked, signal, progress => {
        if (!signal.aborted) setState(state => ({ ...state, progress }))
      })
      if (!signal.aborted)
        setState({ explanation, isDraft, progress: isDraft ? 0 : undefined, problem: undefined })
    }
    const work = async () => {
      setState(state => ({ ...state, progress: 0, problem: undefined }))
      if (copies > 1) await run({ ...query, copies: '1' }, true)
      if (!signal.aborted) await run(query, false)
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
