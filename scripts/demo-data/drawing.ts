import type { Random } from './random.js'

/** A colour: hue in degrees, saturation and lightness in 0..1. */
export interface Colour {
  hue: number
  saturation: number
  lightness: number
}

/** The colours one thing is painted with, drawn without looking at what the thing is. */
export interface Palette {
  main: Colour
  second: Colour
  accent: Colour
  dark: Colour
  light: Colour
}

/** Draws a shape in a box of about 100 x 100 units around the origin and returns SVG elements. */
export type Shape = (drawing: Drawing, random: Random, palette: Palette) => string

/** Rounds a coordinate, to keep the SVG short. */
export function round(value: number): number {
  return Math.round(value * 100) / 100
}

/** A copy of a colour, lighter (positive) or darker (negative) by `amount` of lightness. */
export function shade(colour: Colour, amount: number): Colour {
  return { ...colour, lightness: Math.min(0.97, Math.max(0.03, colour.lightness + amount)) }
}

/** A colour near `colour`: every part moves a little. */
export function vary(random: Random, colour: Colour, amount: number): Colour {
  return {
    hue: colour.hue + random.range(-60, 60) * amount,
    saturation: Math.min(1, Math.max(0, colour.saturation + random.range(-0.6, 0.6) * amount)),
    lightness: Math.min(0.97, Math.max(0.03, colour.lightness + random.range(-1, 1) * amount)),
  }
}

/** The colour as red, green and blue in 0..255. */
export function channels({ hue, saturation, lightness }: Colour): [number, number, number] {
  const spread = saturation * Math.min(lightness, 1 - lightness)
  const channel = (offset: number): number => {
    const place = (((offset + hue / 30) % 12) + 12) % 12
    return Math.round(255 * (lightness - spread * Math.max(-1, Math.min(place - 3, 9 - place, 1))))
  }
  return [channel(0), channel(8), channel(4)]
}

/** The colour as SVG writes it. */
export function css(colour: Colour): string {
  return `rgb(${channels(colour).join(',')})`
}

/** A hue as things around us have it: mostly earth, leaf or sky. */
export function naturalHue(random: Random): number {
  return random.range(
    ...random.pick<[number, number]>([
      [8, 48],
      [8, 48],
      [65, 135],
      [190, 228],
      [0, 360],
    ]),
  )
}

/** A random palette. */
export function randomPalette(random: Random): Palette {
  const hue = random.chance(0.4) ? naturalHue(random) : random.range(0, 360)
  const main = { hue, saturation: random.range(0.2, 0.85), lightness: random.range(0.34, 0.74) }
  const second = {
    hue: hue + random.pick([0, 25, -25, 120, 180, 210]),
    saturation: random.range(0.1, 0.8),
    lightness: random.chance(0.5) ? random.range(0.22, 0.4) : random.range(0.62, 0.85),
  }
  return {
    main,
    second,
    accent: {
      hue: random.range(0, 360),
      saturation: random.range(0.4, 0.95),
      lightness: random.range(0.4, 0.65),
    },
    dark: {
      hue: random.range(0, 360),
      saturation: random.range(0, 0.4),
      lightness: random.range(0.1, 0.22),
    },
    light: {
      hue: random.range(0, 360),
      saturation: random.range(0, 0.5),
      lightness: random.range(0.84, 0.95),
    },
  }
}

/** Collects the definitions (gradients, clips, filters) that the elements of one SVG refer to. */
export class Drawing {
  readonly #definitions: string[] = []

  /** Adds a definition; `write` receives the name it is to carry. */
  define(write: (name: string) => string): string {
    const name = `d${this.#definitions.length}`
    this.#definitions.push('')
    this.#definitions[Number(name.slice(1))] = write(name)
    return `url(#${name})`
  }

  /** A straight gradient through the given colours, across the shape that uses it. */
  linear(stops: readonly (Colour | [number, Colour])[], angle = 0): string {
    return this.define(
      name =>
        `<linearGradient id="${name}" gradientTransform="rotate(${round(angle)} .5 .5)">${writeStops(stops)}</linearGradient>`,
    )
  }

  /** A round gradient from the inside out, its centre given in parts of the shape's box. */
  radial(stops: readonly (Colour | [number, Colour])[], x = 0.38, y = 0.34, radius = 0.75): string {
    return this.define(
      name =>
        `<radialGradient id="${name}" cx="${round(x)}" cy="${round(y)}" r="${round(radius)}">${writeStops(stops)}</radialGradient>`,
    )
  }

  /** Shading of something round and upright, as a pot. */
  cylinder(colour: Colour): string {
    return this.linear([
      shade(colour, -0.16),
      [0.28, shade(colour, 0.13)],
      [0.55, colour],
      [1, shade(colour, -0.22)],
    ])
  }

  /** Shading of a ball. */
  sphere(colour: Colour): string {
    return this.radial([shade(colour, 0.2), [0.45, colour], shade(colour, -0.24)])
  }

  /** A light change of tone over a flat thing. */
  sheet(colour: Colour, angle = 70): string {
    return this.linear([shade(colour, 0.08), shade(colour, -0.1)], angle)
  }

  /** Keeps of `content` only what lies inside `outline`. */
  clip(outline: string, content: string): string {
    const reference = this.define(name => `<clipPath id="${name}">${outline}</clipPath>`)
    return `<g clip-path="${reference}">${content}</g>`
  }

  /** The SVG with `content`, showing only what lies in `view`. */
  document(view: { left: number; top: number; right: number; bottom: number }, content: string): Buffer {
    const [width, height] = [view.right - view.left, view.bottom - view.top]
    return Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${view.left} ${view.top} ${width} ${height}"><defs>${this.#definitions.join('')}</defs>${content}</svg>`,
    )
  }
}

function writeStops(stops: readonly (Colour | [number, Colour])[]): string {
  return stops
    .map((stop, i) => {
      const [offset, colour] = Array.isArray(stop) ? stop : [i / Math.max(1, stops.length - 1), stop]
      return `<stop offset="${round(offset)}" stop-color="${css(colour)}"/>`
    })
    .join('')
}

/** A filled path. */
export function path(d: string, fill: string, more = ''): string {
  return `<path d="${d}" fill="${fill}" ${more}/>`
}

/** An open line of the given width with round ends. */
export function line(d: string, stroke: string, width: number, more = ''): string {
  return `<path d="${d}" fill="none" stroke="${stroke}" stroke-width="${round(width)}" stroke-linecap="round" stroke-linejoin="round" ${more}/>`
}

/** A filled ellipse. */
export function ellipse(x: number, y: number, rx: number, ry: number, fill: string, more = ''): string {
  return `<ellipse cx="${round(x)}" cy="${round(y)}" rx="${round(rx)}" ry="${round(ry)}" fill="${fill}" ${more}/>`
}

/** A filled rectangle. */
export function rectangle(
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
  more = '',
): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}" ${more}/>`
}

/** Joins commands and numbers of a path, rounding the numbers. */
export function d(parts: TemplateStringsArray, ...values: number[]): string {
  return parts.map((part, i) => part + (i < values.length ? round(values[i]!) : '')).join('')
}
