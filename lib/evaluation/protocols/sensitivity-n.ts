import { types } from 'node:util'
import type { HeatMap } from '../../attribution/attribution.js'
import { option } from '../../attribution/described-options.js'
import type { Target } from '../../attribution/target.js'
import { invalid, requireInteger } from '../../foundation/validate.js'
import type { Model } from '../../model/model.js'
import { addon } from '../../native/addon.js'
import { callNativeSync } from '../../native/call.js'
import type { MaskedDrops } from '../../native/evaluation-calls.js'
import { matrix } from '../../native/maps-calls.js'
import type { ByteTensor } from '../../native/values.js'
import { bootstrapMean } from '../bootstrap.js'
import { mean } from '../numbers.js'
import { pearson } from '../similarity.js'
import {
  type EvaluationOptions,
  evaluateEach,
  requireEvaluationOptions,
  runNative,
  type Subject,
  type SubjectSettings,
} from '../subject.js'
import { eachImage, nothing, rounded, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'
import { defaultTile, tileOption, tilesOf } from './tiles.js'

const defaults = { steps: 16, masks: 100, seed: 0 }

/** Which tiles are masked. */
export interface TileMasks {
  /** How many tiles each mask covers. */
  n: number
  /** (count, tiles): 1 where a tile is masked, the tiles row by row. */
  data: Uint8Array
  /** How many masks there are. */
  count: number
}

/** Options of {@link sensitivityN}. */
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

export type { MaskedDrops }

/** How well sums of maps tell what masks do: high is good. */
export interface SensitivityNResult {
  /** The numbers of masked tiles. */
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
  const tile = requireInteger('tile', options.tile ?? defaultTile, 1)
  let masks: readonly TileMasks[] | undefined
  const images = await evaluateEach(model, options, (subject, settings) => {
    masks ??= masksFor(tilesOf(subject.input, tile), options)
    return maskImage(model, subject, tile, masks, settings)
  })
  return { images, ...summariseSensitivity(masks?.map(({ n }) => n) ?? [], images) }
}

/** Evenly spaced in their logarithm from 1 to 0.8 of all tiles, rounded; the same number may come twice. */
export function logarithmicNs(tiles: number, count = defaults.steps): number[] {
  const last = Math.log(0.8 * tiles)
  return Array.from({ length: count }, (_, i) => Math.round(Math.exp((last * i) / (count - 1))))
}

/** The masks that the options ask for. Those of one n depend on it and the seed alone. */
export function masksFor(
  tiles: number,
  {
    ns = logarithmicNs(tiles),
    masks = defaults.masks,
    seed = defaults.seed,
  }: Pick<SensitivityNOptions, 'ns' | 'masks' | 'seed'>,
): readonly TileMasks[] {
  if (typeof masks !== 'number') return masks.map(mask => requireMasks(mask, tiles))
  const count = requireInteger('masks', masks, 2)
  requireInteger('seed', seed, 0)
  if (!Array.isArray(ns) || ns.length === 0) throw invalid('ns', 'a list of numbers of tiles', ns)
  return ns.map(n => {
    requireInteger('ns', n, 1, tiles)
    const { data } = callNativeSync(() => addon().randomMasks({ tiles, chosen: n, count, seed }))
    return { n, count, data }
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
  for (const each of masks.map(tensorOf)) {
    const done = results.length
    results.push(
      await runNative(model, subject, call => addon().maskedDrops({ ...call, masks: each, tile }), {
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
  return masks.map((each, i) => {
    const { target, drop } = known[i]!
    const relevance = callNativeSync(() =>
      addon().relevanceInMasks({ map: matrix(map), masks: tensorOf(each), tile }),
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

function tensorOf({ data, count }: TileMasks): ByteTensor {
  return { data, shape: [count, data.length / count] }
}

function requireMasks(masks: TileMasks, tiles: number): TileMasks {
  requireInteger('masks.count', masks.count, 1)
  if (!types.isUint8Array(masks.data) || masks.data.length !== masks.count * tiles)
    throw invalid('masks.data', `a Uint8Array of ${masks.count} × ${tiles} values`, masks.data?.length)
  return masks
}

interface SensitivitySettings {
  tile: number
  steps: number
  masks: number
  maskSeed: number
  pooled: boolean
}

interface Values {
  ns: number[]
  drops: MaskedDrops[]
}

/** Sensitivity-n as in the paper. */
export const sensitivityProtocol = declareProtocol<SensitivitySettings>(
  {
    kind: 'sensitivity-n',
    title: 'Sensitivity-n',
    summary: 'whether the map tells what masked tiles do to the logit',
    source: 'Ancona et al. 2018; Schulz et al. 2020, section 4.4',
    direction: 'higher',
    samples: 1000,
    runName: 'sensitivity',
    sharesOutputs: true,
    options: [
      tileOption,
      option('steps', 'whole', 'how many numbers of tiles are tried', defaults.steps, {
        flag: 'ns',
        minimum: 1,
        maximum: 1000,
      }),
      option('masks', 'whole', 'masks for each of them', defaults.masks, { minimum: 2, maximum: 100_000 }),
      option('maskSeed', 'whole', 'draws the masks', defaults.seed, { minimum: 0 }),
      option('pooled', 'flag', "one correlation over all images, as the paper's code computes it", false),
    ],
    chart: { x: 'masked tiles', y: 'correlation', scale: 'logarithmic', curves: 1 },
  },
  ({ tile, steps, masks, maskSeed, pooled }) => ({
    work: () => ({ maps: 1, passes: steps * masks }),
    async *run(context) {
      let drawn: readonly TileMasks[] | undefined
      yield* eachImage(context, {
        prepare: nothing,
        async evaluate({ id, subject }, settings) {
          const tiles = tilesOf(subject.input, tile)
          drawn ??= masksFor(tiles, { ns: logarithmicNs(tiles, steps), masks, seed: maskSeed })
          const known = knownDrops(context.known.get(id), subject.target, drawn)
          const found = known
            ? relateDrops(known, subject.map, tile, drawn)
            : await maskImage(context.model, subject, tile, drawn, settings)
          return { ns: drawn.map(({ n }) => n), drops: found.map(compact) }
        },
      })
    },
    summarise(records) {
      const images = valuesOf<Values>(records)
      const ns = images[0]?.ns ?? []
      const drops = images.map(image => image.drops)
      const over = summariseSensitivity(ns, drops)
      const perImage = bootstrapMean(drops.map(image => mean(image.map(({ correlation }) => correlation))))
      const both = [
        { name: 'mean of the images', x: ns, y: rounded(over.correlations) },
        { name: 'over all images', x: ns, y: rounded(over.pooled) },
      ]
      const pooledScore = { value: mean(over.pooled), low: null, high: null, level: perImage.level }
      return {
        score: pooled ? pooledScore : perImage,
        scores: { images: perImage, pooled: pooledScore },
        curves: pooled ? both.reverse() : both,
      }
    },
  }),
)

/** What the masks did to the logit of an image is the same for all methods that explain the same class. */
function knownDrops(
  found: unknown,
  target: Target,
  masks: readonly TileMasks[],
): readonly MaskedDrops[] | undefined {
  const { ns, drops } = (found ?? { ns: [], drops: [] }) as Values
  const isSame = ns.length === masks.length && masks.every(({ n }, i) => n === ns[i])
  return isSame && drops.every(drop => drop.target === target) ? drops : undefined
}

function compact({ target, drop, relevance, correlation }: MaskedDrops): MaskedDrops {
  return { target, drop: rounded(drop), relevance: rounded(relevance), correlation }
}
