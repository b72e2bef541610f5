import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Explanation, MapData } from './api.js'
import {
  contourOf,
  drawMap,
  endsOf,
  type Ground,
  groundOf,
  inkingOf,
  type Marked,
  markedOf,
  withinCircle,
} from './drawing.js'
import type { View } from './settings.js'
import type { Draft } from './use-explanation.js'
import { bitsText, percentText } from './words.js'

export interface StageProps {
  first: Explanation
  second: Explanation | undefined
  /** Of the two, as they are told apart. */
  names: readonly [string, string]
  /** Which step's map is shown; undefined for the last. */
  step: number | undefined
  marked: Marked | undefined
  view: View
  /** What the map is where it is a draft. */
  draft: Draft | undefined
  /** Of the work, 0 to 1. */
  progress: number | undefined
}

interface Place {
  x: number
  y: number
}

/** Of the shorter side. */
const lens = 0.07

/** The map over its image, with another one behind the wiper, and what is at the place under the pointer. */
export function Stage({ first, second, names, step, marked, view, draft, progress }: StageProps) {
  const ground = useGround(first.image)
  const otherGround = useGround(second?.image)
  const [wiper, setWiper] = useState(50)
  const [place, setPlace] = useState<Place>()
  const map = (step === undefined ? undefined : first.stepMaps[step]) ?? first.map
  const { width, height } = first.map
  const isSecond = second !== undefined && place !== undefined && place.x / width > wiper / 100
  const share = marked?.share
  const otherContour = useMemo(
    () =>
      second && share !== undefined
        ? contourOf(second.map, markedOf(second.map, share).threshold)
        : undefined,
    [second, share],
  )
  const contour = useMemo(
    () => (marked ? contourOf(first.map, marked.threshold) : undefined),
    [first.map, marked],
  )
  const onPointer = ({ currentTarget, clientX, clientY }: PointerEvent) => {
    const box = (currentTarget as HTMLElement).getBoundingClientRect()
    setPlace({
      x: ((clientX - box.left) / box.width) * width,
      y: ((clientY - box.top) / box.height) * height,
    })
  }
  const onKey = (event: KeyboardEvent) => {
    const move = moves[event.key]
    if (!move || event.target !== event.currentTarget) return
    event.preventDefault()
    const stride = Math.max(1, Math.round(width / 32))
    const { x, y } = place ?? { x: width / 2, y: height / 2 }
    setPlace({ x: within(x + move[0] * stride, width), y: within(y + move[1] * stride, height) })
  }
  const radius = lens * Math.min(width, height)
  return (
    <div class="stage">
      {/* biome-ignore lint/a11y/useSemanticElements: no group of fields */}
      <div
        class="picture"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move the lens
        tabIndex={0}
        role="group"
        aria-label={`Map of ${names[0]}${second ? `, and of ${names[1]}` : ''}. Arrow keys look at places.`}
        aria-describedby="place"
        onPointerMove={onPointer}
        onPointerDown={onPointer}
        onPointerLeave={() => setPlace(undefined)}
        onKeyDown={onKey}
        style={{ aspectRatio: `${width} / ${height}` }}
      >
        {ground && <MapCanvas ground={ground} map={map} scale={first} view={view} />}
        {contour && <Contour map={first.map} path={contour} />}
        {second && otherGround && (
          <div class="over" style={{ clipPath: `inset(0 0 0 ${wiper}%)` }}>
            <MapCanvas ground={otherGround} map={second.map} scale={second} view={view} />
            {otherContour && <Contour map={second.map} path={otherContour} />}
          </div>
        )}
        <svg class="marks" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          {place && <circle class="lens" cx={place.x} cy={place.y} r={radius} />}
        </svg>
        {second && (
          <>
            <span class="tag left">{names[0]}</span>
            <span class="tag right">{names[1]}</span>
            <div class="line" style={{ left: `${wiper}%` }} />
            <input
              class="wiper"
              type="range"
              min={0}
              max={100}
              value={wiper}
              aria-label={`How much is shown of ${names[0]}`}
              onInput={event => setWiper(Number(event.currentTarget.value))}
            />
          </>
        )}
        {progress !== undefined && (
          <div class="progress" style={{ width: `${Math.max(3, progress * 100)}%` }} />
        )}
        {draft && (
          <span class="tag draft">
            {'by' in draft ? `draft, by ${draft.by}` : `step ${draft.step} of ${draft.steps}`}
          </span>
        )}
      </div>
      <Scale {...(second && { name: names[0] })} map={first.map} unit={first.unit} view={view} />
      {second && <Scale name={names[1]} map={second.map} unit={second.unit} view={view} />}
      <p class="place" id="place" aria-live="polite">
        {place
          ? told(isSecond ? second : first, isSecond ? second.map : map, place, radius)
          : 'Point at the image to read what is there.'}
      </p>
    </div>
  )
}

/** The line around what is marked. */
function Contour({ map: { width, height }, path }: { map: MapData; path: string }) {
  return (
    <svg class="marks" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <path class="contour" d={path} />
    </svg>
  )
}

const moves: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

function within(value: number, size: number): number {
  return Math.min(Math.max(value, 0.5), size - 0.5)
}

function told({ unit }: Explanation, map: MapData, place: Place, radius: number): string {
  const { value, sum, part } = withinCircle(map, place, radius)
  const here = value.toLocaleString('en', { maximumSignificantDigits: 3 })
  if (unit === 'bits/pixel')
    return `${here} bits/pixel here. The circle holds ${bitsText(sum)} bits, ${percentText(part)} of all.`
  return `${here}${unit === 'relative' ? '' : ` ${unit}`} here. The circle holds ${percentText(part)} of the map.`
}

/** A picture that is ready to be drawn on. */
export function useGround(png: string | undefined): Ground | undefined {
  const [ground, setGround] = useState<Ground>()
  useEffect(() => {
    if (png === undefined) return
    let isWanted = true
    groundOf(png).then(
      made => isWanted && setGround(made),
      () => setGround(undefined),
    )
    return () => {
      isWanted = false
    }
  }, [png])
  return ground
}

interface MapCanvasProps {
  ground: Ground
  map: MapData
  /** The one on whose scale it is drawn. */
  scale: Explanation
  view: View
}

function MapCanvas({ ground, map, scale, view: { colors, opacity } }: MapCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    if (canvas.current) drawMap(canvas.current, ground, map, inkingOf(scale, colors), opacity / 100)
  }, [ground, map, scale, colors, opacity])
  return <canvas ref={canvas} />
}

interface ScaleProps {
  name?: string
  map: MapData
  unit: Explanation['unit']
  view: View
}

/** Which colours mean what. */
function Scale({ name, map, unit, view: { colors } }: ScaleProps) {
  const inking = inkingOf({ map, unit }, colors)
  const stops = Array.from({ length: 17 }, (_, i) => `rgb(${inking.colors(i / 16).join(' ')})`)
  const { least, most } = endsOf(inking)
  return (
    <div class="scale">
      {name !== undefined && <b>{name}</b>}
      <span>{least}</span>
      <div class="bar" style={{ background: `linear-gradient(90deg, ${stops.join(', ')})` }} />
      <span>
        {most} {unit === 'relative' ? '(relative)' : unit}
      </span>
    </div>
  )
}
