import type { HeatMap } from '../attribution/attribution.js'
import { invalid, requireInteger } from '../foundation/validate.js'
import type { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import { callNativeSync } from '../native/errors.js'
import { mean } from './numbers.js'
import { pearson } from './similarity.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  runNative,
  type Subject,
  type SubjectSettings,
} from './subject.js'

/** Which tiles are masked. */
export interface TileMasks {
  /** How many tiles each mask covers. */
  n: number
  /** (count, tiles): 1 where a tile is masked, the tiles row by row. */
  data: Uint8Array
  count: number
}

export interface SensitivityNOptions extends EvaluationOptions {
  /** The side of a tile in pixels. Default 8. */
  tile?: number
  /** The numbers of masked tiles. Default: 16, evenly spaced in their logarithm from 1 to 0.8 of all tiles. */
  ns?: readonly number[]
  /** Masks for each n, the same for all images: how many to draw, or the masks themselves. Default 100. */
  masks?: number | readonly TileMasks[]
  /** Draws the masks. Default 0. */
  seed?: number
}

/** One image under the masks of one n: the fall of the target's logit where the masked pixels are 0, and the sum of the
 * map in each mask. */
export interface MaskedDrops {
  target: number
  drop: ArrayLike<number>
  relevance: ArrayLike<number>
  /** Pearson's correlation of both; 0 where one of them is constant. */
  correlation: number
}

export interface SensitivityNResult {
  ns: number[]
  /** For each n the mean of the images' correlations. */
  correlations: number[]
  /** For each n one correlation over the masks of all images, as the paper's code computes it. */
  pooled: number[]
  /** For each image and n. */
  images: MaskedDrops[][]
}

/** Sensitivity-n (Ancona et al. 2018, section 3.3): whether the sum of a map over n masked tiles tells how much the
 * target's logit falls without them.
 * @throws InvalidArgumentError, ModelError, ImageError */
export async function sensitivityN(model: Model, options: SensitivityNOptions): Promise<SensitivityNResult> {
  requireEvaluationOptions(options, ['tile', 'ns', 'masks', 'seed'])
  const tile = requireInteger('tile', options.tile ?? 8, 1)
  let masks: readonly TileMasks[] | undefined
  const images = await evaluateEach(model, options, (subject, settings) => {
    masks ??= masksFor(tilesOf(subject.input, tile), options)
    return maskImage(model, subject, tile, masks, settings)
  })
  return { images, ...summariseSensitivity(masks?.map(({ n }) => n) ?? [], images) }
}

/** Evenly spaced in their logarithm from 1 to 0.8 of all tiles, rounded; the same number may come twice. */
export function logarithmicNs(tiles: number, count = 16): number[] {
  const last = Math.log(0.8 * tiles)
  return Array.from({ length: count }, (_, i) => Math.round(Math.exp((last * i) / (count - 1))))
}

/** How many whole tiles an image has. */
export function tilesOf({ width, height }: { width: number; height: number }, tile: number): number {
  return Math.floor(height / tile) * Math.floor(width / tile)
}

/** The masks that the options ask for. Those of one n depend on it and the seed alone. */
export function masksFor(
  tiles: number,
  { ns = logarithmicNs(tiles), masks = 100, seed = 0 }: Pick<SensitivityNOptions, 'ns' | 'masks' | 'seed'>,
): readonly TileMasks[] {
  if (typeof masks !== 'number') return masks.map(mask => requireMasks(mask, tiles))
  const count = requireInteger('masks', masks, 2)
  requireInteger('seed', seed, 0)
  if (!Array.isArray(ns) || ns.length === 0) throw invalid('ns', 'a list of numbers of tiles', ns)
  return ns.map(n => {
    requireInteger('ns', n, 1, tiles)
    return { n, count, data: callNativeSync(() => addon().randomMasks(tiles, n, count, seed)) }
  })
}

/** One image under the masks of every n. */
export async function maskImage(
  model: Model,
  subject: Subject,
  tile: number,
  masks: readonly TileMasks[],
  settings: SubjectSettings,
): Promise<MaskedDrops[]> {
  const results: MaskedDrops[] = []
  for (const { data, count } of masks) {
    const done = results.length
    const options = { tile, masks: data, maskShape: [count, data.length / count] as const }
    results.push(
      await runNative(model, addon().maskedDrops, subject, options, {
        ...settings,
        onProgress: (rows, total) => settings.onProgress?.(done * total + rows, masks.length * total),
      }),
    )
  }
  return results
}

/** What another map of the same image tells about the falls that are known from an earlier one. */
export function relateDrops(
  known: readonly Pick<MaskedDrops, 'target' | 'drop'>[],
  map: HeatMap,
  tile: number,
  masks: readonly TileMasks[],
): MaskedDrops[] {
  return masks.map(({ data, count }, i) => {
    const { target, drop } = known[i]!
    const shapes = [[map.height, map.width] as const, [count, data.length / count] as const] as const
    const relevance = callNativeSync(() =>
      addon().relevanceInMasks(map.data, shapes[0], data, shapes[1], tile),
    )
    return { target, drop, relevance, correlation: pearson(drop, relevance) }
  })
}

export function summariseSensitivity(
  ns: readonly number[],
  images: readonly (readonly MaskedDrops[])[],
): Pick<SensitivityNResult, 'ns' | 'correlations' | 'pooled'> {
  const all = (i: number, what: 'drop' | 'relevance') =>
    Float64Array.from(images.flatMap(image => Array.from(image[i]![what])))
  return {
    ns: [...ns],
    correlations: ns.map((_, i) => mean(images.map(image => image[i]!.correlation))),
    pooled: ns.map((_, i) => pearson(all(i, 'drop'), all(i, 'relevance'))),
  }
}

function requireMasks(masks: TileMasks, tiles: number): TileMasks {
  requireInteger('masks.count', masks.count, 1)
  if (!(masks.data instanceof Uint8Array) || masks.data.length !== masks.count * tiles)
    throw invalid('masks.data', `a Uint8Array of ${masks.count} × ${tiles} values`, masks.data?.length)
  return masks
}
