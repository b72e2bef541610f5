import {
  type Colour,
  css,
  type Drawing,
  d,
  ellipse,
  line,
  naturalHue,
  path,
  rectangle,
  round,
  shade,
  vary,
} from './drawing.js'
import type { Random } from './random.js'

/** Paints a square of `size` pixels and returns SVG elements. */
type Ground = (drawing: Drawing, random: Random, tone: Colour, size: number) => string

/** A filter region in pixels. */
const region = (size: number): string =>
  `x="0" y="0" width="${size}" height="${size}" filterUnits="userSpaceOnUse" color-interpolation-filters="sRGB"`

/** Cloudy noise between two colours, see-through where `strength` is below one. */
function noise(
  drawing: Drawing,
  random: Random,
  size: number,
  frequency: string,
  colour: Colour,
  strength: number,
  octaves = 3,
): string {
  const [red, green, blue] = [css(colour)].flatMap(text =>
    text.match(/\d+/g)!.map(part => Number(part) / 255),
  )
  const filter = drawing.define(
    name =>
      `<filter id="${name}" ${region(size)}><feTurbulence type="fractalNoise" baseFrequency="${frequency}" numOctaves="${octaves}" seed="${random.integer(1, 9999)}"/><feColorMatrix values="0 0 0 0 ${red!.toFixed(3)} 0 0 0 0 ${green!.toFixed(3)} 0 0 0 0 ${blue!.toFixed(3)} ${round(3 * strength)} ${round(1.2 * strength)} 0 0 ${round(-1.75 * strength)}"/></filter>`,
  )
  return rectangle(0, 0, size, size, '#000', `filter="${filter}"`)
}

/** A rough surface under slanting light. */
function relief(
  drawing: Drawing,
  random: Random,
  size: number,
  frequency: string,
  depth: number,
  colour: Colour,
): string {
  const filter = drawing.define(
    name =>
      `<filter id="${name}" ${region(size)}><feTurbulence type="fractalNoise" baseFrequency="${frequency}" numOctaves="3" seed="${random.integer(1, 9999)}"/><feColorMatrix values="0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 .6 0 0 -.3"/><feDiffuseLighting surfaceScale="${round(depth)}" diffuseConstant="1.15" lighting-color="${css(colour)}"><feDistantLight azimuth="${random.integer(180, 360)}" elevation="${random.integer(48, 62)}"/></feDiffuseLighting></filter>`,
  )
  return rectangle(0, 0, size, size, '#000', `filter="${filter}"`)
}

/** The content turned and stretched about the middle, so that it still covers the square. */
function turned(random: Random, size: number, content: string, most = 45): string {
  const middle = size / 2
  return `<g transform="translate(${middle} ${middle}) rotate(${round(random.range(-most, most))}) skewX(${round(random.range(-14, 14))}) scale(${round(random.range(0.9, 1.4))} ${round(random.range(0.8, 1.3))}) translate(${-middle} ${-middle})">${content}</g>`
}

const plaster: Ground = (drawing, random, tone, size) =>
  relief(drawing, random, size, random.range(0.02, 0.2).toFixed(3), random.range(2, 7), shade(tone, 0.12)) +
  noise(drawing, random, size, random.range(0.01, 0.03).toFixed(3), shade(tone, -0.2), 0.5, 2)

const planks: Ground = (drawing, random, tone, size) => {
  const width = random.range(20, 52)
  let boards = ''
  for (let x = -size; x < 2 * size; x += width) {
    boards += rectangle(
      x,
      -size,
      width,
      size * 3,
      drawing.linear([vary(random, tone, 0.1), vary(random, tone, 0.08)]),
    )
    boards += rectangle(x, -size, random.range(1, 2.4), size * 3, css(shade(tone, -0.32)), 'opacity=".85"')
    let grain = ''
    for (let i = 0; i < 4; i++) {
      const start = x + random.range(3, width - 3)
      grain += d`M${start} ${-size}C${start + random.range(-6, 6)} 0 ${start + random.range(-8, 8)} ${size} ${start} ${size * 2}`
    }
    boards += line(grain, css(shade(tone, -0.14)), random.range(0.5, 1.5), 'opacity=".55"')
  }
  const across = random.chance(0.5)
  const frequency = across ? '.012 .2' : '.2 .012'
  const content = across ? `<g transform="rotate(90 ${size / 2} ${size / 2})">${boards}</g>` : boards
  return turned(random, size, content, 8) + noise(drawing, random, size, frequency, shade(tone, -0.25), 0.6)
}

