import { css, d, ellipse, line, path, rectangle, round, type Shape, shade } from './drawing.js'

/** A cup with one handle. */
export const mug: Shape = (drawing, random, palette) => {
  const top = random.range(21, 27)
  const bottom = top * random.range(0.68, 1)
  const half = random.range(24, 31)
  const rim = top * random.range(0.2, 0.32)
  const bow = random.range(15, 21)
  const body = d`M${-top} ${-half}C${-top} ${half * 0.2} ${-bottom} ${half * 0.4} ${-bottom} ${half}A${bottom} ${rim * 0.8} 0 0 0 ${bottom} ${half}C${bottom} ${half * 0.4} ${top} ${half * 0.2} ${top} ${-half}Z`
  const handle = d`M${top - 2} ${-half * 0.55}C${top + bow} ${-half * 0.75} ${top + bow} ${half * 0.6} ${bottom - 1} ${half * 0.55}`
  const width = random.range(5.5, 8)
  let pattern = ''
  const bands = random.integer(0, 3)
  for (let i = 0; i < bands; i++) {
    const y = random.range(-half * 0.7, half * 0.9)
    pattern += line(
      d`M${-top - 2} ${y}Q0 ${y + rim * 1.6} ${top + 2} ${y}`,
      css(random.chance(0.5) ? palette.second : palette.light),
      random.range(2, 8),
      'opacity=".85"',
    )
  }
  if (bands === 0 && random.chance(0.7)) {
    const size = random.range(5, 10)
    pattern = ellipse(random.range(-6, 6), 4, size, size * random.range(0.7, 1.2), css(palette.accent))
  }
  return (
    line(handle, css(shade(palette.main, -0.12)), width) +
    line(handle, css(shade(palette.main, 0.1)), width * 0.35) +
    path(body, drawing.cylinder(palette.main)) +
    drawing.clip(path(body, '#000'), pattern) +
    ellipse(0, -half, top, rim, css(shade(palette.main, 0.16))) +
    ellipse(
      0,
      -half + 0.5,
      top - 2.2,
      rim - 1.4,
      drawing.linear([shade(palette.main, -0.32), shade(palette.main, -0.1)], 80),
    ) +
    (random.chance(0.5)
      ? ellipse(0, -half + rim * 0.35, top - 4.5, rim * 0.55, css(palette.dark), 'opacity=".9"')
      : '')
  )
}

/** A round pot with a spout, a handle, and a lid with a knob. */
export const teapot: Shape = (drawing, random, palette) => {
  const wide = random.range(25, 29)
  const high = wide * random.range(0.72, 0.98)
  const lid = wide * random.range(0.45, 0.62)
  const knob = random.range(3.2, 5)
  const rise = random.range(0.55, 0.95)
  const bow = random.range(15, 20)
  const handle = d`M${wide * 0.78} ${-high * 0.55}C${wide + bow} ${-high * 0.9} ${wide + bow} ${high * 0.7} ${wide * 0.8} ${high * 0.5}`
  const spout = d`M${-wide * 0.78} ${high * 0.5}C${-wide - 10} ${high * 0.3} ${-wide - 6} ${-high * rise + 8} ${-wide - 18} ${-high * rise}L${-wide - 12} ${-high * rise - 4}C${-wide - 2} ${-high * rise + 4} ${-wide - 4} ${-high * 0.1} ${-wide * 0.8} ${-high * 0.3}Z`
  const body = `<ellipse rx="${round(wide)}" ry="${round(high)}"/>`
  let pattern = ''
  const dots = random.integer(0, 9)
  for (let i = 0; i < dots; i++)
    pattern += ellipse(
      random.range(-wide, wide),
      random.range(-high, high),
      random.range(1.5, 4),
      random.range(1.5, 4),
      css(palette.accent),
      'opacity=".8"',
    )
  if (random.chance(0.5))
    pattern += line(
      d`M${-wide} ${high * 0.1}Q0 ${high * 0.55} ${wide} ${high * 0.1}`,
      css(palette.second),
      random.range(2, 7),
    )
  return (
    line(handle, css(shade(palette.main, -0.14)), random.range(5, 7)) +
    line(handle, css(shade(palette.main, 0.12)), 1.8) +
    path(spout, drawing.linear([shade(palette.main, -0.2), shade(palette.main, 0.08)], 20)) +
    ellipse(0, high * 0.93, wide * 0.55, high * 0.12, css(shade(palette.main, -0.22))) +
    ellipse(0, 0, wide, high, drawing.sphere(palette.main)) +
    drawing.clip(body, pattern) +
    path(
      d`M${-lid} ${-high * 0.82}C${-lid * 0.8} ${-high * 1.22} ${lid * 0.8} ${-high * 1.22} ${lid} ${-high * 0.82}Q0 ${-high * 0.66} ${-lid} ${-high * 0.82}Z`,
      drawing.cylinder(random.chance(0.5) ? palette.second : shade(palette.main, 0.05)),
    ) +
    ellipse(0, -high * 1.1 - knob * 0.7, knob, knob, drawing.sphere(palette.accent))
  )
}

