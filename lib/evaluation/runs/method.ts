import type { MethodDescription, OptionValue } from '../../method-options.js'
import { createAttributer } from '../../methods.js'
import type { Model } from '../../model.js'
import { presets } from '../../presets.js'
import { estimate, type Statistics } from '../../statistics.js'
import { requireOneOf } from '../../validate.js'
import type { OpenedMethod } from '../protocols/protocol.js'

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

/** Gets methods ready: for the model that they are evaluated on with what is given, for any other with statistics that are
 * estimated anew. */
export function methodOpener(
  original: Model,
  { description, options }: EvaluatedMethod,
  given: { statistics: Statistics | null; learning: LearningImages; signal: AbortSignal },
): (model: Model) => Promise<OpenedMethod> {
  const batch = batchOf(original, options)
  return async model => {
    const open = (more: Record<string, unknown>) =>
      createAttributer(model, description.name, { ...options, batch, ...more })
    if (!description.needs.includes('statistics')) return opened(open({}), null)
    if (model === original) return opened(open({ statistics: given.statistics ?? undefined }), null)
    const statistics = await estimate(model, {
      ...given.learning,
      layer: typeof options.layer === 'string' ? options.layer : model.bottleneckLayer,
      preset: requireOneOf(
        'preset',
        options.preset ?? given.statistics?.description.preset ?? 'iba',
        presets,
      ),
      signal: given.signal,
      onWarning: () => {},
      onError: () => {},
    })
    return opened(open({ statistics }), statistics)
  }
}

/** Images that are explained together: one on the CPU, so that a map doesn't even depend on the others by rounding. */
export function batchOf({ device }: Model, { batch }: Readonly<Record<string, OptionValue>>): number {
  return typeof batch === 'number' ? batch : device === 'cpu' ? 1 : 16
}

/** What a method is called in files and tables: its name, and the options that aren't the default. */
export function titleOf(name: string, options: Readonly<Record<string, OptionValue>>): string {
  const words = Object.entries(options)
    .filter(([option]) => option !== 'batch' && option !== 'rows')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([option, value]) => `${option} ${value}`)
  return [name, ...words].join(' ')
}

function opened(attributer: OpenedMethod['attributer'], statistics: Statistics | null): OpenedMethod {
  return {
    attributer,
    async [Symbol.asyncDispose]() {
      attributer.dispose()
      statistics?.dispose()
    },
  }
}
