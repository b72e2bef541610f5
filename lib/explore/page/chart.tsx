/** A line of a chart. */
export interface Line {
  name: string
  points: readonly (readonly [x: number, y: number])[]
  /** Which of the colours of lines. */
  color: 1 | 2 | 3
}

export interface ChartProps {
  /** What it says, for those who don't see it. */
  label: string
  lines: readonly Line[]
  x: { title: string; isLogarithmic?: boolean; text: (value: number) => string }
  y: {
    title: string
    isLogarithmic?: boolean
    text: (value: number) => string
    range?: readonly [number, number]
  }
  /** A place that is pointed out. */
  mark?: number
  /** Points can be chosen. */
  onChoose?: { name: (point: number) => string; choose: (point: number) => void; chosen: number }
}

const size = { width: 400, height: 230, left: 46, right: 14, top: 12, bottom: 38 }

/** Lines over an axis, with few ticks. */
export function Chart({ label, lines, x, y, mark, onChoose }: ChartProps) {
  const xs = axis(
    lines.flatMap(line => line.points.map(([value]) => value)),
    x.isLogarithmic,
  )
  const ys = axis(y.range ?? lines.flatMap(line => line.points.map(([, value]) => value)), y.isLogarithmic)
  const across = (value: number) => size.left + xs.place(value) * (size.width - size.left - size.right)
  const down = (value: number) =>
    size.height - size.bottom - ys.place(value) * (size.height - size.top - size.bottom)
  const base = size.height - size.bottom
  return (
    <figure class="chart">
      {lines.length > 1 && (
        <p class="legend">
          {lines.map(line => (
            <span key={line.name} class={`key c${line.color}`}>
              {line.name}
            </span>
          ))}
        </p>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: a drawing, whose points may be buttons */}
      <svg viewBox={`0 0 ${size.width} ${size.height}`} role="group" aria-label={label}>
        {ys.ticks.map(tick => (
          <g key={tick} class="tick">
            <line x1={size.left} x2={size.width - size.right} y1={down(tick)} y2={down(tick)} />
            <text x={size.left - 8} y={down(tick) + 4} text-anchor="end">
              {y.text(tick)}
            </text>
          </g>
        ))}
        {xs.ticks.map(tick => (
          <text key={tick} class="tick" x={across(tick)} y={base + 17} text-anchor="middle">
            {x.text(tick)}
          </text>
        ))}
        <text class="title" x={size.width - size.right} y={size.height - 4} text-anchor="end">
          {x.title}
        </text>
        {mark !== undefined && (
          <line class="mark" x1={across(mark)} x2={across(mark)} y1={size.top} y2={base} />
        )}
        {lines.map(line => (
          <polyline
            key={line.name}
            class={`curve c${line.color}`}
            points={line.points.map(([a, b]) => `${across(a)},${down(b)}`).join(' ')}
          />
        ))}
        {onChoose &&
          lines[0]?.points.map(([a, b], i) => (
            // biome-ignore lint/a11y/useSemanticElements: a button of a drawing
            <circle
              key={onChoose.name(i)}
              class={`point c${lines[0]!.color}`}
              cx={across(a)}
              cy={down(b)}
              r={i === onChoose.chosen ? 7 : 5}
              role="button"
              tabindex={0}
              aria-label={onChoose.name(i)}
              aria-pressed={i === onChoose.chosen}
              onClick={() => onChoose.choose(i)}
              onKeyDown={event => {
                if (event.key !== 'Enter' && event.key !== ' ') return
                event.preventDefault()
                onChoose.choose(i)
              }}
            >
              <title>{onChoose.name(i)}</title>
            </circle>
          ))}
      </svg>
      <figcaption>{y.title}</figcaption>
    </figure>
  )
}

interface Axis {
  /** 0 to 1. */
  place: (value: number) => number
  ticks: number[]
}

function axis(values: readonly number[], isLogarithmic = false): Axis {
  const usable = values.filter(value => Number.isFinite(value) && (!isLogarithmic || value > 0))
  const [least, most] = usable.length === 0 ? [0, 1] : [Math.min(...usable), Math.max(...usable)]
  return isLogarithmic ? logarithmic(least, most) : linear(least, most)
}

function linear(least: number, most: number): Axis {
  const span = most - least || 1
  const rough = span / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const stride = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(each => each >= rough)!
  const from = Math.floor(least / stride + 1e-9) * stride
  const count = Math.max(1, Math.ceil((most - from) / stride - 1e-9))
  const ticks = Array.from({ length: count + 1 }, (_, i) => from + i * stride)
  return { place: value => (value - from) / (count * stride), ticks }
}

function logarithmic(least: number, most: number): Axis {
  const [from, to] = [
    Math.floor(Math.log10(least) + 1e-9),
    Math.max(Math.ceil(Math.log10(most) - 1e-9), Math.floor(Math.log10(least)) + 1),
  ]
  const every = Math.max(1, Math.ceil((to - from) / 5))
  const ticks: number[] = []
  for (let power = from; power <= to; power += every) ticks.push(10 ** power)
  return { place: value => (Math.log10(Math.max(value, 10 ** from)) - from) / (to - from), ticks }
}
