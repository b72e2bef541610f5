import { useEffect, useRef, useState } from 'preact/hooks'
import { explainAtOnce, type ServerError } from './api.js'
import { Chart } from './chart.js'
import { type Chosen, queryOf } from './settings.js'
import { problemOf } from './use-explanation.js'
import { bitsText, percentText } from './words.js'

export interface SweepProps {
  image: Blob
  chosen: Chosen
  target: number
  name: string
  onChoose: (beta: string) => void
}

/** From everything passes to hardly anything. */
const betas = ['0.1', '0.3', '1', '3', '10', '30', '100', '300', '1000']

interface Point {
  beta: string
  bits: number
  probability: number
}

/** What each price of a bit leaves: the bits that pass, and how sure the network is with them. */
export function Sweep({ image, chosen, target, name, onChoose }: SweepProps) {
  const [points, setPoints] = useState<readonly Point[]>([])
  const [problem, setProblem] = useState<ServerError>()
  const running = useRef<AbortController | undefined>(undefined)
  const [isRunning, setRunning] = useState(false)
  const { beta: _, ...options } = chosen.options
  const key = JSON.stringify([chosen.model, chosen.method, options, target])
  const stop = () => {
    running.current?.abort()
    setRunning(false)
  }
  // What was measured for other settings says nothing here.
  useEffect(() => {
    setPoints([])
    setProblem(undefined)
    return stop
  }, [image, key])
  const run = async () => {
    const controller = new AbortController()
    running.current = controller
    setRunning(true)
    setPoints([])
    setProblem(undefined)
    for (const beta of betas) {
      const query = queryOf({ ...chosen, options: { ...options, beta } }, target)
      const { bits, steps } = await explainAtOnce(image, query, controller.signal)
      const crossEntropy = steps.at(-1)?.crossEntropy ?? Number.NaN
      if (controller.signal.aborted) return
      setPoints(points => [...points, { beta, bits: bits ?? 0, probability: Math.exp(-crossEntropy) }])
    }
    setRunning(false)
  }
  const start = () => {
    run().catch(error => {
      if (running.current?.signal.aborted) return
      setProblem(problemOf(error))
      setRunning(false)
    })
  }
  return (
    <>
      <p class="note">
        How many bits pass at each price, and how probable {name} is with them alone. Press a point to take
        its price.
      </p>
      {points.length > 0 && (
        <Chart
          label={`Bits against the probability of ${name}, for ${points.length} prices of a bit.`}
          lines={[
            { name, color: 1, points: points.map(({ bits, probability }) => [bits, probability] as const) },
          ]}
          x={{ title: 'bits', isLogarithmic: true, text: bitsText }}
          y={{ title: `Probability of ${name} behind the bottleneck`, text: percentText, range: [0, 1] }}
          onChoose={{
            name: i => {
              const { beta, bits, probability } = points[i]!
              return `β ${beta}: ${bitsText(bits)} bits, ${percentText(probability)}`
            },
            choose: i => onChoose(points[i]!.beta),
            chosen: points.findIndex(({ beta }) => beta === (chosen.options.beta ?? '10')),
          }}
        />
      )}
      {problem && <p class="problem">{problem.message}</p>}
      <p class="actions">
        {isRunning ? (
          <>
            <button type="button" onClick={stop}>
              Stop
            </button>
            <span class="waiting" role="status">
              {points.length} of {betas.length}
            </span>
          </>
        ) : (
          <button type="button" onClick={start}>
            {points.length > 0 ? 'Sweep again' : `Sweep ${betas.length} values of β`}
          </button>
        )}
      </p>
    </>
  )
}
