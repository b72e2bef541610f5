import {
  type Colour,
  css,
  type Drawing,
  d,
  ellipse,
  line,
  path,
  rectangle,
  round,
  type Shape,
  shade,
} from './drawing.js'
import type { Random } from './random.js'

const ball: Shape = (drawing, random, palette) => {
  const circle = '<circle r="48"/>'
  let marks = ''
  const count = random.integer(0, 2)
  for (let i = 0; i < count; i++) {
    const y = random.range(-30, 30)
    marks += line(
      d`M-52 ${y}Q0 ${y + random.range(-25, 25)} 52 ${y}`,
      css(palette.second),
      random.range(5, 20),
      'opacity=".85"',
    )
  }
  return ellipse(0, 0, 48, 48, drawing.sphere(palette.main)) + drawing.clip(circle, marks)
}

const block: Shape = (drawing, random, palette) => {
  const wide = random.range(25, 42)
  const high = random.range(22, 40)
  const deep = random.range(8, 20)
  return (
    rectangle(-wide, -high + deep, wide * 2 - deep, high * 2 - deep, drawing.sheet(palette.main)) +
    path(
      d`M${-wide} ${-high + deep}l${deep} ${-deep}H${wide}l${-deep} ${deep}Z`,
      css(shade(palette.main, 0.14)),
    ) +
    path(
      d`M${wide - deep} ${-high + deep}l${deep} ${-deep}V${high - deep}l${-deep} ${deep}Z`,
      css(shade(palette.main, -0.2)),
    )
  )
}

const stick: Shape = (drawing, random, palette) => {
  const bend = random.range(-14, 14)
  const width = random.range(6, 11)
  const main = d`M-46 ${bend}Q0 ${-bend} 46 ${bend * 0.4}`
  const twig = random.chance(0.6) ? d`M${random.range(-10, 10)} 0l${random.range(8, 18)} -18` : ''
  return (
    line(twig, css(palette.main), width * 0.6) +
    line(main, css(shade(palette.main, -0.1)), width) +
    line(main, drawing.sheet(shade(palette.main, 0.16)), width * 0.3)
  )
}

function leafAt(drawing: Drawing, colour: Colour, width: number): string {
  return (
    path(
      d`M-46 0C-25 ${-width} 20 ${-width} 46 0C20 ${width} -25 ${width} -46 0Z`,
      drawing.linear([shade(colour, 0.08), shade(colour, -0.12)], 90),
    ) +
    line(
      'M-48 0L42 0M-20 0l14 -10M-20 0l14 10M0 0l14 -10M0 0l14 10M18 0l10 -7M18 0l10 7',
      css(shade(colour, -0.16)),
      1.4,
    )
  )
}

const leaf: Shape = (drawing, random, palette) => leafAt(drawing, palette.main, random.range(16, 32))

const sprig: Shape = (drawing, random, palette) => {
  let leaves = ''
  for (let i = 0; i < 7; i++) {
    const turn = (i % 2 ? 1 : -1) * random.range(30, 65)
    leaves += `<g transform="translate(${round(-36 + i * 11)} 0) rotate(${round(turn)}) scale(.3) translate(46 0)">${leafAt(drawing, palette.main, 24)}</g>`
  }
  return line('M-48 2Q0 -4 40 0', css(shade(palette.second, -0.1)), 3) + leaves
}

const bottle: Shape = (drawing, random, palette) => {
  const half = random.range(13, 18)
  const neck = half * random.range(0.32, 0.45)
  const shoulder = random.range(-22, -8)
  const glass = d`M${-neck} -42L${-neck} ${shoulder - 8}C${-neck} ${shoulder} ${-half} ${shoulder} ${-half} ${shoulder + 12}L${-half} 44Q0 50 ${half} 44L${half} ${shoulder + 12}C${half} ${shoulder} ${neck} ${shoulder} ${neck} ${shoulder - 8}L${neck} -42Z`
  return (
    path(glass, drawing.cylinder(palette.main)) +
    rectangle(-half, shoulder + 20, half * 2, random.range(12, 20), css(palette.light), 'opacity=".9"') +
    rectangle(-neck - 1, -48, neck * 2 + 2, 8, drawing.cylinder(palette.accent), 'rx="1.5"')
  )
}

const stone: Shape = (drawing, random, palette) => {
  const points: [number, number][] = []
  const count = random.integer(6, 9)
  const flat = random.range(0.55, 0.95)
  for (let i = 0; i < count; i++) {
    const angle = (2 * Math.PI * i) / count
    const radius = random.range(34, 48)
    points.push([Math.cos(angle) * radius, Math.sin(angle) * radius * flat])
  }
  let outline = ''
  for (let i = 0; i < count; i++) {
    const [x, y] = points[i]!
    const [nextX, nextY] = points[(i + 1) % count]!
    outline += i === 0 ? d`M${(x + nextX) / 2} ${(y + nextY) / 2}` : ''
    const [afterX, afterY] = points[(i + 2) % count]!
    outline += d`Q${nextX} ${nextY} ${(nextX + afterX) / 2} ${(nextY + afterY) / 2}`
  }
  return path(
    `${outline}Z`,
    drawing.sphere({ ...palette.main, saturation: palette.main.saturation * random.range(0.2, 1) }),
  )
}

