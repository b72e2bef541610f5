import type { HeatMap } from '../attribution/attribution.js'

type Values = Pick<HeatMap, 'data'>

/** The largest value of the maps, or the largest absolute value if signed; 1 if there is none above 0, so that an empty
 * map has a scale too. */
export function largest(maps: readonly Values[], signed = false): number {
  let maximum = 0
  for (const { data } of maps) {
    // By index: a picture's caller waits for this on the event loop, and iterators take several times as long.
    for (let i = 0; i < data.length; i++) {
      const size = signed ? Math.abs(data[i]!) : data[i]!
      if (size > maximum && size < Infinity) maximum = size
    }
  }
  return maximum || 1
}

/** Whether a map has values below 0 that are more than rounding. */
export function isSigned(map: Values): boolean {
  let lowest = 0
  for (let i = 0; i < map.data.length; i++) if (map.data[i]! < lowest) lowest = map.data[i]!
  return lowest < 0 && lowest < -0.005 * largest([map], true)
}

/** Where the colours of a map without signs begin: at 0, which the image shows as it is, or at the least value where all are
 * far above 0, as those of RISE, whose probability is nowhere nothing. Bits always count from 0, and a map that is the same
 * everywhere has nothing to tell apart. */
export function leastShown({ data, unit }: Values & { unit?: string }): number {
  if (unit?.startsWith('bits')) return 0
  let [least, greatest] = [Infinity, 0]
  for (let i = 0; i < data.length; i++) {
    if (data[i]! < least) least = data[i]!
    if (data[i]! > greatest && data[i]! < Infinity) greatest = data[i]!
  }
  const isFar = least > 0.1 * greatest
  const differs = greatest - least > 0.005 * greatest
  return isFar && differs ? least : 0
}

/** As `largest`, without the two hundredth part of the values that is greatest, so that a few outliers don't make the
 * rest too weak to be seen. */
export function largestShown(map: HeatMap, signed: boolean): number {
  const sizes = map.data
    .map(value => (Number.isFinite(value) ? (signed ? Math.abs(value) : value) : 0))
    .sort()
  const shown = sizes[Math.floor(0.995 * (sizes.length - 1))]!
  return shown > 0 ? shown : largest([map], signed)
}

/** The scale on which a map is shown beside others: without outliers, and from where its colours begin. */
export function shownRange(map: HeatMap): { signed: boolean; minimum: number; maximum: number } {
  const signed = isSigned(map)
  const maximum = largestShown(map, signed)
  return { signed, maximum, minimum: signed ? 0 : Math.min(leastShown(map), 0.99 * maximum) }
}
