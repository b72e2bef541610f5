import { type Drawing, round } from './drawing.js'
import { imageSize } from './layers.js'
import type { Random } from './random.js'

/** Patches of light and shade over the whole picture. */
export function glow(drawing: Drawing, random: Random): string {
  let content = ''
  const count = random.integer(1, 3)
  for (let i = 0; i < count; i++) {
    const bright = random.chance(0.5)
    const colour = bright
      ? `rgb(255,${random.integer(225, 255)},${random.integer(190, 255)})`
      : `rgb(0,0,${random.integer(0, 30)})`
    const most = bright ? random.range(0.08, 0.32) : random.range(0.1, 0.34)
    const fill = drawing.define(
      name =>
        `<radialGradient id="${name}" gradientUnits="userSpaceOnUse" cx="${random.integer(-30, 254)}" cy="${random.integer(-30, 254)}" r="${random.integer(70, 210)}"><stop offset="0" stop-color="${colour}" stop-opacity="${round(most)}"/><stop offset="1" stop-color="${colour}" stop-opacity="0"/></radialGradient>`,
    )
    content += `<rect width="${imageSize}" height="${imageSize}" fill="${fill}"/>`
  }
  if (random.chance(0.25)) content += blinds(drawing, random)
  return content
}

/** Soft bars of shade, as light falls through a window. */
function blinds(drawing: Drawing, random: Random): string {
  const width = random.range(30, 90)
  const dark = round(random.range(0.15, 0.32))
  const fill = drawing.define(
    name =>
      `<linearGradient id="${name}" gradientUnits="userSpaceOnUse" spreadMethod="repeat" x1="0" y1="0" x2="${round(width)}" y2="${round(random.range(-30, 30))}"><stop offset="0" stop-opacity="0"/><stop offset=".45" stop-opacity="0"/><stop offset=".52" stop-opacity="${dark}"/><stop offset=".93" stop-opacity="${dark}"/><stop offset="1" stop-opacity="0"/></linearGradient>`,
  )
  return `<rect width="${imageSize}" height="${imageSize}" fill="${fill}"/>`
}

/** What a camera adds, in place: white balance, exposure, contrast, a darker rim, and noise. */
export function expose(pixels: Buffer, random: Random): void {
  const warmth = random.range(-0.07, 0.07)
  const exposure = random.range(0.92, 1.16)
  const gains = [exposure * (1 + warmth), exposure, exposure * (1 - warmth)]
  const contrast = random.range(0.92, 1.2)
  const rim = random.range(0, 0.28)
  const grain = random.range(1, 5.5)
  const middle = (imageSize - 1) / 2
  let at = 0
  for (let y = 0; y < imageSize; y++)
    for (let x = 0; x < imageSize; x++) {
      const away = ((x - middle) ** 2 + (y - middle) ** 2) / (2 * middle * middle)
      const vignette = 1 - rim * away
      const bits = random.bits()
      const shared = ((bits & 255) + ((bits >>> 8) & 255) - 255) / 104
      for (let channel = 0; channel < 3; channel++) {
        const own = (((bits >>> (16 + channel * 5)) & 31) - 15.5) / 18
        const value = pixels[at]! * gains[channel]! * vignette
        pixels[at] = clampByte((value - 118) * contrast + 118 + grain * (shared + 0.5 * own))
        at += 1
      }
    }
}

function clampByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : Math.round(value)
}
