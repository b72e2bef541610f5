import { dot, lineY, plot, text } from '#plot'
import { InvalidArgumentError } from '../foundation/errors.js'
import { svgDocument } from '../rendering/svg-document.js'
import type { LogRecord } from './json-log.js'
import type { Outcome } from './reports.js'

interface Point {
  step: number
  value: number
  of: 'training' | 'validation'
}

interface Chart {
  title: string
  value: (outcome: Outcome) => number
  percent?: boolean
}

const charts: readonly Chart[] = [
  { title: 'loss', value: ({ loss }) => loss },
  { title: 'cross-entropy, nats', value: ({ crossEntropy }) => crossEntropy },
  { title: 'information, bits for each image', value: ({ bits }) => bits },
  { title: 'accuracy behind the bottleneck, %', value: ({ accuracy }) => accuracy * 100 },
]
const size = { width: 460, height: 260 }
const colors = { training: '#4269d0', validation: '#ff725c' }

/** The curves of a training as an SVG picture: loss, cross-entropy, information and accuracy over the steps.
 * @throws InvalidArgumentError where the log holds nothing to draw */
export function renderCurves(log: readonly LogRecord[]): string {
  if (log.length === 0) throw new InvalidArgumentError('The log holds nothing to draw yet.')
  const drawn = charts.map((chart, i) => {
    const [x, y] = [(i % 2) * size.width, Math.floor(i / 2) * size.height]
    return `<svg x="${x}" y="${y}" width="${size.width}" height="${size.height}">${draw(chart, log)}</svg>`
  })
  const [width, height] = [2 * size.width, 2 * size.height]
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `style="background:#fff">${drawn.join('')}</svg>\n`
  )
}

function draw({ title, value }: Chart, log: readonly LogRecord[]): string {
  const points: Point[] = log.flatMap((record): Point[] => {
    if (record.kind === 'interval') return [{ step: record.step, value: value(record), of: 'training' }]
    const { validation, step } = record
    return validation ? [{ step, value: value(validation), of: 'validation' }] : []
  })
  const picture = plot({
    document: svgDocument(),
    ...size,
    marginLeft: 60,
    style: { fontFamily: 'Helvetica, Arial, sans-serif', fontSize: '11px', background: '#fff' },
    x: { label: 'step', nice: true },
    y: { label: title, nice: true, grid: true },
    color: { domain: Object.keys(colors), range: Object.values(colors) },
    marks: [
      lineY(points, { x: 'step', y: 'value', stroke: 'of', strokeWidth: 1.5 }),
      dot(
        points.filter(({ of }) => of === 'validation'),
        { x: 'step', y: 'value', fill: 'of', r: 2.5 },
      ),
      ...Object.entries(colors).map(([name, fill], i) =>
        text([name], { frameAnchor: 'top-right', dy: i * 14, text: (label: string) => label, fill }),
      ),
    ],
  })
  return picture.outerHTML
}
