import type { Attributer, Attribution } from '../../attribution/attribution.js'
import type { Sample } from '../../datasets/dataset.js'
import { mapInOrder } from '../../foundation/concurrency.js'
import { decodeImage } from '../../images/decode.js'
import { type PreparedInput, prepare } from '../../images/preprocess.js'
import type { Model } from '../../model/model.js'
import type { RunRecord, Summary } from '../runs/record.js'
import type { Subject, SubjectSettings } from '../subject.js'

/** A method that is ready for one model, with what it holds. */
export interface OpenedMethod extends AsyncDisposable {
  attributer: Attributer
}

/** What a protocol works with. */
export interface RunContext {
  model: Model
  /** Makes the method for a model; for another one than `model` with what it needs learnt anew. */
  openMethod(model: Model): Promise<OpenedMethod>
  samples: readonly Sample[]
  /** The class that is explained: the sample's label, or the predicted class. */
  explained: 'label' | 'predicted'
  seed: number
  /** Images that are explained together. */
  batch: number
  /** Changed images that go through the network together. */
  rows: number | undefined
  signal: AbortSignal
  /** What another method's run found at a piece, for what doesn't depend on the method. */
  known: ReadonlyMap<string, unknown>
  /** Whether a piece is done already. */
  isDone(key: string): boolean
  /** Called as a piece comes on, with its done share. */
  onProgress(share: number): void
  /** Called for an image that can't be read; the others go on. */
  onError(error: Error, sample: Sample): void
}

/** A way to evaluate a method on labelled images, piece by piece. */
export interface Protocol {
  name: string
  title: string
  /** Every setting that changes what it finds. */
  settings: Readonly<Record<string, unknown>>
  needsBoxes: boolean
  /** The names of what is run for each image; a protocol of one stage has none. */
  stages(model: Model): readonly string[]
  /** What one image costs: maps, and passes of changed images through the network. */
  work(model: Model): { maps: number; passes: number }
  /** The pieces that are not done yet. */
  run(context: RunContext): AsyncGenerator<RunRecord, void, undefined>
  summarise(records: readonly RunRecord[]): Summary
}

/** An image that is loaded, and what a protocol found out about it before it is explained. */
interface Loaded<Extra> {
  sample: Sample
  input: PreparedInput
  extra: Extra
}

/** What an image-by-image protocol does of its own. */
export interface ImageWork<Extra, Values> {
  /** What has to be known before an image is explained, or why it takes no part. */
  prepare(
    sample: Sample,
    size: { width: number; height: number },
  ): Promise<{ extra: Extra } | { skip: string }>
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
      const { map, target, seconds } = attribution
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
  const images = loaded.map(({ sample, input: { data, channels, height, width } }, i) => {
    const target = targets?.[i] ?? (explained === 'label' ? sample.target : undefined)
    return {
      image: { data, shape: [channels, height, width] as const },
      seed: seedOf(sample.id, seed),
      ...(target !== undefined && { target }),
    }
  })
  return await attributer.attribute(images, { signal })
}

/** Loads the images that are not done, ahead of their turn. */
export async function* loadedGroups<Extra>(
  context: Pick<RunContext, 'samples' | 'model' | 'batch' | 'signal' | 'isDone' | 'onError'>,
  prepareExtra: ImageWork<Extra, unknown>['prepare'],
): AsyncGenerator<{ loaded: Loaded<Extra>[]; skipped: RunRecord<never>[] }, void, undefined> {
  const { samples, model, batch, signal, isDone, onError } = context
  const load = async (sample: Sample) => {
    try {
      const image = await decodeImage(sample.path)
      const known = await prepareExtra(sample, image)
      if ('skip' in known) return { sample, skip: known.skip }
      const input = await prepare({ name: sample.path, kind: 'encoded', image }, model.preprocessing)
      return { sample, input, extra: known.extra }
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

/** The pieces that take part. */
export function valuesOf<Values>(records: readonly RunRecord[]): Values[] {
  return records.flatMap(({ values }) => (values === undefined ? [] : [values as Values]))
}

/** The images as the network takes them. */
export function inputSize({ preprocessing: { crop } }: Model): { width: number; height: number } {
  return { width: crop, height: crop }
}

/** Numbers as single precision holds them, for files that are not longer than they need to be. */
export function rounded(values: ArrayLike<number>): number[] {
  return Array.from(values, value => Number(value.toPrecision(7)))
}

/** FNV-1a of the id and the seed, 32 bits. */
function seedOf(id: string, seed: number): number {
  let hash = 0x811c9dc5
  for (const letter of `${seed} ${id}`) hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193) >>> 0
  return hash
}
