import { css, d, ellipse, line, path, rectangle, type Shape, shade } from './drawing.js'
import { key, mug, sailboat, teapot, umbrella } from './vessels.js'

/** Two spoked wheels joined by a frame, with handlebar, saddle and pedals. */
const bicycle: Shape = (drawing, random, palette) => {
  const wheel = random.range(18.5, 21.5)
  const back = -28
  const front = 28
  const ground = 14
  const tyre = random.range(3.2, 4.8)
  const tube = random.range(3, 4.2)
  const seat = random.range(-18, -13)
  const head = random.range(-20, -15)
  const pedal = -3
  const frame = css(palette.main)
  const rubber = css(random.chance(0.7) ? palette.dark : palette.second)
  let wheels = ''
  for (const x of [back, front]) {
    let spokes = ''
    const count = random.integer(5, 8)
    for (let i = 0; i < count; i++) {
      const angle = (Math.PI * i) / count
      const [cos, sin] = [Math.cos(angle) * wheel, Math.sin(angle) * wheel]
      spokes += d`M${x - cos} ${ground - sin}L${x + cos} ${ground + sin}`
    }
    wheels +=
      line(spokes, css(palette.light), 0.8) +
      ellipse(x, ground, wheel, wheel, 'none', `stroke="${rubber}" stroke-width="${tyre.toFixed(1)}"`) +
      ellipse(
        x,
        ground,
        wheel - tyre * 0.75,
        wheel - tyre * 0.75,
        'none',
        `stroke="${css(palette.second)}" stroke-width="1"`,
      ) +
      ellipse(x, ground, 2.6, 2.6, css(palette.second))
  }
  const diamond =
    d`M${back} ${ground}L${pedal} ${ground}L${front - 9} ${head + 6}L${back + 13} ${seat + 8}Z` +
    d`M${back + 11} ${seat}L${pedal} ${ground}M${front} ${ground}L${front - 11} ${head}`
  return (
    wheels +
    line(diamond, frame, tube) +
    line(diamond, css(shade(palette.main, 0.18)), tube * 0.3) +
    ellipse(pedal, ground, 5, 5, drawing.sphere(palette.second)) +
    line(d`M${pedal - 5} ${ground + 8}L${pedal + 5} ${ground - 8}`, css(palette.dark), 2.2) +
    line(d`M${pedal - 8} ${ground + 8}h6M${pedal + 2} ${ground - 8}h6`, css(palette.dark), 2.4) +
    path(
      d`M${back + 3} ${seat - 3}Q${back + 12} ${seat - 6} ${back + 20} ${seat - 1}Q${back + 12} ${seat + 3} ${back + 3} ${seat - 3}Z`,
      css(palette.accent),
      `stroke="${css(palette.accent)}" stroke-width="2" stroke-linejoin="round"`,
    ) +
    line(
      random.chance(0.5)
        ? d`M${front - 11} ${head}l-1.5 -6l8 -1.5q6 1 4 6`
        : d`M${front - 11} ${head}l-1.5 -6l-9 -2M${front - 12} ${head - 6}l5 -3`,
      css(palette.dark),
      2.8,
    )
  )
}

