import { lineY, type PlotOptions, plot } from '#plot'
import { protocolOf } from '../evaluation/protocols/all.js'
import type { Protocol } from '../evaluation/protocols/protocol.js'
import type { Curve } from '../evaluation/runs/record.js'
import { escapeXml } from '../rendering/svg.js'
import { svgDocument } from '../rendering/svg-document.js'
import type { CellResult } from './table.js'

/** The line of one method. */
export interface Series {
  title: string
  style: LineStyle
  curve: Curve
}

export interface LineStyle {
  color: string
  dash: string
  width: number
}

/** A figure with its words. */
export interface Chart {
  caption: string
  svg: string
}

// Of middling lightness, to be seen on white and on black.
const colors = ['#4f7fe0', '#d98200', '#2f9e77', '#d0559f', '#8b6fd8', '#c2553f', '#3e9ab8', '#93892b']
const dashes = ['none', '6 3', '2 3']

/** How each of the methods is drawn: the bottlenecks, which it is about, with wider lines. */
export function lineStyles(
  methods: readonly { title: string; method: string }[],
): ReadonlyMap<string, LineStyle> {
  return new Map(
    methods.map(({ title, method }, i) => [
      title,
      {
        color: method === 'random' ? '#8a8a90' : colors[i % colors.length]!,
        dash: dashes[Math.floor(i / colors.length) % dashes.length]!,
        width: method === 'per-sample' || method === 'readout' ? 2.5 : 1.4,
      },
    ]),
  )
}

/** The figures of a protocol's results: one for each of the curves that it shows. */
export function chartsOf(found: readonly CellResult[], styles: ReadonlyMap<string, LineStyle>): Chart[] {
  const [first] = found
  if (!first) return []
  const { fullTitle, chart } = protocolOf(first)
  if (!chart) return []
  return first.curves.slice(0, chart.curves).map(({ name }) => {
    const series = found.flatMap(({ method: { title }, curves }) => {
      const [curve, style] = [curves.find(curve => curve.name === name), styles.get(title)]
      return curve && style ? [{ title, style, curve }] : []
    })
    return { caption: `${fullTitle}, ${name}`, svg: draw(series, axesOf(chart, first.places)) }
  })
}

type Axes = Pick<PlotOptions, 'x' | 'y'> & { marginBottom: number; labels?: readonly string[] }

function axesOf({ x: label, y, scale }: NonNullable<Protocol['chart']>, places?: readonly string[]): Axes {
  return {
    x: places
      ? { type: 'point', label, domain: places, tickRotate: -45 }
      : {
          label,
          ...(scale === 'logarithmic' && { type: 'log' }),
          ...(scale === 'percent' && { percent: true }),
        },
    y: { label: y, grid: true, nice: true },
    marginBottom: places ? 70 : 40,
    ...(places && { labels: places }),
  }
}

function draw(series: readonly Series[], { labels, ...axes }: Axes): string {
  const picture = plot({
    document: svgDocument(),
    width: 560,
    height: 340,
    marginLeft: 48,
    ...axes,
    style: { fontFamily: 'inherit', fontSize: '12px', background: 'none', overflow: 'visible' },
    marks: series.map(({ style, curve: { x, y } }) =>
      lineY(
        x.map((value, i) => ({ x: labels?.[value] ?? value, y: y[i] })),
        {
          x: 'x',
          y: 'y',
          stroke: style.color,
          strokeWidth: style.width,
          strokeDasharray: style.dash,
        },
      ),
    ),
  })
  return nameLines(picture.outerHTML, series)
}

/** Tells the lines apart for readers, pointers and the page's script; the library calls each of them 'line'. */
function nameLines(svg: string, series: readonly Series[]): string {
  const titles = series.map(({ title }) => escapeXml(title))
  return svg.replaceAll(/aria-label="line"([^>]*)>/g, (_, others) => {
    const title = titles.shift()
    return `aria-label="${title}"${others}><title>${title}</title>`
  })
}
