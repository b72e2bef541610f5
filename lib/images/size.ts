import { invalid, requireInteger } from '../foundation/validate.js'
import type { ImageSize } from '../native/images-calls.js'

export type { ImageSize }

const largest = 65_536

/** As [height, width]. */
export function sides(size: ImageSize): [height: number, width: number] {
  return typeof size === 'number' ? [size, size] : [size[0], size[1]]
}

/** A size that a caller gave: one number where both sides are equal.
 * @throws InvalidArgumentError */
export function requireSize(name: string, value: unknown): ImageSize {
  if (!Array.isArray(value)) return requireInteger(name, value, 1, largest)
  if (value.length !== 2) throw invalid(name, 'a whole number, or [height, width]', value)
  const [height, width] = value.map(side => requireInteger(name, side, 1, largest)) as [number, number]
  return height === width ? height : [height, width]
}

/** As it is written in messages and commands: '224', or '64x128' for height x width. */
export function sizeText(size: ImageSize): string {
  return typeof size === 'number' ? String(size) : size.join('x')
}
