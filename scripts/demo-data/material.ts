import type { Drawing } from './drawing.js'
import { type Box, type Layer, nearImage, rasterise } from './layers.js'
import type { Random } from './random.js'

/** The light that all things in one scene share. */
export interface Light {
  /** Where the light comes from, in degrees, clockwise from the right. */
  azimuth: number
  elevation: number
  /** 0 for hard, 1 for soft shadows. */
  softness: number
  darkness: number
}

/** One number for each pixel of a rectangle. */
interface Plane {
  data: Float32Array
  width: number
  height: number
}

/** Gives flat shapes a rounded, lit surface, sometimes a grain, and a shadow on the ground. `box` holds the
 * content; `blur` is how far it is out of focus, in pixels. */
export async function lit(
  drawing: Drawing,
  random: Random,
  content: string,
  box: Box,
  light: Light,
  blur: number,
): Promise<Layer> {
  const extent = Math.max(box.right - box.left, box.bottom - box.top)
  const reach = 6 + extent * 0.16
  const cast = extent * random.range(0.05, 0.1)
  const surface = {
    puff: random.range(0.018, 0.04) * extent,
    depth: random.range(2.5, 6.5) * (extent / 100),
    gloss: random.range(0.3, 1.5),
    sharpness: random.integer(14, 40),
    texture: random.chance(0.35) ? grain(random) : undefined,
  }
  const layer = await rasterise(
    drawing,
    content,
    nearImage({
      left: box.left - reach,
      top: box.top - reach,
      right: box.right + reach,
      bottom: box.bottom + reach,
    }),
  )
  const cover = opacity(layer)
  shine(layer, cover, light, surface)
  throwShadow(layer, cover, light, cast, 1.2 + extent * (0.012 + 0.03 * light.softness))
  if (blur > 0.3) defocus(layer, blur)
  return layer
}

interface Surface {
  /** How far the rounding reaches in from the rim, in pixels. */
  puff: number
  depth: number
  gloss: number
  sharpness: number
  texture: ((x: number, y: number) => number) | undefined
}

function opacity({ pixels, box }: Layer): Plane {
  const [width, height] = [box.right - box.left, box.bottom - box.top]
  const data = new Float32Array(width * height)
  for (let i = 0; i < data.length; i++) data[i] = pixels[i * 4 + 3]! / 255
  return { data, width, height }
}

/** Lights the surface, taking the smoothed opacity for its height. */
function shine({ pixels }: Layer, cover: Plane, light: Light, surface: Surface): void {
  const { width, height } = cover
  const relief = smooth(cover, surface.puff).data
  const [azimuth, elevation] = [(light.azimuth * Math.PI) / 180, (light.elevation * Math.PI) / 180]
  const sunX = Math.cos(azimuth) * Math.cos(elevation)
  const sunY = Math.sin(azimuth) * Math.cos(elevation)
  const sunZ = Math.sin(elevation)
  const half = Math.hypot(sunX, sunY, sunZ + 1)
  const flatGlint = ((sunZ + 1) / half) ** surface.sharpness
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = y * width + x
      if (cover.data[i] === 0) continue
      const right = relief[x + 1 < width ? i + 1 : i]!
      const left = relief[x > 0 ? i - 1 : i]!
      const below = relief[y + 1 < height ? i + width : i]!
      const above = relief[y > 0 ? i - width : i]!
      const slopeX = -0.5 * surface.depth * (right - left)
      const slopeY = -0.5 * surface.depth * (below - above)
      const length = Math.sqrt(slopeX * slopeX + slopeY * slopeY + 1)
      const facing = (slopeX * sunX + slopeY * sunY + sunZ) / length
      const mirror = (slopeX * sunX + slopeY * sunY + sunZ + 1) / (length * half)
      const diffuse = 0.14 + 0.78 * Math.max(0, facing / sunZ)
      const glint = 255 * surface.gloss * Math.max(0, Math.max(0, mirror) ** surface.sharpness - flatGlint)
      const tint = surface.texture ? diffuse * surface.texture(x, y) : diffuse
      for (let at = i * 4; at < i * 4 + 3; at++) pixels[at] = Math.min(255, pixels[at]! * tint + glint)
    }
}

