import { existsSync } from 'node:fs'
import { fileHash } from '../foundation/file-hash.js'
import { packageVersion } from '../foundation/package-version.js'
import type { Model } from '../model/model.js'
import { gpuArithmetic } from '../model/runtime.js'
import { addon } from '../native/addon.js'
import type { Settings, TrainReadoutOptions } from './settings.js'
import { statisticsHash } from './statistics-hash.js'

/** The checkpoint to go on from, where there is one. */
export function resumedCheckpoint({ checkpoint, resume }: TrainReadoutOptions): string | undefined {
  return resume && checkpoint !== undefined && existsSync(checkpoint) ? checkpoint : undefined
}

/** Makes sure that processes that train together do the same: where their settings, data, weights or checkpoints differ, each would
 * train something else, or wait for what never comes.
 * @throws ProcessGroupError in every process, naming what differs */
export async function requireSameTraining(
  model: Model,
  options: TrainReadoutOptions,
  settings: Settings,
  resumed: string | undefined,
): Promise<void> {
  const { data, validation, statistics, processes } = options
  await processes?.agree({
    'version of this package': packageVersion(),
    'version of LibTorch': addon().describeRuntime().libtorch,
    model: `${model.architecture} ${model.weightHash}`,
    precision: model.precision,
    'TF32 on GPUs': gpuArithmetic().tf32,
    preprocessing: model.preprocessing,
    data: data.fingerprint,
    validation: validation?.fingerprint ?? 'none',
    statistics: statistics ? statisticsHash(statistics) : 'estimated',
    'checkpoint to go on from': resumed === undefined ? 'none' : await fileHash(resumed),
    ...settings,
  })
}
