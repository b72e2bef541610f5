import type { DemoSample, HeatMap } from '../../lib/index.js'

/** The share of the map's information that lies in an object's box. */
export function shareInBox(map: HeatMap, box: DemoSample['box']): number {
  let inside = 0
  let total = 0
  map.data.forEach((value, i) => {
    const [x, y] = [i % map.width, Math.floor(i / map.width)]
    total += value
    if (x >= box.left && x < box.right && y >= box.top && y < box.bottom) inside += value
  })
  return inside / total
}
