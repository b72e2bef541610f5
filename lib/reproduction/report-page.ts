import { embeddedPicture, htmlDocument } from '../rendering/document.js'
import { escapeXml } from '../rendering/svg.js'
import type { LeftOut } from './cells.js'
import { type Chart, chartsOf, type LineStyle, lineStyles } from './charts.js'
import type { Example } from './examples.js'
import { reportScript } from './report-script.js'
import { reportStyle } from './report-style.js'
import { differenceOf, differenceText, shownScore } from './score-tables.js'
import {
  type CellResult,
  type Column,
  isCompared,
  type ModelTable,
  type TableEntry,
  type TableRow,
  toldSettings,
} from './table.js'

/** What there is to show of one model. */
export interface ModelReport {
  table: ModelTable
  found: readonly CellResult[]
  examples: readonly Example[]
}

/** What the whole page shows. */
export interface ReportContent {
  models: readonly ModelReport[]
  leftOut: readonly LeftOut[]
  /** What the data is, such as 'synthetic images'; undefined for a folder. */
  dataNote: string | undefined
}

/** The report as one HTML page that holds everything it shows. */
export function renderReport({ models, leftOut, dataNote }: ReportContent): string {
  const introduction =
    'The evaluation of “Restricting the Flow: Information Bottlenecks for Attribution” (Schulz et al., ICLR 2020), run ' +
    'anew. Square brackets hold the 95 % bootstrap interval over the images. Press a heading to sort.' +
    (dataNote === undefined ? '' : `\n${dataNote}`)
  return htmlDocument({
    title: 'The paper’s table, reproduced',
    introduction,
    main: [...models.map(modelSection), leftOutSection(leftOut), settingsSection(models)].join('\n'),
    style: reportStyle,
    script: reportScript,
    footer: undefined,
  })
}

function modelSection({ table, found, examples }: ModelReport): string {
  const styles = lineStyles(table.rows.map(({ method }) => method))
  const charts = table.columns.flatMap(({ protocol }) =>
    chartsOf(
      found.filter(result => result.protocol === protocol),
      styles,
    ),
  )
  const curves =
    charts.length === 0
      ? ''
      : `<article><h2>${escapeXml(table.model)}: curves</h2>
${legend(table.rows, styles)}
<div class="charts">${charts.map(chartFigure).join('\n')}</div></article>`
  return `<article><h2>${escapeXml(table.model)}</h2>${tableHtml(table)}</article>
${curves}
${examples.length === 0 ? '' : exampleSection(table.model, examples)}`
}

