import type { Attributer } from '../../attribution/attribution.js'
import { option } from '../../attribution/described-options.js'
import { requireClass } from '../../attribution/target.js'
import { InvalidArgumentError } from '../../foundation/errors.js'
import { fnv1a } from '../../foundation/hash.js'
import { randomIntegers } from '../../foundation/random.js'
import { requireInteger, requireKnownKeys, requireSignal } from '../../foundation/validate.js'
import type { PreparedInput } from '../../images/prepared-input.js'
import type { PreparedImage } from '../../images/source.js'
import type { Model } from '../../model/model.js'
import type { MapSimilarity } from '../../native/maps-calls.js'
import { bootstrapMean } from '../bootstrap.js'
import { mapSimilarity } from '../similarity.js'
import { eachImage, nothing, valuesOf } from './each-image.js'
import { declareProtocol } from './protocol.js'

/** Options of {@link randomLogit}. */
export interface RandomLogitOptions {
  /** The class that is explained. Default: the predicted class. */
  target?: number
  /** Draws the other class. Default 0. */
  classSeed?: number
  /** Seeds the noise of both maps. Default 0. */
  seed?: number
  /** Stops the work; the call rejects with the signal's reason. */
  signal?: AbortSignal
}

/** How alike the maps of two classes are: low is good. */
export interface RandomLogit extends MapSimilarity {
  /** The index of the class that is explained. */
  target: number
  /** The index of the class that was drawn. */
  other: number
}

/** The random logit test (Sixt et al. 2020, “When explanations lie”, section 4): how alike the map of a class is to that of
 * another class of the same image, compared as the sanity check compares maps. A method that explains the class must give
 * another map.
 * @param model whose classes the other one is drawn from
 * @param image as the network takes it
 * @throws InvalidArgumentError for a network of one class, and what the method throws */
export async function randomLogit(
  model: Model,
  method: Attributer,
  image: PreparedImage | PreparedInput,
  options: RandomLogitOptions = {},
): Promise<RandomLogit> {
  requireKnownKeys('options', options, ['target', 'classSeed', 'seed', 'signal'])
  requireSignal(options.signal)
  const { signal, target } = options
  const seed = requireInteger('seed', options.seed ?? 0, 0)
  const classSeed = requireInteger('classSeed', options.classSeed ?? 0, 0)
  const explain = async (targets?: number) => {
    const given = { seed, ...(targets !== undefined && { targets }), ...(signal && { signal }) }
    return (await method.attribute([image], given))[0]!
  }
  const original = await explain(target)
  const explained = requireClass(original.target, 'the random logit test')
  const other = otherClass(explained, model.classes, classSeed)
  const { map } = await explain(other)
  return { target: explained, other, ...mapSimilarity(original.map, map) }
}

/** One of the other classes, drawn evenly. */
function otherClass(target: number, classes: number, seed: number): number {
  if (classes < 2)
    throw new InvalidArgumentError(
      'Expected a network of several classes, one to explain and another, but it has one.',
    )
  const drawn = randomIntegers(seed)(classes - 1)
  return drawn < target ? drawn : drawn + 1
}

export const randomLogitProtocol = declareProtocol<{ classSeed: number }>(
  {
    kind: 'random-logit',
    title: 'Random logit',
    summary: 'how similar the maps of two classes of an image are',
    source: 'Sixt et al. 2020',
    direction: 'lower',
    scoreName: 'SSIM',
    samples: 1000,
    options: [option('classSeed', 'whole', "draws each image's other class", 0, { minimum: 0 })],
  },
  ({ classSeed }) => ({
    work: () => ({ maps: 2, passes: 0 }),
    run: context =>
      eachImage(context, {
        prepare: nothing,
        async evaluate({ id, subject, attribution, attributer }, { signal }) {
          const { map } = attribution
          const target = requireClass(attribution.target, 'the random logit test')
          const other = otherClass(target, context.model.classes, fnv1a(`${classSeed} ${id}`))
          const seed = fnv1a(`${context.seed} ${id}`)
          const explained = { image: subject.input, seed, target: other }
          const [found] = await attributer.attribute([explained], { ...(signal && { signal }) })
          return { target, other, ...mapSimilarity(map, found!.map) }
        },
      }),
    summarise(records) {
      const found = valuesOf<RandomLogit>(records)
      const ssim = bootstrapMean(found.map(image => image.ssim))
      const spearman = bootstrapMean(found.map(image => image.spearman))
      return { score: ssim, scores: { ssim, spearman }, curves: [] }
    },
  }),
)
