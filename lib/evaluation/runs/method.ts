import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createAttributer } from '../../attribution/methods.js'
import type { MethodDescription, OptionValue } from '../../attribution/options.js'
import { presets } from '../../foundation/presets.js'
import { requireOneOf } from '../../foundation/validate.js'
import { fitPatterns } from '../../learned/patterns.js'
import { estimate, type Statistics } from '../../learned/statistics.js'
import type { Model } from '../../model/model.js'
import type { OpenedMethod } from '../protocols/protocol.js'
import type { RunHeader } from './record.js'

/** A method with its options, as it is evaluated. */
export interface EvaluatedMethod {
  description: MethodDescription
  /** Tells it apart from the same method with other options. */
  title: string
  options: Readonly<Record<string, OptionValue>>
}

/** The images that what a method needs is learnt from, for a network that has changed. */
export interface LearningImages {
  images: AsyncIterable<string> | Iterable<string>
  samples: number
}

/** Options that change how a map is computed, but not the map. */
const technical = ['batch', 'rows']
/** Options that name a file. */
const files = ['patterns', 'weights']

/** Gets methods ready: for the model that they are evaluated on with what is given, for any other with statistics and
 * patterns that are learnt anew. */
export function methodOpener(
  original: Model,
  { description, options }: EvaluatedMethod,
  given: { statistics: Statistics | null; learning: LearningImages; signal: AbortSignal },
): (model: Model) => Promise<OpenedMethod> {
  const { name, needs } = description
  const batch = batchOf(original, options)
  return async model => {
    const open = (more: Record<string, unknown>) =>
      createAttributer(model, name, { ...options, batch, ...more })
    if (needs.includes('statistics')) {
      if (model === original) return opened(open({ statistics: given.statistics ?? undefined }))
      const statistics = await learnStatistics(model, options, given)
      return opened(open({ statistics }), () => statistics.dispose())
    }
    if (needs.includes('patterns') && model !== original) {
      const { file, remove } = await learnPatterns(model, given)
      return opened(open({ patterns: file }), remove)
    }
    return opened(open({}))
  }
}

/** Images that are explained together: one on the CPU, so that a map doesn't even depend on the others by rounding. */
export function batchOf({ device }: Model, { batch }: Readonly<Record<string, OptionValue>>): number {
  return typeof batch === 'number' ? batch : device === 'cpu' ? 1 : 16
}

/** What a method is called in files and tables: its name, and the options that aren't the default. */
export function titleOf(name: string, options: Readonly<Record<string, OptionValue>>): string {
  const words = Object.entries(options)
    .filter(([option]) => !technical.includes(option) && !files.includes(option))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([option, value]) => `${option} ${value}`)
  return [name, ...words].join(' ')
}

/** The method as a run's header has it. */
export function describeEvaluated(
  { description: { name, needs }, title, options }: EvaluatedMethod,
  statistics: Statistics | null,
): RunHeader['method'] {
  const told = Object.entries(options)
    .filter(([option]) => !technical.includes(option))
    .map(([option, value]) => [option, files.includes(option) ? basename(String(value)) : value])
  return {
    name,
    title,
    options: Object.fromEntries(told),
    statistics: needs.includes('statistics') && statistics ? describeStatistics(statistics) : null,
  }
}

function describeStatistics({ description: { preset, layers } }: Statistics) {
  return { preset, layers: layers.map(({ name }) => name), samples: layers[0]?.samples ?? 0 }
}

type Given = Parameters<typeof methodOpener>[2]

async function learnStatistics(
  model: Model,
  { layer, preset }: EvaluatedMethod['options'],
  { statistics, learning, signal }: Given,
): Promise<Statistics> {
  return await estimate(model, {
    ...learning,
    layer: typeof layer === 'string' ? layer : model.bottleneckLayer,
    preset: requireOneOf('preset', preset ?? statistics?.description.preset ?? 'iba', presets),
    signal,
    onWarning: () => {},
    onError: () => {},
  })
}

/** Patterns in a file, as the method takes them. */
async function learnPatterns(model: Model, { learning, signal }: Given) {
  await using patterns = await fitPatterns(model, { ...learning, signal, onError: () => {} })
  const folder = await mkdtemp(join(tmpdir(), 'iba-patterns-'))
  const file = join(folder, 'patterns.safetensors')
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await patterns.save(file)
  } catch (error) {
    await remove()
    throw error
  }
  return { file, remove }
}

/** @param release frees what was learnt for it */
function opened(
  attributer: OpenedMethod['attributer'],
  release: () => void | Promise<void> = () => {},
): OpenedMethod {
  return {
    attributer,
    async [Symbol.asyncDispose]() {
      attributer.dispose()
      await release()
    },
  }
}