/** Measured, published and their difference side by side, where anything was published for the model. */
function tableHtml(table: ModelTable): string {
  const { columns, rows, model, publishedSource } = table
  const hasPublished = ({ protocol }: Column) =>
    rows.some(({ entries }) => entries.get(protocol)?.published !== undefined)
  const headings = columns.flatMap(column => {
    const isHigher = column.direction === 'higher'
    const first = heading(`${column.title} ${isHigher ? '↑' : '↓'}`, isHigher ? 'descending' : 'ascending')
    return hasPublished(column) ? [first, heading('published'), heading('difference')] : [first]
  })
  const body = rows.map(({ method, secondsPerMap, entries }) => {
    const cells = columns.flatMap(column => entryCells(entries.get(column.protocol), hasPublished(column)))
    const seconds = `<td data-value="${secondsPerMap ?? ''}">${secondsPerMap === null ? '–' : secondsPerMap.toFixed(3)}</td>`
    const name = `<th scope="row" data-value="${escapeXml(method.title)}">${escapeXml(method.title)}</th>`
    return `<tr>${name}${cells.join('')}${seconds}</tr>`
  })
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeXml(`table of ${model}`)}"><table>
<thead><tr>${heading('method', 'ascending')}${headings.join('')}${heading('seconds a map', 'ascending')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody></table></div>${toldSettings(table)
    .map(text => `<p class="note">${escapeXml(text)}</p>`)
    .join(
      '',
    )}${isCompared(table) ? `<p class="note">Published values: ${escapeXml(publishedSource)}.</p>` : ''}`
}

function heading(title: string, first: 'ascending' | 'descending' = 'descending'): string {
  return `<th scope="col" data-first="${first}"><button type="button">${escapeXml(title)}</button></th>`
}

function entryCells(entry: TableEntry | undefined, hasPublished: boolean): string[] {
  const none = '<td data-value="">–</td>'
  if (!entry) return hasPublished ? [none, none, none] : [none]
  const { score, images, published } = entry
  const interval =
    score.low === null || score.high === null
      ? ''
      : `<small>[${shownScore(score.low)}, ${shownScore(score.high)}]</small>`
  const own = `<td data-value="${score.value ?? ''}" title="${images} images">${shownScore(score.value)}${interval}</td>`
  if (!hasPublished) return [own]
  if (published === undefined) return [own, none, none]
  return [
    own,
    `<td data-value="${published}">${shownScore(published)}</td>`,
    `<td data-value="${differenceOf(entry) ?? ''}">${differenceText(entry)}</td>`,
  ]
}

function legend(rows: readonly TableRow[], styles: ReadonlyMap<string, LineStyle>): string {
  const entries = rows.map(({ method: { title } }) => {
    const { color, dash, width } = styles.get(title)!
    const line = `<svg width="26" height="8" aria-hidden="true"><line x1="1" x2="25" y1="4" y2="4" stroke="${color}" stroke-width="${width}" stroke-dasharray="${dash}"/></svg>`
    return `<button type="button" aria-pressed="false">${line}${escapeXml(title)}</button>`
  })
  return `<div class="legend">${entries.join('')}</div>`
}

function chartFigure({ caption, svg }: Chart): string {
  return `<figure>${svg}<figcaption>${escapeXml(caption)}</figcaption></figure>`
}

function exampleSection(model: string, examples: readonly Example[]): string {
  const rows = examples.map(({ title, image, maps }) => {
    const pictures = [{ title, picture: image }, ...maps].map(
      (shown, i) =>
        `<figure>${embeddedPicture(shown.picture, i === 0 ? title : `map of ${shown.title} for ${title}`, 'map')}<figcaption>${escapeXml(shown.title)}</figcaption></figure>`,
    )
    return `<div class="maps">${pictures.join('')}</div>`
  })
  return `<article><h2>${escapeXml(model)}: example maps</h2>${rows.join('\n')}</article>`
}

function leftOutSection(leftOut: readonly LeftOut[]): string {
  if (leftOut.length === 0) return ''
  const lines = leftOut.map(
    ({ model, what, why }) => `<li>${escapeXml(`${model}, ${what}: ${why.replace(/\.$/, '')}.`)}</li>`,
  )
  return `<article><h2>Not measured</h2><ul>${lines.join('')}</ul></article>`
}

function settingsSection(models: readonly ModelReport[]): string {
  const sections = models.flatMap(({ table, found }) => {
    const [first] = found
    if (!first) return []
    const { model, data, versions, revision } = first
    const samples = table.columns.map(({ protocol, title }) => {
      const images = found.filter(result => result.protocol === protocol).map(result => result.images)
      return images.length === 0 ? '' : `${title}: ${Math.max(...images).toLocaleString('en')}`
    })
    const facts = [
      ['network', `${model.architecture}, weights ${model.weightHash}, ${model.classes} classes`],
      ['data', `${data.name}, ${data.available.toLocaleString('en')} images, seed ${data.seed}`],
      ['images', samples.filter(text => text !== '').join('; ')],
      ['device', model.precision ? `${model.device}, ${model.precision}` : model.device],
      ['versions', `${versions.package}, LibTorch ${versions.libtorch}, Node ${versions.node}`],
      ['revision', revision ?? 'of a package'],
    ]
    const list = facts.map(
      ([label, value]) => `<div><dt>${escapeXml(label!)}</dt><dd>${escapeXml(value!)}</dd></div>`,
    )
    return [`<h3>${escapeXml(table.model)}</h3><dl>${list.join('')}</dl>`]
  })
  return `<article><h2>How it was measured</h2>${sections.join('')}</article>`
}