const ring: Shape = (_drawing, random, palette) => {
  const width = random.range(8, 20)
  const radius = 48 - width / 2
  return (
    ellipse(
      0,
      0,
      radius,
      radius,
      'none',
      `stroke="${css(palette.main)}" stroke-width="${width.toFixed(1)}"`,
    ) +
    ellipse(
      0,
      0,
      radius,
      radius,
      'none',
      `stroke="${css(shade(palette.main, 0.16))}" stroke-width="${(width / 3).toFixed(1)}"`,
    )
  )
}

const pencil: Shape = (drawing, random, palette) => {
  const half = random.range(4.5, 7)
  return (
    rectangle(
      -48,
      -half,
      78,
      half * 2,
      drawing.linear([shade(palette.main, 0.14), palette.main, shade(palette.main, -0.2)], 90),
    ) +
    rectangle(-48, -half, 10, half * 2, css(palette.accent)) +
    rectangle(-38, -half, 5, half * 2, css(palette.light)) +
    path(d`M30 ${-half}L48 0L30 ${half}Z`, css(palette.light)) +
    path(d`M42 ${-half * 0.33}L48 0L42 ${half * 0.33}Z`, css(palette.dark))
  )
}

const can: Shape = (drawing, random, palette) => {
  const half = random.range(20, 30)
  const rim = half * 0.26
  return (
    path(
      d`M${-half} -34L${-half} 36A${half} ${rim} 0 0 0 ${half} 36L${half} -34Z`,
      drawing.cylinder(palette.main),
    ) +
    path(
      d`M${-half} -12A${half} ${rim} 0 0 0 ${half} -12L${half} 16A${half} ${rim} 0 0 1 ${-half} 16Z`,
      drawing.cylinder(palette.second),
    ) +
    ellipse(0, -34, half, rim, css(shade(palette.light, -0.1))) +
    ellipse(0, -33.5, half - 3, rim - 2, drawing.sheet(shade(palette.light, -0.24)))
  )
}

const book: Shape = (drawing, random, palette) => {
  const wide = random.range(24, 36)
  return (
    rectangle(-wide + 4, -39, wide * 2, 86, css(shade(palette.light, -0.05))) +
    rectangle(-wide, -45, wide * 2, 86, drawing.sheet(palette.main), 'rx="2"') +
    rectangle(-wide, -45, 6, 86, css(shade(palette.main, -0.16))) +
    rectangle(
      -wide * 0.5,
      random.range(-34, -10),
      wide * 1.2,
      random.range(6, 22),
      css(palette.second),
      'opacity=".9"',
    )
  )
}

const cone: Shape = (drawing, random, palette) => {
  const half = random.range(20, 34)
  const cut = d`M-3 -46L${-half} 38A${half} ${half * 0.25} 0 0 0 ${half} 38L3 -46Z`
  return (
    path(cut, drawing.cylinder(palette.main)) +
    drawing.clip(
      path(cut, '#000'),
      line(d`M-40 ${random.range(0, 16)}Q0 24 40 10`, css(palette.light), 11, 'opacity=".85"'),
    )
  )
}

const spoon: Shape = (drawing, random, palette) =>
  line('M-44 0L20 0', css(shade(palette.main, -0.05)), random.range(5, 8)) +
  ellipse(28, 0, 20, 13, css(shade(palette.main, 0.1))) +
  ellipse(28, 1, 16, 9.5, drawing.linear([shade(palette.main, -0.2), shade(palette.main, 0.12)], 80))

const button: Shape = (drawing, random, palette) => {
  let holes = ''
  const count = random.integer(2, 4)
  for (let i = 0; i < count; i++) {
    const angle = (2 * Math.PI * i) / count
    holes += ellipse(Math.cos(angle) * 13, Math.sin(angle) * 13, 5.5, 5.5, css(palette.dark))
  }
  return (
    ellipse(0, 0, 48, 48, drawing.sphere(palette.main)) +
    ellipse(0, 0, 36, 36, drawing.sheet(shade(palette.main, -0.08))) +
    holes
  )
}

const rope: Shape = (_drawing, random, palette) => {
  const sway = random.range(18, 40)
  const curve = d`M-46 ${random.range(-20, 20)}C-20 ${-sway * 1.5} -10 ${sway * 1.5} 8 0S30 ${-sway} 46 ${random.range(-20, 20)}`
  return (
    line(curve, css(palette.main), 7) +
    line(curve, css(shade(palette.main, 0.18)), 4, 'stroke-dasharray="1 6"')
  )
}

/** Things that lie about and belong to none of the classes. */
export const distractors: readonly Shape[] = [
  ball,
  block,
  stick,
  leaf,
  sprig,
  bottle,
  stone,
  ring,
  pencil,
  can,
  book,
  cone,
  spoon,
  button,
  rope,
]

/** One of them by chance. */
export function pickDistractor(random: Random): Shape {
  return random.pick(distractors)
}
