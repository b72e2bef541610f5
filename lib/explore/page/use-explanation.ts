import { useEffect, useRef, useState } from 'preact/hooks'
import { type Explanation, explain, explainAtOnce, type Query, ServerError } from './api.js'

/** Where a map has come to. */
export interface Explaining {
  explanation: Explanation | undefined
  /** What it is where it is a draft, and a better one is on its way. */
  draft: Draft | undefined
  /** Of the work, 0 to 1; undefined where none is under way. */
  progress: number | undefined
  problem: ServerError | undefined
}

/** A map that comes before the whole one: by a quicker method, or what a step has found. */
export type Draft = { by: string } | { step: number; steps: number }

const nothing: Explaining = {
  explanation: undefined,
  draft: undefined,
  progress: undefined,
  problem: undefined,
}

/** How long a slider has to rest, in milliseconds. */
const rest = 80

/** The map of an image by a query, after each of its steps. A new query cancels the work for the one before, whose map stays until
 * there is another.
 * @param quick a method that is quicker, for the first map of an image */
export function useExplanation(
  image: Blob | undefined,
  query: Query | undefined,
  quick: Query | undefined,
): Explaining {
  const [state, setState] = useState(nothing)
  const shown = useRef<Blob | undefined>(undefined)
  const key = query && JSON.stringify(query)
  useEffect(() => {
    const isFirst = shown.current !== image
    if (isFirst) setState(nothing)
    if (!image || !query) {
      setState(nothing)
      return
    }
    const controller = new AbortController()
    const { signal } = controller
    const onProgress = (progress: number) => {
      if (!signal.aborted) setState(state => ({ ...state, progress }))
    }
    const show = (explanation: Explanation, draft?: Draft) => {
      if (signal.aborted) return
      shown.current = image
      setState(({ progress }) => ({ explanation, draft, progress: draft && progress, problem: undefined }))
    }
    // Steps may come faster than they can be drawn.
    let newest: Explanation | undefined
    const onStep = (soFar: Explanation, steps: number) => {
      if (newest === undefined) requestAnimationFrame(() => showNewest(steps))
      newest = soFar
    }
    const showNewest = (steps: number) => {
      if (newest) show(newest, { step: newest.steps.length, steps })
      newest = undefined
    }
    const work = async () => {
      setState(state => ({ ...state, progress: 0, problem: undefined }))
      if (isFirst && quick) show(await explainAtOnce(image, quick, signal), { by: quick.method! })
      if (signal.aborted) return
      const whole = await explain(image, query, signal, { onProgress, onStep })
      newest = undefined
      show(whole)
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
  }, [image, key])
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