/** A hull with a mast, a main sail and a fore sail. */
export const sailboat: Shape = (drawing, random, palette) => {
  const half = random.range(29, 37)
  const deck = random.range(22, 26)
  const depth = random.range(10, 15)
  const mast = random.range(-48, -42)
  const place = random.range(-5, 3)
  const boom = deck - random.range(4, 7)
  const reach = half * random.range(0.75, 0.95)
  const hull = d`M${-half - 4} ${deck - 3}Q0 ${deck + 3} ${half} ${deck - 1}L${half - 6} ${deck + depth * 0.75}Q${half * 0.4} ${deck + depth} ${-half * 0.3} ${deck + depth}Q${-half * 0.8} ${deck + depth * 0.8} ${-half - 4} ${deck - 3}Z`
  const sail = d`M${place + 2} ${mast + 3}Q${place + reach * 0.75} ${-8} ${place + reach} ${boom}Q${place + reach * 0.5} ${boom + 2.5} ${place + 2} ${boom}Z`
  const fore = d`M${place - 2.5} ${mast + random.range(6, 12)}Q${place - half * 0.35} ${boom - 18} ${-half * 0.92} ${boom + 1}Q${place - half * 0.4} ${boom - 3} ${place - 2.5} ${boom}Z`
  const cloth = random.chance(0.6) ? palette.light : palette.main
  let stripes = ''
  const count = random.integer(0, 3)
  for (let i = 0; i < count; i++) {
    const y = random.range(mast + 15, boom)
    stripes += line(d`M-40 ${y}Q10 ${y + 5} 45 ${y - 2}`, css(palette.accent), random.range(2, 6))
  }
  return (
    line(d`M${place} ${mast}L${place} ${deck + 3}`, css(shade(palette.dark, 0.1)), random.range(1.6, 2.4)) +
    path(sail, drawing.linear([shade(cloth, -0.18), shade(cloth, 0.04), shade(cloth, -0.08)])) +
    drawing.clip(path(sail, '#000'), stripes) +
    path(fore, drawing.linear([shade(palette.second, 0.08), shade(palette.second, -0.12)])) +
    path(hull, drawing.linear([shade(palette.main, 0.06), shade(palette.main, -0.22)], 90)) +
    drawing.clip(
      path(hull, '#000'),
      line(d`M-50 ${deck + 4}Q0 ${deck + 9} 50 ${deck + 5}`, css(palette.second), random.range(1.5, 4)),
    ) +
    (random.chance(0.5)
      ? path(d`M${place} ${mast}l${random.range(8, 13)} 3l${-random.range(8, 11)} 3.5Z`, css(palette.accent))
      : '')
  )
}

