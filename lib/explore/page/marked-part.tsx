import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { type Explanation, type MaskedPrediction, type PredictedClass, predictMasked } from './api.js'
import { Chart } from './chart.js'
import { drawPart, type Ground, type Marked } from './drawing.js'
import { useGround } from './stage.js'
import { classText, percentText } from './words.js'

export interface PartsProps {
  image: Blob
  explanation: Explanation
  model: string
  /** The class that is explained. */
  target: number
  names: readonly string[]
}

/** Shares of the pixels at which the curves are measured: close together where little is changed. */
const curveShares = [0, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1]

interface Asked {
  fill: readonly number[]
  predictions: readonly MaskedPrediction[]
}

/** What is recognised at some shares; a new question cancels the old one. */
function useMasked(
  { image, explanation, model }: PartsProps,
  shares: readonly number[],
  top: number,
): Asked | undefined {
  const [answer, setAnswer] = useState<Asked & { map: Explanation['map'] }>()
  const key = shares.join()
  const { map } = explanation
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const timer = setTimeout(() => {
      predictMasked(image, { model, map, shares, top }, signal).then(
        answer => !signal.aborted && setAnswer({ ...answer, map }),
        () => !signal.aborted && setAnswer(undefined),
      )
    }, 150)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [image, map, model, key, top])
  return answer
}

/** What the network still recognises where only the marked part is left, and where it is gone. */
export function MarkedPart({ marked, ...props }: PartsProps & { marked: Marked }) {
  const asked = useMasked(props, [marked.share], 3)
  const ground = useGround(props.explanation.image)
  const prediction = asked?.predictions[0]
  const { data } = props.explanation.map
  const isMarked = useMemo(
    () => (pixel: number) => data[pixel]! >= marked.threshold,
    [data, marked.threshold],
  )
  const isRest = useMemo(() => (pixel: number) => !isMarked(pixel), [isMarked])
  if (!asked || !prediction || !ground) return <p class="waiting">Asking the network…</p>
  return (
    <div class="parts">
      <Part
        title="Only this is left"
        ground={ground}
        isKept={isMarked}
        fill={asked.fill}
        found={prediction.kept}
        {...props}
      />
      <Part
        title="This is gone"
        ground={ground}
        isKept={isRest}
        fill={asked.fill}
        found={prediction.removed}
        {...props}
      />
    </div>
  )
}

interface PartProps extends PartsProps {
  title: string
  ground: Ground
  isKept: (pixel: number) => boolean
  fill: readonly number[]
  found: readonly PredictedClass[]
}

function Part({ title, ground, isKept, fill, found, target, names }: PartProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    if (canvas.current) drawPart(canvas.current, ground, isKept, fill)
  }, [ground, isKept, fill])
  return (
    <figure>
      <canvas ref={canvas} />
      <figcaption>
        <b>{title}</b>
        <ol>
          {found.map(({ class: index, probability }) => (
            <li key={index} class={index === target ? 'target' : undefined}>
              <span>{classText(index, names)}</span> <span>{percentText(probability)}</span>
            </li>
          ))}
        </ol>
      </figcaption>
    </figure>
  )
}

/** The class's probability as the strongest pixels are put in first, and as they are taken away first. */
export function PartCurves({ marked, ...props }: PartsProps & { marked: Marked | undefined }) {
  const { target, names } = props
  const asked = useMasked(props, curveShares, Math.max(names.length, 1000))
  if (!asked) return <p class="waiting">Asking the network…</p>
  const of = (classes: readonly PredictedClass[]) =>
    classes.find(each => each.class === target)?.probability ?? 0
  const kept = asked.predictions.map(({ share, kept }) => [share, of(kept)] as const)
  const removed = asked.predictions.map(({ share, removed }) => [share, of(removed)] as const)
  const name = classText(target, names)
  return (
    <Chart
      label={`Probability of ${name}: area ${area(kept).toFixed(2)} as pixels are put in, ${area(removed).toFixed(2)} as they are removed.`}
      lines={[
        { name: `put in (area ${area(kept).toFixed(2)})`, points: kept, color: 1 },
        { name: `removed (area ${area(removed).toFixed(2)})`, points: removed, color: 2 },
      ]}
      x={{ title: 'share of the pixels, strongest first', text: percentText }}
      y={{ title: `Probability of ${name}`, text: percentText, range: [0, 1] }}
      {...(marked && { mark: marked.share })}
    />
  )
}

/** The area under a curve, by trapezia. */
function area(points: readonly (readonly [number, number])[]): number {
  return points.slice(1).reduce((sum, [x, y], i) => {
    const [before, value] = points[i]!
    return sum + ((x - before) * (y + value)) / 2
  }, 0)
}