const tiles: Ground = (drawing, random, tone, size) => {
  const width = random.range(22, 60)
  const height = random.chance(0.5) ? width : width * random.range(0.4, 0.7)
  const gap = random.range(1, 3.5)
  const shifted = random.chance(0.5)
  const other = random.chance(0.4) ? vary(random, tone, 0.35) : tone
  let content = rectangle(-size, -size, size * 3, size * 3, css(shade(tone, random.pick([-0.25, 0.25]))))
  const fills = Array.from({ length: 8 }, (_, i) =>
    drawing.sheet(vary(random, i % 2 ? other : tone, 0.09), 50),
  )
  let row = 0
  for (let y = -size * 0.5; y < size * 1.5; y += height) {
    row += 1
    let column = row
    for (let x = -size * 0.5 - (shifted && row % 2 ? width / 2 : 0); x < size * 1.5; x += width) {
      column += 1
      const fill = fills[(column % 2) + 2 * random.integer(0, 3)]!
      content += rectangle(x, y, width - gap, height - gap, fill, 'rx="1"')
    }
  }
  return (
    turned(random, size, content) +
    noise(drawing, random, size, random.range(0.02, 0.12).toFixed(3), shade(tone, -0.25), 0.45)
  )
}

const foliage: Ground = (drawing, random, tone, size) => {
  let leaves = rectangle(0, 0, size, size, drawing.sheet(shade(tone, -0.22), random.range(0, 180)))
  const fills: string[] = []
  for (let i = 0; i < 12; i++)
    fills.push(
      drawing.linear(
        [vary(random, shade(tone, -0.16 + i * 0.02), 0.1), vary(random, shade(tone, -0.24 + i * 0.02), 0.1)],
        90,
      ),
    )
  const long = random.range(16, 34)
  const thin = random.range(0.12, 0.4)
  const heading = random.range(0, 360)
  const order = random.chance(0.4) ? 45 : 180
  for (let i = 0; i < 150; i++) {
    const fill = fills[Math.min(11, Math.floor(i / 13))]!
    const length = long * random.range(0.6, 1.2)
    const half = length * thin
    leaves += path(
      d`M0 0Q${length * 0.4} ${-half} ${length} 0Q${length * 0.4} ${half} 0 0Z`,
      fill,
      `transform="translate(${round(random.range(-15, size))} ${round(random.range(-15, size))}) rotate(${round(heading + random.range(-order, order))})"`,
    )
  }
  return leaves
}

const bokeh: Ground = (drawing, random, tone, size) => {
  let spots = rectangle(
    0,
    0,
    size,
    size,
    drawing.linear([vary(random, tone, 0.2), shade(tone, -0.15)], random.range(0, 180)),
  )
  const fills = Array.from({ length: 6 }, () => {
    const colour = vary(random, shade(tone, 0.1), 0.4)
    return drawing.define(
      name =>
        `<radialGradient id="${name}"><stop offset="0" stop-color="${css(colour)}" stop-opacity=".75"/><stop offset="${round(random.range(0.5, 0.85))}" stop-color="${css(colour)}" stop-opacity=".6"/><stop offset="1" stop-color="${css(colour)}" stop-opacity="0"/></radialGradient>`,
    )
  })
  for (let i = 0; i < 45; i++) {
    const radius = random.range(6, 44)
    spots += ellipse(
      random.range(0, size),
      random.range(0, size),
      radius,
      radius * random.range(0.7, 1),
      random.pick(fills),
    )
  }
  return spots
}

