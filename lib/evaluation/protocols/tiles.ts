import { option } from '../../attribution/described-options.js'

export const defaultTile = 8

/** `tile`, of the protocols that change an image tile by tile. */
export const tileOption = option('tile', 'whole', 'the side of a tile in pixels', defaultTile, {
  minimum: 1,
  maximum: 65_536,
})

/** How many whole tiles an image has. */
export function tilesOf({ width, height }: { width: number; height: number }, tile: number): number {
  return Math.floor(height / tile) * Math.floor(width / tile)
}
