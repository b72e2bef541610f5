import { estimate, type Statistics } from '../learned/statistics.js'
import { TrainedReadout } from '../learned/trained-readout.js'
import type { Model } from '../model/model.js'
import { addon } from '../native/addon.js'
import { callNative } from '../native/call.js'
import { otherEpochs, shareOf } from './data.js'
import type { Settings, TrainReadoutOptions } from './settings.js'

/** A readout network with first weights, with the given statistics of its layers or ones that are estimated first. */
export async function newReadout(
  model: Model,
  options: TrainReadoutOptions,
  settings: Settings,
): Promise<TrainedReadout> {
  const { layer, reads, variant, preset, sigma, minimumStd, seed } = settings
  const given = options.statistics
  given?.requireFor(model, [layer, ...reads])
  const statistics = given ?? (await estimateAll(model, options, settings))
  try {
    const kernelSize = 2 * Math.round(2 * sigma) + 1
    const design = { layer, reads, variant, preset, sigma, kernelSize, minimumStd, seed }
    const call = { model: model.handle, statistics: statistics.handle, design }
    return new TrainedReadout(await callNative(() => addon().createReadout(call)))
  } finally {
    if (!given) statistics.dispose()
  }
}

/** The statistics of all layers that are needed, from images of all processes. */
async function estimateAll(
  model: Model,
  options: TrainReadoutOptions,
  { layer, reads, preset, samples, seed }: Settings,
): Promise<Statistics> {
  const { data, processes, signal, onStatistics, onBroken, onWarning } = options
  const share = shareOf(processes)
  const images = (async function* () {
    const batches = { epoch: otherEpochs.statistics, seed, batch: 1, share, skip: 0 }
    for await (const [image] of data.batches(batches)) yield image!.source
  })()
  const own = await estimate(model, {
    images,
    layers: [layer, ...reads],
    samples: Math.ceil(samples / share.processes),
    preset,
    ...(signal && { signal }),
    ...(onStatistics && { onProgress: onStatistics }),
    onError: error => onBroken?.(error),
    ...(onWarning && { onWarning }),
  })
  if (!processes) return own
  try {
    return await processes.merge(own)
  } finally {
    own.dispose()
  }
}