/** A cap over a stem, mostly with spots. */
const mushroom: Shape = (drawing, random, palette) => {
  const half = random.range(30, 38)
  const top = random.range(-38, -28)
  const edge = random.range(-4, 4)
  const under = random.range(4, 8)
  const stem = random.range(8, 12)
  const foot = stem * random.range(1.05, 1.6)
  const end = random.range(34, 42)
  const lean = random.range(-5, 5)
  const cap = d`M${-half} ${edge}C${-half} ${top * 0.75} ${-half * 0.55} ${top} 0 ${top}C${half * 0.55} ${top} ${half} ${top * 0.75} ${half} ${edge}Q0 ${edge + under * 2.2} ${-half} ${edge}Z`
  const flesh = random.chance(0.6) ? palette.light : palette.second
  let spots = ''
  const count = random.integer(3, 10)
  if (random.chance(0.75))
    for (let i = 0; i < count; i++) {
      const size = random.range(2, 5.5)
      spots += ellipse(
        random.range(-half * 0.9, half * 0.9),
        random.range(top + 3, edge),
        size,
        size * 0.75,
        css(palette.light),
        'opacity=".92"',
      )
    }
  let gills = ''
  for (let i = -6; i <= 6; i++)
    gills += d`M${i * 1.2} ${edge + under * 0.2}L${i * half * 0.16} ${edge + under * 1.6}`
  return (
    path(
      d`M${-stem} ${edge}C${-stem * 0.8} ${end * 0.5} ${-foot + lean} ${end * 0.6} ${-foot + lean} ${end - 3}Q${lean} ${end + 4} ${foot + lean} ${end - 3}C${foot + lean} ${end * 0.6} ${stem * 0.8} ${end * 0.5} ${stem} ${edge}Z`,
      drawing.cylinder(flesh),
    ) +
    path(
      cap,
      drawing.radial([shade(palette.main, 0.17), palette.main, shade(palette.main, -0.22)], 0.4, 0.25, 0.8),
    ) +
    drawing.clip(
      path(cap, '#000'),
      spots +
        path(
          d`M${-half} ${edge}Q0 ${edge - under} ${half} ${edge}Q0 ${edge + under * 2.4} ${-half} ${edge}Z`,
          drawing.linear([shade(flesh, -0.3), shade(flesh, -0.12)], 90),
        ) +
        line(gills, css(shade(flesh, -0.35)), 0.7),
    ) +
    (random.chance(0.4)
      ? path(
          d`M${-stem - 2} ${edge + under + 6}Q0 ${edge + under + 1} ${stem + 2} ${edge + under + 6}L${stem + 4} ${edge + under + 10}Q0 ${edge + under + 13} ${-stem - 4} ${edge + under + 10}Z`,
          css(shade(flesh, -0.06)),
        )
      : '')
  )
}

/** A swimming fish seen from the side, with tail, fins, gill and eye. */
const fish: Shape = (drawing, random, palette) => {
  const half = random.range(28, 33)
  const belly = half * random.range(0.46, 0.68)
  const tail = random.range(13, 18)
  const spread = belly * random.range(0.8, 1.15)
  const body = d`M${-half - 5} 1Q${-half * 0.7} ${-belly} 0 ${-belly}C${half * 0.5} ${-belly} ${half * 0.8} ${-belly * 0.3} ${half} ${-2.5}L${half} 2.5C${half * 0.8} ${belly * 0.35} ${half * 0.4} ${belly} ${-4} ${belly}Q${-half * 0.75} ${belly * 0.9} ${-half - 5} 1Z`
  const fin = drawing.linear([shade(palette.second, 0.08), shade(palette.second, -0.14)], 40)
  let marks = ''
  const stripes = random.integer(0, 4)
  for (let i = 0; i < stripes; i++) {
    const x = random.range(-half * 0.3, half * 0.8)
    marks += line(
      d`M${x} ${-belly - 2}Q${x + 6} 0 ${x - 1} ${belly + 2}`,
      css(palette.accent),
      random.range(2, 6),
      'opacity=".85"',
    )
  }
  if (stripes < 2)
    for (let row = -2; row <= 2; row++)
      for (let i = 0; i < 6; i++) {
        const x = -half * 0.25 + i * 7 + (row % 2) * 3.5
        marks += line(d`M${x} ${row * 6 - 3}q3.5 3 0 6`, css(shade(palette.main, -0.2)), 0.9)
      }
  return (
    path(
      d`M${half - 4} 0C${half + 2} ${-3} ${half + tail * 0.5} ${-spread * 0.6} ${half + tail} ${-spread}Q${half + tail * 0.6} 0 ${half + tail} ${spread}C${half + tail * 0.5} ${spread * 0.6} ${half + 2} 3 ${half - 4} 0Z`,
      fin,
    ) +
    path(
      d`M${-half * 0.35} ${-belly * 0.9}Q${-2} ${-belly - random.range(9, 15)} ${half * 0.55} ${-belly - 5}Q${half * 0.4} ${-belly * 0.9} ${half * 0.55} ${-belly * 0.5}Z`,
      fin,
    ) +
    path(
      d`M${-6} ${belly * 0.85}Q0 ${belly + random.range(8, 13)} ${half * 0.4} ${belly + 6}L${half * 0.35} ${belly * 0.6}Z`,
      fin,
    ) +
    path(
      body,
      drawing.linear(
        [shade(palette.main, 0.02), [0.45, shade(palette.main, 0.12)], shade(palette.main, -0.2)],
        90,
      ),
    ) +
    drawing.clip(path(body, '#000'), marks) +
    line(
      d`M${-half * 0.45} ${-belly * 0.65}Q${-half * 0.22} 0 ${-half * 0.5} ${belly * 0.6}`,
      css(shade(palette.main, -0.28)),
      1.6,
    ) +
    path(
      d`M${-half * 0.25} 3Q${-2} 1 ${random.range(4, 9)} ${belly * 0.45}Q${-4} ${belly * 0.75} ${-half * 0.25} 3Z`,
      fin,
    ) +
    ellipse(-half * 0.72, -belly * 0.22, 4, 4, css(palette.light)) +
    ellipse(-half * 0.74, -belly * 0.22, 2.3, 2.3, '#111') +
    line(d`M${-half - 3} 4q4 1.5 7 .5`, css(shade(palette.main, -0.3)), 1.3)
  )
}

