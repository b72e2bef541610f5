import sharp from 'sharp'
import { background, surfaceColour } from './background.js'
import { expose, glow } from './camera.js'
import { pickDistractor } from './distractors.js'
import { Drawing, randomPalette, round } from './drawing.js'
import { type Box, frame, imageSize, type Layer, layOver, rasterise } from './layers.js'
import { type Light, lit } from './material.js'
import type { ObjectKind } from './objects.js'
import { placeObject } from './placement.js'
import { Random } from './random.js'

/** An image as encoded, with the box of its object. */
export interface Scene {
  jpeg: Buffer
  box: Box
}

/** Backgrounds are drawn this wide and high and then enlarged: it is quicker, and looks a little out of focus. */
const groundSize = 160

/** Draws the scene for one image. `seeds` name it: the same seeds give the same bytes. */
export async function renderScene(kind: ObjectKind, ...seeds: (number | string)[]): Promise<Scene> {
  const stream = (name: string): Random => new Random(name, ...seeds)
  const setting = stream('setting')
  const tone = surfaceColour(setting)
  const light: Light = {
    azimuth: setting.range(195, 345),
    elevation: setting.range(42, 60),
    softness: setting.range(0, 1),
    darkness: setting.range(0.35, 0.7),
  }

  const { drawing, content, box } = await placeObject(kind, stream, tone)
  const ground = new Drawing()
  const scenery = background(ground, stream('background'), tone, groundSize)
  const overlay = new Drawing()
  const [picture, ...layers] = await Promise.all([
    sharp(ground.document({ left: 0, top: 0, right: groundSize, bottom: groundSize }, scenery))
      .removeAlpha()
      .resize(imageSize, imageSize)
      .raw()
      .toBuffer(),
    ...clutter(stream('clutter'), light),
    lit(drawing, stream('material'), content, box, light, 0),
    ...occluders(stream('occluders'), box, light),
    rasterise(overlay, glow(overlay, stream('glow')), frame),
  ])
  for (const layer of layers) layOver(picture, layer)

  const camera = stream('camera')
  const raw = { width: imageSize, height: imageSize, channels: 3 } as const
  const pixels = await sharp(picture, { raw }).blur(camera.range(0.32, 0.65)).raw().toBuffer()
  expose(pixels, camera)
  const jpeg = await sharp(pixels, { raw })
    .jpeg({ quality: camera.integer(85, 95) })
    .toBuffer()
  return { jpeg, box }
}

/** One distractor of the given size at a place, lit like all else. */
function distractor(
  random: Random,
  x: number,
  y: number,
  size: number,
  light: Light,
  blur: number,
): Promise<Layer> {
  const drawing = new Drawing()
  const shape = pickDistractor(random)(drawing, random, randomPalette(random))
  const turn = random.range(0, 360)
  const content = `<g transform="translate(${round(x)} ${round(y)}) rotate(${round(turn)}) scale(${round(size / 100)})">${shape}</g>`
  const half = size * 0.58
  const box = { left: x - half, top: y - half, right: x + half, bottom: y + half }
  return lit(drawing, random, content, box, light, blur)
}

/** Things scattered behind the object, the far ones out of focus. */
function clutter(random: Random, light: Light): Promise<Layer>[] {
  const count = random.integer(3, 8)
  return Array.from({ length: count }, (_, i) => {
    const size = random.range(24, 74)
    const blur = random.chance(0.3) ? (1 - i / count) * random.range(0.5, 2.2) : 0
    const [x, y] = [random.range(0, imageSize), random.range(0, imageSize)]
    return distractor(random, x, y, size, light, blur)
  })
}

/** Nothing, or a thing or two that reach a little over the object's rim. */
function occluders(random: Random, box: Box, light: Light): Promise<Layer>[] {
  const count = random.pick([0, 0, 1, 1, 2])
  return Array.from({ length: count }, () => {
    const angle = random.range(0, 2 * Math.PI)
    const most = Math.min(46, 0.5 * Math.min(box.right - box.left, box.bottom - box.top))
    const size = Math.max(16, random.range(0.5, 1) * most)
    const away = size * random.range(0.32, 0.5)
    const x = (box.left + box.right) / 2 + Math.cos(angle) * ((box.right - box.left) / 2 + away)
    const y = (box.top + box.bottom) / 2 + Math.sin(angle) * ((box.bottom - box.top) / 2 + away)
    return distractor(random, x, y, size, light, 0)
  })
}