/** A domed canopy of panels on a stick with a hooked handle. */
export const umbrella: Shape = (drawing, random, palette) => {
  const half = random.range(38, 45)
  const top = random.range(-40, -34)
  const edge = top + half * random.range(0.72, 0.95)
  const panels = random.integer(4, 6)
  const drop = random.range(3, 6)
  const end = random.range(36, 42)
  const hook = random.range(5, 8)
  const other = random.chance(0.65) ? palette.second : shade(palette.main, -0.1)
  let canopy = ''
  for (let i = 0; i < panels; i++) {
    const at = (step: number): number => -half * Math.cos((Math.PI * step) / panels)
    const [left, right] = [at(i), at(i + 1)]
    const colour = i % 2 === 0 ? palette.main : other
    canopy += path(
      d`M0 ${top}C${left * 0.72} ${top + 1} ${left} ${(top + edge) / 2} ${left} ${edge}Q${(left + right) / 2} ${edge - drop * 1.6} ${right} ${edge}C${right} ${(top + edge) / 2} ${right * 0.72} ${top + 1} 0 ${top}Z`,
      drawing.linear(
        [shade(colour, 0.14 - (0.24 * i) / panels), shade(colour, -0.06 - (0.2 * i) / panels)],
        75,
      ),
      `stroke="${css(shade(palette.main, -0.25))}" stroke-width=".7"`,
    )
  }
  const stick = css(shade(palette.dark, 0.12))
  return (
    line(d`M0 ${top - 5}L0 ${top + 2}`, stick, 2) +
    line(d`M0 ${top + 10}L0 ${end - 8}`, stick, random.range(1.8, 2.6)) +
    line(
      d`M0 ${end - 12}L0 ${end}A${hook} ${hook} 0 0 0 ${hook * 2} ${end}L${hook * 2} ${end - 3}`,
      css(palette.accent),
      random.range(3.4, 4.6),
    ) +
    canopy
  )
}

/** A ring-shaped bow, a shaft, and teeth at its end. */
export const key: Shape = (drawing, random, palette) => {
  const bow = random.range(15, 19)
  const hole = bow * random.range(0.42, 0.62)
  const y = -28
  const shaft = random.range(3, 4.2)
  const end = random.range(38, 44)
  const metal = palette.main
  const round = random.integer(0, 2)
  const outline =
    round === 0
      ? d`M${-bow} ${y}A${bow} ${bow} 0 1 0 ${bow} ${y}A${bow} ${bow} 0 1 0 ${-bow} ${y}Z`
      : round === 1
        ? d`M${-bow} ${y - bow * 0.4}Q0 ${y - bow * 1.5} ${bow} ${y - bow * 0.4}L${bow * 0.75} ${y + bow * 0.75}Q0 ${y + bow * 1.1} ${-bow * 0.75} ${y + bow * 0.75}Z`
        : d`M0 ${y + bow}C${-bow * 1.7} ${y + bow} ${-bow * 1.7} ${y - bow * 0.7} ${-bow * 0.45} ${y - bow * 0.25}C${-bow} ${y - bow * 1.4} ${bow} ${y - bow * 1.4} ${bow * 0.45} ${y - bow * 0.25}C${bow * 1.7} ${y - bow * 0.7} ${bow * 1.7} ${y + bow} 0 ${y + bow}Z`
  const opening = d`M${-hole} ${y}A${hole} ${hole} 0 1 0 ${hole} ${y}A${hole} ${hole} 0 1 0 ${-hole} ${y}Z`
  const teeth = random.integer(2, 4)
  let bits = ''
  for (let i = 0; i < teeth; i++)
    bits += rectangle(
      0,
      end - 4 - i * random.range(6, 7.5),
      shaft + random.range(6, 13),
      random.range(3.6, 5),
      drawing.sheet(metal),
    )
  return (
    path(outline + opening, drawing.sphere(metal), 'fill-rule="evenodd"') +
    rectangle(-shaft, y + bow - 2, shaft * 2, end - y - bow + 2, drawing.cylinder(metal), 'rx="1.5"') +
    bits +
    rectangle(
      -shaft - 1.8,
      y + bow + 1,
      shaft * 2 + 3.6,
      random.range(3, 5),
      css(shade(metal, 0.1)),
      'rx="1.5"',
    )
  )
}
