import { types } from 'node:util'
import { invalid, requireKnownKeys, requireNumber, requireString } from '../foundation/validate.js'
import { colorMap, type Rgb } from './color-map.js'
import { htmlDocument } from './document.js'
import { isSigned, largest } from './range.js'
import { escapeXml } from './svg.js'
import { labels, ticks } from './ticks.js'

/** Options of {@link renderTokens}. */
export interface TokenPageOptions {
  /** What each token stands for. Default: its position. */
  tokenTexts?: readonly string[]
  /** What a value means, such as 'bits/token'. Default: nothing is said. */
  unit?: string
  /** Default: 'Tokens'. */
  title?: string
  /** What stands below the title. Default: nothing. */
  introduction?: string
  /** The value that gets the strongest colour, to compare several texts. Default: the largest. */
  maximum?: number
}

const optionNames = ['tokenTexts', 'unit', 'title', 'introduction', 'maximum'] as const

/** Draws a text as an HTML page that holds all it shows: each token with its value, on a colour that is red for what speaks
 * for the target, blue for what speaks against it, and white for 0; with the scale.
 * @throws {InvalidArgumentError} there isn't a text for each token, or an option is out of range */
export function renderTokens(values: Float32Array, options: TokenPageOptions = {}): string {
  requireKnownKeys('renderTokens options', options, optionNames)
  if (!types.isFloat32Array(values) || values.length === 0)
    throw invalid('values', 'a Float32Array with a value for each token', values)
  const { tokenTexts, unit = '', title = 'Tokens', introduction = '' } = options
  if (tokenTexts !== undefined && tokenTexts.length !== values.length)
    throw invalid('tokenTexts', `${values.length} texts, one for each token`, tokenTexts)
  const map = { data: values, width: values.length, height: 1, unit: 'relative' as const }
  const signed = isSigned(map)
  const maximum =
    options.maximum === undefined
      ? largest([map], signed)
      : requireNumber('maximum', options.maximum, Number.MIN_VALUE)
  const tokens = [...values].map((value, i) => token(tokenTexts?.[i] ?? String(i), i, value, maximum))
  return htmlDocument({
    title: requireString('title', title),
    introduction,
    main: `<article>\n<p class="tokens">${tokens.join('')}</p>\n${legend(maximum, signed, unit)}\n</article>`,
    style,
    footer: undefined,
  })
}

const colors = colorMap('blue-red')

/** White is 0, and the strongest red the maximum. */
function colorOf(share: number): Rgb {
  return colors(0.5 + share / 2)
}

function token(text: string, position: number, value: number, maximum: number): string {
  const color = colorOf(value / maximum)
  const [red, green, blue] = color
  const isDark = 0.299 * red + 0.587 * green + 0.114 * blue < 140
  const shown = escapeXml(text.trim() === '' ? '␣' : text)
  return (
    `<span class="token" title="token ${position}" style="background:rgb(${color.join(',')});color:${isDark ? '#fff' : '#1d1d1f'}">` +
    `<b>${shown}</b><small>${Number(value.toPrecision(2))}</small></span>`
  )
}

/** The scale, from left to right. */
function legend(maximum: number, signed: boolean, unit: string): string {
  const lowest = signed ? -1 : 0
  const stops = Array.from({ length: 9 }, (_, i) => {
    const share = lowest + ((1 - lowest) * i) / 8
    return `rgb(${colorOf(share).join(',')})`
  })
  // A scale of two sides has half the room for each.
  const above = signed ? ticks(2 * maximum).filter(value => value <= maximum) : ticks(maximum)
  const below = signed ? above.slice(1).map(value => -value) : []
  const values = [...below.reverse(), ...above]
  const names = labels(values)
  const marks = values.map((value, i) => {
    const place = ((value / maximum - lowest) / (1 - lowest)) * 100
    return `<span style="left:${place.toFixed(2)}%">${escapeXml(names[i]!)}</span>`
  })
  const named = unit === '' ? '' : `<figcaption>${escapeXml(unit)}</figcaption>`
  return `<figure class="legend"><div class="scale" style="background:linear-gradient(to right,${stops.join(',')})"></div><div class="marks">${marks.join('')}</div>${named}</figure>`
}

const style = `
.tokens { display: flex; flex-wrap: wrap; gap: .35rem; margin: 0 }
.token { display: inline-flex; flex-direction: column; align-items: center; min-width: 2rem; max-width: 100%; padding: .3rem .55rem; border-radius: 6px; border: 1px solid var(--line) }
.token b { font-weight: 600; line-height: 1.3; overflow-wrap: anywhere; white-space: pre-wrap }
.token small { font-size: .7rem; line-height: 1.3; opacity: .85; font-variant-numeric: tabular-nums }
.legend { margin: 1.5rem 1rem 0; max-width: 24rem }
.scale { height: .75rem; border-radius: 3px; border: 1px solid var(--line) }
.marks { position: relative; height: 1.4rem; font-size: .8rem; font-variant-numeric: tabular-nums }
.marks span { position: absolute; top: .15rem; transform: translateX(-50%) }
`
