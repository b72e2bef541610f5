import type { Attributer, Attribution } from '../../attribution/attribution.js'
import { requireClass } from '../../attribution/target.js'
import type { Sample } from '../../datasets/dataset.js'
import { mapInOrder } from '../../foundation/concurrency.js'
import { fnv1a } from '../../foundation/hash.js'
import { withDecoded } from '../../images/decode.js'
import type { PreparedInput } from '../../images/prepared-input.js'
import { prepare } from '../../images/preprocess.js'
import { sides } from '../../images/size.js'
import type { Model } from '../../model/model.js'
import type { RunRecord } from '../runs/record.js'
import type { Subject, SubjectSettings } from '../subject.js'
import type { RunContext } from './protocol.js'

/** An image that is loaded, and what a protocol found out about it before it is explained. */
interface Loaded<Extra> {
  sample: Sample
  input: PreparedInput
  extra: Extra
}

/** What has to be known before an image is explained, or why it takes no part. */
type PrepareExtra<Extra> = (
  sample: Sample,
  image: { width: number; height: number; orientation: number },
  /** Makes the network's input of it, once. */
  input: () => Promise<PreparedInput>,
) => Promise<{ extra: Extra } | { skip: string }>

/** What an image-by-image protocol does of its own. */
export interface ImageWork<Extra, Values> {
  prepare: PrepareExtra<Extra>
  evaluate(
    explained: {
      id: string
      subject: Subject
      attribution: Attribution
      attributer: Attributer
      extra: Extra
    },
    settings: SubjectSettings,
  ): Promise<Values>
}

/** For work that needs to know nothing beforehand. */
export const nothing = async () => ({ extra: undefined })

/** Explains the images that are not done yet, some together, and evaluates each. */
export async function* eachImage<Extra, Values>(
  context: RunContext,
  work: ImageWork<Extra, Values>,
): AsyncGenerator<RunRecord<Values>, void, undefined> {
  const { model, rows, signal } = context
  await using opened = await context.openMethod(model)
  const { attributer } = opened
  for await (const group of loadedGroups(context, work.prepare)) {
    yield* group.skipped
    const attributions = await explain(attributer, group.loaded, context)
    for (const [i, { sample, input, extra }] of group.loaded.entries()) {
      signal.throwIfAborted()
      const attribution = attributions[i]!
      const { map, seconds } = attribution
      const target = requireClass(attribution.target, 'this evaluation')
      const values = await work.evaluate(
        { id: sample.id, subject: { input, map, target }, attribution, attributer, extra },
        { rows, signal, onProgress: (done, total) => context.onProgress(done / total) },
      )
      yield { key: sample.id, id: sample.id, target, seconds: seconds / group.loaded.length, values }
    }
  }
}

/** The maps of loaded images, each from a seed of its own, which depends on the image and not on its place. */
export async function explain(
  attributer: Attributer,
  loaded: readonly Pick<Loaded<unknown>, 'sample' | 'input'>[],
  { explained, seed, signal }: Pick<RunContext, 'explained' | 'seed' | 'signal'>,
  targets?: readonly number[],
): Promise<Attribution[]> {
  const images = loaded.map(({ sample, input }, i) => {
    const target = targets?.[i] ?? (explained === 'label' ? sample.target : undefined)
    return {
      image: input,
      seed: fnv1a(`${seed} ${sample.id}`),
      ...(target !== undefined && { target }),
    }
  })
  return await attributer.attribute(images, { signal })
}

/** Loads an image of a data set for a model. */
export async function loadSample(sample: Sample, { preprocessing }: Model) {
  const input = await withDecoded(sample.path, { orientation: sample.orientation }, image =>
    prepare({ name: sample.path, kind: 'encoded', image }, preprocessing),
  )
  return { sample, input }
}

/** Loads the images that are not done, ahead of their turn. */
export async function* loadedGroups<Extra>(
  context: Pick<RunContext, 'samples' | 'model' | 'batch' | 'signal' | 'isDone' | 'onRead' | 'onError'>,
  prepareExtra: PrepareExtra<Extra>,
): AsyncGenerator<{ loaded: Loaded<Extra>[]; skipped: RunRecord<never>[] }, void, undefined> {
  const { samples, model, batch, signal, isDone, onRead, onError } = context
  const load = async (sample: Sample, reading: AbortSignal) => {
    try {
      await onRead(sample)
      const options = { orientation: sample.orientation, signal: reading }
      return await withDecoded(sample.path, options, async image => {
        let made: Promise<PreparedInput> | undefined
        const input = () => {
          made ??= prepare({ name: sample.path, kind: 'encoded', image }, model.preprocessing)
          return made
        }
        const known = await prepareExtra(sample, image, input)
        if ('skip' in known) return { sample, skip: known.skip }
        return { sample, input: await input(), extra: known.extra }
      })
    } catch (error) {
      if (signal.aborted) throw error
      onError(error as Error, sample)
      return undefined
    }
  }
  let [loaded, skipped]: [Loaded<Extra>[], RunRecord<never>[]] = [[], []]
  const left = samples.filter(({ id }) => !isDone(id))
  for await (const found of mapInOrder(left, 2 * batch, load, signal)) {
    if (!found) continue
    const { id, target } = found.sample
    if ('skip' in found) skipped.push({ key: id, id, target, seconds: 0, skipped: found.skip })
    else loaded.push(found)
    if (loaded.length < batch) continue
    yield { loaded, skipped }
    ;[loaded, skipped] = [[], []]
  }
  if (loaded.length + skipped.length > 0) yield { loaded, skipped }
}

/** The values of the images that take part. */
export function valuesOf<Values>(records: readonly RunRecord[]): Values[] {
  return records.flatMap(({ values }) => (values === undefined ? [] : [values as Values]))
}

/** The images as the network takes them. */
export function inputSize({ preprocessing: { crop } }: Model): { width: number; height: number } {
  const [height, width] = sides(crop)
  return { width, height }
}

/** Numbers as single precision holds them, for files that are not longer than they need to be. */
export function rounded(values: ArrayLike<number>): number[] {
  return Array.from(values, value => Number(value.toPrecision(7)))
}
