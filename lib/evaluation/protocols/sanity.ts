import type { HeatMap } from '../../attribution/attribution.js'
import type { Sample } from '../../datasets/dataset.js'
import type { PreparedInput } from '../../images/preprocess.js'
import { bootstrap } from '../bootstrap.js'
import { mean } from '../numbers.js'
import { cascade, randomized } from '../randomization.js'
import type { RunRecord } from '../runs/record.js'
import { mapSimilarity } from '../similarity.js'
import { explain, loadedGroups, nothing, type Protocol, type RunContext } from './protocol.js'

interface Values {
  stage: string
  /** How many stages were before it. */
  order: number
  ssim: number
  spearman: number
}

/** An image with its map by the trained network. */
interface Original {
  sample: Sample
  input: PreparedInput
  map: HeatMap
  target: number
}

/** The sanity check of Adebayo et al. 2018, section 4.1 of the paper: cascading randomisation. */
export function sanityProtocol({ weightSeed = 0 }: { weightSeed?: number | undefined }): Protocol {
  return {
    name: 'sanity',
    title: 'Sanity check',
    settings: { weightSeed },
    needsBoxes: false,
    stages: model => cascade(model).map(({ name }) => name),
    work: model => ({ maps: cascade(model).length + 1, passes: 0 }),
    run: context => run(context, weightSeed),
    summarise(records) {
      const found = records.flatMap(({ id, values }) => (values ? [{ id, ...(values as Values) }] : []))
      const inOrder = [...found].sort((a, b) => a.order - b.order)
      const places = [...new Set(inOrder.map(({ stage }) => stage))]
      const scoreOf = (what: 'ssim' | 'spearman') => {
        const images = [...new Set(found.map(({ id }) => id))]
        const means = images.map(id => mean(found.filter(entry => entry.id === id).map(entry => entry[what])))
        return bootstrap(means, mean)
      }
      const curveOf = (what: 'ssim' | 'spearman', name: string) => ({
        name,
        x: places.map((_, i) => i),
        y: places.map(place => mean(found.filter(({ stage }) => stage === place).map(entry => entry[what]))),
      })
      const score = scoreOf('ssim')
      return {
        score,
        scores: { ssim: score, spearman: scoreOf('spearman') },
        curves: [curveOf('ssim', 'SSIM'), curveOf('spearman', 'Spearman')],
        places,
      }
    },
  }
}

async function* run(context: RunContext, weightSeed: number): AsyncGenerator<RunRecord<Values>> {
  const { model, signal } = context
  const stages = cascade(model)
  const left = (stage: string) => context.samples.filter(({ id }) => !context.isDone(keyOf(stage, id)))
  const unfinished = new Set(stages.flatMap(({ name }) => left(name)).map(({ id }) => id))
  const originals = await originalMaps(context, unfinished)
  for (const [order, { name, modules }] of stages.entries()) {
    const ids = new Set(left(name).map(({ id }) => id))
    const wanted = originals.filter(({ sample }) => ids.has(sample.id))
    if (wanted.length === 0) continue
    await using changed = await randomized(model, modules, weightSeed)
    await using opened = await context.openMethod(changed)
    for (const { sample, input, map, target } of wanted) {
      signal.throwIfAborted()
      const [found] = await explain(opened.attributer, [{ sample, input }], context, [target])
      const values = { stage: name, order, ...mapSimilarity(map, found!.map) }
      yield { key: keyOf(name, sample.id), id: sample.id, target, seconds: found!.seconds, values }
    }
  }
}

async function originalMaps(context: RunContext, wanted: ReadonlySet<string>): Promise<Original[]> {
  await using opened = await context.openMethod(context.model)
  const originals: Original[] = []
  const remaining = { ...context, isDone: (id: string) => !wanted.has(id) }
  for await (const { loaded } of loadedGroups(remaining, nothing)) {
    const found = await explain(opened.attributer, loaded, context)
    for (const [i, { map, target }] of found.entries())
      originals.push({ sample: loaded[i]!.sample, input: loaded[i]!.input, map, target })
  }
  return originals
}

function keyOf(stage: string, id: string): string {
  return `${stage} ${id}`
}
