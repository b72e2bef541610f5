import { useId } from 'preact/hooks'
import type { PredictedClass } from './api.js'
import { classText, percentText } from './words.js'

export interface ClassesProps {
  classes: readonly PredictedClass[]
  names: readonly string[]
  count: number
  /** The class that is explained. */
  chosen: number | undefined
  onChoose: (index: number) => void
}

/** What the network recognises; a press explains another class. */
export function Classes({ classes, names, count, chosen, onChoose }: ClassesProps) {
  const id = useId()
  const isListed = classes.some(each => each.class === chosen)
  return (
    <>
      <ul class="classes">
        {classes.map(({ class: index, className, probability }) => (
          <li key={index}>
            <button type="button" aria-pressed={index === chosen} onClick={() => onChoose(index)}>
              <span class="name">{className ?? classText(index, names)}</span>
              <span class="number">{percentText(probability)}</span>
              <span class="track">
                <span style={{ width: `${probability * 100}%` }} />
              </span>
            </button>
          </li>
        ))}
      </ul>
      {count > classes.length && (
        <p class="field">
          <label for={id}>Another class</label>
          <select
            id={id}
            value={isListed || chosen === undefined ? '' : String(chosen)}
            onChange={({ currentTarget: { value } }) => value !== '' && onChoose(Number(value))}
          >
            <option value="">Choose…</option>
            {Array.from({ length: count }, (_, index) => (
              <option key={index} value={index}>
                {classText(index, names)}
              </option>
            ))}
          </select>
        </p>
      )}
    </>
  )
}