/** Puts a soft shadow behind the thing, away from the light. */
function throwShadow({ pixels }: Layer, cover: Plane, light: Light, cast: number, spread: number): void {
  const { width, height } = cover
  const angle = (light.azimuth * Math.PI) / 180
  const [offsetX, offsetY] = [Math.round(Math.cos(angle) * cast), Math.round(Math.sin(angle) * cast)]
  const shadow = smooth(cover, spread).data
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const fromX = x + offsetX
      const fromY = y + offsetY
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) continue
      const i = y * width + x
      const own = cover.data[i]!
      if (own === 1) continue
      const all = own + shadow[fromY * width + fromX]! * light.darkness * (1 - own)
      if (all <= 0) continue
      for (let at = i * 4; at < i * 4 + 3; at++) pixels[at] = Math.round((pixels[at]! * own) / all)
      pixels[i * 4 + 3] = Math.round(all * 255)
    }
}

/** Blurs a layer with its opacity. */
function defocus(layer: Layer, sigma: number): void {
  const { pixels } = layer
  const before = opacity(layer)
  const after = smooth(before, sigma).data
  for (let channel = 0; channel < 3; channel++) {
    const data = new Float32Array(before.data.length)
    for (let i = 0; i < data.length; i++) data[i] = before.data[i]! * pixels[i * 4 + channel]!
    const mixed = smooth({ ...before, data }, sigma).data
    for (let i = 0; i < mixed.length; i++)
      if (after[i]! > 0) pixels[i * 4 + channel] = Math.min(255, Math.round(mixed[i]! / after[i]!))
  }
  for (let i = 0; i < after.length; i++) pixels[i * 4 + 3] = Math.round(after[i]! * 255)
}

/** A copy, smoothed about as a Gaussian would: decaying means, there and back, twice over rows and columns. */
function smooth({ data, width, height }: Plane, sigma: number): Plane {
  const result = Float32Array.from(data)
  const part = (sigma * sigma) / 4
  const decay = (2 * part + 1 - Math.sqrt(4 * part + 1)) / (2 * part)
  for (let round = 0; round < 2; round++) {
    for (let y = 0; y < height; y++) sweep(result, y * width, 1, width, decay)
    for (let x = 0; x < width; x++) sweep(result, x, width, height, decay)
  }
  return { data: result, width, height }
}

function sweep(data: Float32Array, start: number, step: number, count: number, decay: number): void {
  const end = start + step * (count - 1)
  let held = data[start]!
  for (let i = start; i <= end; i += step) {
    held = data[i]! + (held - data[i]!) * decay
    data[i] = held
  }
  for (let i = end; i >= start; i -= step) {
    held = data[i]! + (held - data[i]!) * decay
    data[i] = held
  }
}

/** Uneven tones over a surface, as of wood, clay or cloth: factors around one. */
function grain(random: Random): (x: number, y: number) => number {
  const [coarseX, coarseY] = random.pick<[number, number]>([
    [9, 9],
    [2.5, 2.5],
    [1.6, 1.6],
    [14, 2.2],
    [2.2, 14],
  ])
  const strength = random.range(0.12, 0.4)
  const size = 64
  const lattice = Float32Array.from({ length: size * size }, () => random.range(-0.6, 0.6))
  const at = (x: number, y: number): number => lattice[(y % size) * size + (x % size)]!
  const ease = (part: number): number => part * part * (3 - 2 * part)
  return (x, y) => {
    const gridX = x / coarseX
    const gridY = y / coarseY
    const left = Math.floor(gridX)
    const top = Math.floor(gridY)
    const partX = ease(gridX - left)
    const partY = ease(gridY - top)
    const upper = at(left, top) + (at(left + 1, top) - at(left, top)) * partX
    const lower = at(left, top + 1) + (at(left + 1, top + 1) - at(left, top + 1)) * partX
    return 1 + strength * (upper + (lower - upper) * partY)
  }
}
