import { useState } from 'preact/hooks'
import { type Explanation, makeFile, type Query, type ServerError } from './api.js'
import type { Marked } from './drawing.js'
import { npyOf, pngOf, save, svgOf } from './files.js'
import type { View } from './settings.js'
import { useGround } from './stage.js'
import { problemOf } from './use-explanation.js'

export interface SavingProps {
  image: Blob
  name: string
  explanation: Explanation
  marked: Marked | undefined
  view: View
  title: string
  query: Query
  command: string
}

/** Files of what is shown. */
export function Saving({ image, name, explanation, marked, view, title, query, command }: SavingProps) {
  const ground = useGround(explanation.image)
  const [busy, setBusy] = useState<string>()
  const [problem, setProblem] = useState<ServerError>()
  const stem = name.replace(/\.[a-z0-9]+$/i, '')
  const drawn = ground && { explanation, ground, marked, view, title }
  const words = { name, command }
  const kinds: {
    title: string
    what: string
    make: (() => Promise<Blob> | Blob) | undefined
    end: string
  }[] = [
    { title: 'PNG', what: 'the picture as it is shown', end: 'png', make: drawn && (() => pngOf(drawn)) },
    {
      title: 'SVG',
      what: 'with sharp lines, for papers',
      end: 'svg',
      make: drawn && (() => new Blob([svgOf(drawn)], { type: 'image/svg+xml' })),
    },
    { title: 'npy', what: 'the values, for NumPy', end: 'npy', make: () => npyOf(explanation) },
    {
      title: 'HTML',
      what: 'a page that holds everything',
      end: 'html',
      make: () => makeFile('report', image, query, words),
    },
    {
      title: 'GIF',
      what: 'step by step',
      end: 'gif',
      make: explanation.stepMaps.length > 1 ? () => makeFile('animation', image, query, words) : undefined,
    },
  ]
  const onSave = async (title: string, end: string, make: () => Promise<Blob> | Blob) => {
    setBusy(title)
    setProblem(undefined)
    try {
      save(await make(), `${stem}.${end}`)
    } catch (error) {
      setProblem(problemOf(error))
    }
    setBusy(undefined)
  }
  return (
    <>
      <ul class="saving">
        {kinds.map(
          ({ title, what, end, make }) =>
            make && (
              <li key={title}>
                <button type="button" disabled={busy !== undefined} onClick={() => onSave(title, end, make)}>
                  <b>{title}</b>
                  <span>{busy === title ? 'being made…' : what}</span>
                </button>
              </li>
            ),
        )}
      </ul>
      {problem && (
        <p class="problem" role="alert">
          {problem.message} {problem.remedy}
        </p>
      )}
    </>
  )
}
