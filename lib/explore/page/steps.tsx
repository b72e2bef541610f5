import { useEffect, useId, useState } from 'preact/hooks'
import type { Explanation } from './api.js'
import { Chart, type Line } from './chart.js'

export interface StepsProps {
  explanation: Explanation
  /** Which step's map is shown; undefined for the last. */
  step: number | undefined
  onStep: (step: number | undefined) => void
}

const titles: Readonly<Record<string, string>> = {
  loss: 'loss',
  crossEntropy: 'cross-entropy',
}

/** How the map came about: the loss of each step, and a slider over the steps' maps. */
export function Steps({ explanation: { steps, stepMaps }, step, onStep }: StepsProps) {
  const id = useId()
  const [isPlaying, setPlaying] = useState(false)
  const last = stepMaps.length - 1
  const shown = Math.min(step ?? last, last)
  useEffect(() => {
    if (!isPlaying) return
    const timer = setTimeout(() => {
      if (shown >= last) {
        setPlaying(false)
        onStep(undefined)
      } else onStep(shown + 1)
    }, 260)
    return () => clearTimeout(timer)
  }, [isPlaying, shown, last])
  const lines = Object.keys(titles).flatMap((name, i): Line[] => {
    const points = steps.flatMap((numbers, at) =>
      numbers[name] === undefined ? [] : [[at + 1, numbers[name]] as const],
    )
    return points.length < 2 ? [] : [{ name: titles[name]!, points, color: i === 0 ? 1 : 3 }]
  })
  return (
    <>
      {lines.length > 0 && (
        <Chart
          label={`Loss of ${steps.length} steps, from ${lines[0]!.points[0]![1].toPrecision(3)} to ${lines[0]!.points.at(-1)![1].toPrecision(3)}.`}
          lines={lines}
          x={{ title: 'step', text: value => (Number.isInteger(value) ? String(value) : '') }}
          y={{
            title: 'Nats, on a scale of powers of ten',
            isLogarithmic: true,
            text: value => String(value),
          }}
          mark={shown + 1}
        />
      )}
      {last > 0 && (
        <div class="player">
          <button
            type="button"
            onClick={() => {
              if (!isPlaying) onStep(0)
              setPlaying(!isPlaying)
            }}
          >
            {isPlaying ? 'Pause' : 'Play'}
          </button>
          <label for={id} class="hidden">
            Step
          </label>
          <input
            id={id}
            type="range"
            min={1}
            max={last + 1}
            value={shown + 1}
            onInput={({ currentTarget: { value } }) => {
              setPlaying(false)
              onStep(Number(value) - 1 === last ? undefined : Number(value) - 1)
            }}
          />
          <output for={id}>
            step {shown + 1} of {last + 1}
          </output>
        </div>
      )}
    </>
  )
}