/** A waisted body with a sound hole, a long neck with strings, and a head with pegs. */
const guitar: Shape = (drawing, random, palette) => {
  const hip = random.range(18, 22)
  const shoulder = hip * random.range(0.7, 0.85)
  const waist = shoulder * random.range(0.66, 0.82)
  const neck = random.range(2.4, 3.2)
  const hole = waist * random.range(0.42, 0.55)
  const top = -46
  const body = d`M0 -8C${shoulder * 1.3} -9 ${shoulder * 1.2} 6 ${waist} 12C${hip * 0.9} 18 ${hip * 1.25} 24 ${hip} 36C${hip * 0.8} 47 ${-hip * 0.8} 47 ${-hip} 36C${-hip * 1.25} 24 ${-hip * 0.9} 18 ${-waist} 12C${-shoulder * 1.2} 6 ${-shoulder * 1.3} -9 0 -8Z`
  let pegs = ''
  for (let i = 0; i < 3; i++)
    for (const side of [-1, 1])
      pegs += ellipse(side * (neck + 3.4), top + 2 + i * 4, 1.9, 1.3, css(palette.second))
  let frets = ''
  for (let i = 0; i < 9; i++) frets += d`M${-neck} ${-32 + i * 3.6}h${neck * 2}`
  const wood = css(shade(palette.dark, 0.1))
  return (
    pegs +
    path(
      body,
      drawing.radial([shade(palette.main, 0.16), palette.main, shade(palette.main, -0.24)], 0.45, 0.6, 0.65),
      `stroke="${css(shade(palette.main, -0.3))}" stroke-width="1.8"`,
    ) +
    (random.chance(0.5)
      ? path(
          d`M${hole} 16Q${hip * 0.9} 22 ${hip * 0.6} 32Q${hole} 30 ${hole * 0.5} 20Z`,
          css(palette.second),
          'opacity=".9"',
        )
      : '') +
    ellipse(0, 13, hole + 1.6, hole + 1.6, css(palette.accent)) +
    ellipse(0, 13, hole, hole, '#15110f') +
    rectangle(-neck, -35, neck * 2, 42, wood) +
    line(frets, css(shade(palette.light, -0.15)), 0.6) +
    path(
      d`M${-neck} -34L${-neck - 2.2} ${top}Q0 ${top - 4} ${neck + 2.2} ${top}L${neck} -34Z`,
      drawing.sheet(palette.second),
    ) +
    rectangle(-hip * 0.42, 31, hip * 0.84, 3.4, wood, 'rx="1"') +
    line(d`M-1.6 -42L-1.8 32M0 -42L0 32M1.6 -42L1.8 32`, css(palette.light), 0.5)
  )
}