const pebbles: Ground = (drawing, random, tone, size) => {
  let content = rectangle(0, 0, size, size, css(shade(tone, -0.28)))
  const fills = Array.from({ length: 9 }, () => drawing.sphere(vary(random, tone, 0.17)))
  const step = random.range(11, 24)
  for (let y = -step; y < size + step; y += step * 0.72)
    for (let x = -step; x < size + step; x += step) {
      content += ellipse(
        x + random.range(-0.4, 0.4) * step,
        y + random.range(-0.3, 0.3) * step,
        step * random.range(0.4, 0.68),
        step * random.range(0.3, 0.5),
        random.pick(fills),
        `transform="rotate(${random.integer(-30, 30)} ${round(x)} ${round(y)})"`,
      )
    }
  return content + noise(drawing, random, size, '.15', shade(tone, -0.3), 0.35, 2)
}

const fabric: Ground = (drawing, random, tone, size) => {
  const first = random.range(6, 26)
  const second = random.range(6, 26)
  let content = rectangle(-size, -size, size * 3, size * 3, css(tone))
  const stripe = vary(random, tone, 0.35)
  for (let x = -size * 0.5; x < size * 1.5; x += first * 2)
    content += rectangle(x, -size, first, size * 3, css(stripe), 'opacity=".5"')
  if (random.chance(0.6))
    for (let y = -size * 0.5; y < size * 1.5; y += second * 2)
      content += rectangle(-size, y, size * 3, second, css(shade(stripe, -0.12)), 'opacity=".5"')
  let folds = ''
  for (let i = 0; i < 5; i++) {
    const x = random.range(0, size)
    folds += line(
      d`M${x} -10C${x + random.range(-50, 50)} 70 ${x + random.range(-50, 50)} 150 ${x + random.range(-60, 60)} 240`,
      i % 2 ? '#fff' : '#000',
      random.range(6, 20),
      'opacity=".2"',
    )
  }
  const soft = drawing.define(
    name => `<filter id="${name}" ${region(size)}><feGaussianBlur stdDeviation="7"/></filter>`,
  )
  return `${turned(random, size, content)}<g filter="${soft}">${folds}</g>`
}

const sky: Ground = (drawing, random, tone, size) =>
  rectangle(0, 0, size, size, drawing.linear([shade(tone, -0.1), shade(tone, 0.15)], 90)) +
  noise(
    drawing,
    random,
    size,
    `${random.range(0.006, 0.014).toFixed(4)} ${random.range(0.014, 0.03).toFixed(4)}`,
    shade({ ...tone, saturation: tone.saturation * 0.3 }, 0.2),
    1.1,
    4,
  )

const water: Ground = (drawing, random, tone, size) =>
  relief(
    drawing,
    random,
    size,
    `${random.range(0.008, 0.03).toFixed(3)} ${random.range(0.06, 0.16).toFixed(3)}`,
    random.range(1.2, 4),
    shade(tone, 0.08),
  )

const grounds: readonly Ground[] = [plaster, planks, tiles, foliage, bokeh, pebbles, fabric, sky, water]

/** A colour for a surface: mostly muted, of any lightness. */
export function surfaceColour(random: Random): Colour {
  return {
    hue: naturalHue(random),
    saturation: random.chance(0.3) ? random.range(0.3, 0.55) : random.range(0.03, 0.3),
    lightness: random.range(0.34, 0.74),
  }
}

/** A background of one surface, or of a near one before a far, blurred one. */
export function background(drawing: Drawing, random: Random, tone: Colour, size: number): string {
  const near = random.pick(grounds)(drawing, random, tone, size)
  if (random.chance(0.55)) return near
  const horizon = size * random.range(0.25, 0.6)
  const slope = random.range(-14, 14)
  const far = random.pick([bokeh, sky, foliage, tiles, planks])(drawing, random, surfaceColour(random), size)
  const blur = drawing.define(
    name =>
      `<filter id="${name}" ${region(size)}><feGaussianBlur stdDeviation="${round(random.range(0.8, 2.6))}"/></filter>`,
  )
  const shape = path(d`M0 ${horizon - slope}L${size} ${horizon + slope}L${size} ${size}L0 ${size}Z`, '#000')
  const edge = line(
    d`M-5 ${horizon - slope}L${size + 5} ${horizon + slope}`,
    css(shade(tone, random.pick([-0.25, 0.2]))),
    random.range(1, 5),
    'opacity=".7"',
  )
  return `<g filter="${blur}">${far}</g>${drawing.clip(shape, near)}${edge}`
}
