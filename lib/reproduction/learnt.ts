import { join } from 'node:path'
import { describeMethod } from '../attribution/methods.js'
import { learningImages } from '../evaluation/runs/learning-images.js'
import { exists } from '../foundation/files.js'
import { fitPatterns } from '../learned/patterns.js'
import { estimate, loadStatistics, type Statistics } from '../learned/statistics.js'
import type { Bench } from './bench.js'
import type { ReproductionOptions } from './options.js'

/** What methods need of a model. */
export interface Learnt extends AsyncDisposable {
  statistics: Statistics | null
  /** A file. */
  patterns: string
}

export type LearningReport = (what: 'statistics' | 'patterns', done: number, total: number) => void

type LearnOptions = Pick<ReproductionOptions, 'folder' | 'methods' | 'learn' | 'signal'>

/** Learns what the methods need of a model and isn't in the folder yet: from the training images, or where there are
 * none from those of the evaluation. */
export async function learn(
  bench: Bench,
  options: LearnOptions,
  onProgress: LearningReport = () => {},
): Promise<Learnt> {
  const needed = new Set<string>(options.methods.flatMap(({ method }) => describeMethod(method).needs))
  const files = learntFiles(bench.name, options.folder)
  if (needed.has('patterns') && !(await exists(files.patterns)))
    await savePatterns(bench, files.patterns, options, onProgress)
  const statistics = needed.has('statistics')
    ? await statisticsOf(bench, files.statistics, options, onProgress)
    : null
  return {
    statistics,
    patterns: files.patterns,
    async [Symbol.asyncDispose]() {
      statistics?.dispose()
    },
  }
}

/** Where what is learnt of a model is kept. A trained readout is looked for there too. */
export function learntFiles(model: string, folder: string) {
  const file = (what: string) => join(folder, `${model}.${what}.safetensors`)
  return { statistics: file('statistics'), patterns: file('patterns'), readout: file('readout') }
}

async function statisticsOf(
  bench: Bench,
  file: string,
  options: LearnOptions,
  onProgress: LearningReport,
): Promise<Statistics> {
  const { model } = bench
  if (await exists(file)) return await loadStatistics(file)
  const learning = learningOptions(bench, options, 'statistics', onProgress)
  const layer = model.bottleneckLayer
  const statistics = await estimate(model, { ...learning, layer, preset: 'paper', onWarning: () => {} })
  await statistics.save(file)
  return statistics
}

async function savePatterns(
  bench: Bench,
  file: string,
  options: LearnOptions,
  onProgress: LearningReport,
): Promise<void> {
  await using patterns = await fitPatterns(
    bench.model,
    learningOptions(bench, options, 'patterns', onProgress),
  )
  await patterns.save(file)
}

function learningOptions(
  { dataset }: Bench,
  { learn, signal }: LearnOptions,
  what: 'statistics' | 'patterns',
  onProgress: LearningReport,
) {
  return {
    ...learningImages(dataset, learn),
    signal,
    onError: () => {},
    onProgress: ({ samples, total }: { samples: number; total: number }) => onProgress(what, samples, total),
  }
}