/** Two pairs of patterned wings at a slim body with feelers. */
const butterfly: Shape = (drawing, random, palette) => {
  const span = random.range(37, 44)
  const rise = random.range(24, 33)
  const low = span * random.range(0.6, 0.8)
  const drop = random.range(22, 31)
  const edge = `stroke="${css(random.chance(0.7) ? palette.dark : palette.second)}" stroke-width="${random.range(1.5, 3.6).toFixed(1)}" stroke-linejoin="round"`
  const upper = d`M1 -4C${span * 0.25} ${-rise - 4} ${span * 0.8} ${-rise - 8} ${span} ${-rise}C${span + 3} ${-rise * 0.5} ${span * 0.8} 3 ${span * 0.45} 4Q12 6 1 2Z`
  const lower = d`M1 2Q${low * 0.5} 2 ${low * 0.9} 7C${low + 5} 14 ${low * 0.9} ${drop} ${low * 0.6} ${drop + 4}C${low * 0.4} ${drop + 6} 6 18 1 8Z`
  const inner = random.chance(0.6) ? palette.accent : palette.second
  const [a, b] = [random.range(3, 6), random.range(2, 5)]
  const [x, y] = [random.range(0.55, 0.8), random.range(0.45, 0.7)]
  const spots =
    ellipse(span * x, -rise * y, a, a * 0.9, css(inner)) +
    ellipse(span * 0.35, -rise * 0.35, b, b * 0.8, css(palette.light)) +
    ellipse(low * 0.6, drop * 0.6, b * 1.1, b, css(inner)) +
    (random.chance(0.6) ? ellipse(span * x, -rise * y, a * 0.45, a * 0.45, css(palette.dark)) : '')
  const veins = line(
    d`M2 -2L${span * 0.9} ${-rise * 0.9}M2 -1L${span * 0.9} ${-rise * 0.35}M2 3L${low * 0.9} 14M2 4L${low * 0.55} ${drop}`,
    css(shade(palette.main, -0.25)),
    0.8,
  )
  const wing =
    path(
      lower,
      drawing.radial([shade(palette.second, 0.1), shade(palette.second, -0.15)], 0.2, 0.2, 1),
      edge,
    ) +
    path(
      upper,
      drawing.radial([shade(palette.main, 0.15), palette.main, shade(palette.main, -0.15)], 0.1, 0.8, 1),
      edge,
    ) +
    veins +
    spots
  const tall = random.range(15, 20)
  const feeler = random.range(8, 13)
  const body = css(shade(palette.dark, 0.04))
  return (
    wing +
    `<g transform="scale(-1 1)">${wing}</g>` +
    line(d`M-1 -12Q-3 -22 ${-feeler} -27M1 -12Q3 -22 ${feeler} -27`, body, 1.3) +
    ellipse(-feeler, -27, 1.6, 1.6, body) +
    ellipse(feeler, -27, 1.6, 1.6, body) +
    ellipse(0, 3, random.range(2.6, 3.6), tall, drawing.cylinder(shade(palette.dark, 0.1))) +
    ellipse(0, -12.5, 3.4, 3.4, body)
  )
}

/** What a class looks like and how far it may be turned. */
export interface ObjectKind {
  name: string
  synset: string
  shape: Shape
  /** Largest turn to either side, in degrees. */
  turn: number
}

/** The ten classes, in the order of their synsets. */
export const objectKinds: readonly ObjectKind[] = [
  { synset: 'n90000000', name: 'bicycle', shape: bicycle, turn: 20 },
  { synset: 'n90000001', name: 'butterfly', shape: butterfly, turn: 55 },
  { synset: 'n90000002', name: 'fish', shape: fish, turn: 35 },
  { synset: 'n90000003', name: 'guitar', shape: guitar, turn: 55 },
  { synset: 'n90000004', name: 'key', shape: key, turn: 55 },
  { synset: 'n90000005', name: 'mug', shape: mug, turn: 20 },
  { synset: 'n90000006', name: 'mushroom', shape: mushroom, turn: 25 },
  { synset: 'n90000007', name: 'sailboat', shape: sailboat, turn: 20 },
  { synset: 'n90000008', name: 'teapot', shape: teapot, turn: 20 },
  { synset: 'n90000009', name: 'umbrella', shape: umbrella, turn: 30 },
]
