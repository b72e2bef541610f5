import { option } from '../../attribution/described-options.js'
import type { Model } from '../../model/model.js'
import { addon } from '../../native/addon.js'
import type { RegionCurves } from '../../native/evaluation-calls.js'
import type { Tensor } from '../../native/values.js'
import { runNative, type Subject, type SubjectSettings } from '../subject.js'

export type { RegionCurves }

/** What a region is replaced by: the mean of each channel, 0 after normalisation, an even draw between each channel's
 * least and greatest value, these values themselves, or the blurred image. */
export type RegionBaseline = 'mean' | 'zero' | 'uniform' | 'minimum' | 'maximum' | 'blur'

export const regionBaselines: readonly RegionBaseline[] = [
  'mean',
  'zero',
  'uniform',
  'minimum',
  'maximum',
  'blur',
]

/** How an image's regions are replaced. */
export interface RegionReplacement {
  /** What by. */
  baseline: RegionBaseline
  /** Draws what is 'uniform'. */
  seed: number
  /** How many regions at most. */
  most: number
  /** Those of the lowest mean first as well. */
  bothEnds: boolean
}

/** `baseline` and its seed, of the protocols that replace regions. */
export function baselineOptions(standard: RegionBaseline) {
  return [
    option('baseline', 'choice', 'what regions are replaced by', standard, { choices: regionBaselines }),
    option('baselineSeed', 'whole', "draws the baseline 'uniform'", 0, { minimum: 0 }),
  ]
}

/** Replaces the tiles of an image. */
export async function replaceTiles(
  model: Model,
  subject: Subject,
  replacement: RegionReplacement & { tile: number },
  settings: SubjectSettings,
): Promise<RegionCurves> {
  return await runNative(model, subject, call => addon().replaceTiles({ ...call, ...replacement }), settings)
}

/** Replaces the segments of an image (H, W), the number of each pixel's. */
export async function replaceSegments(
  model: Model,
  subject: Subject,
  replacement: RegionReplacement & { segments: Tensor },
  settings: SubjectSettings,
): Promise<RegionCurves> {
  return await runNative(
    model,
    subject,
    call => addon().replaceSegments({ ...call, ...replacement }),
    settings,
  )
}
