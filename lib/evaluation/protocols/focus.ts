import type { HeatMap } from '../../attribution/attribution.js'
import { option } from '../../attribution/described-options.js'
import type { Sample } from '../../datasets/dataset.js'
import { fnv1a } from '../../foundation/hash.js'
import { randomIntegers } from '../../foundation/random.js'
import { invalid } from '../../foundation/validate.js'
import type { PreparedInput } from '../../images/prepared-input.js'
import type { PreparedImage } from '../../images/source.js'
import { requireHeatMap } from '../../rendering/picture.js'
import { bootstrapMean } from '../bootstrap.js'
import type { RunRecord } from '../runs/record.js'
import { loadSample, valuesOf } from './each-image.js'
import { declareProtocol, type RunContext } from './protocol.js'

/** Something for each quarter of a mosaic: above left, above right, below left, below right. */
export type Quarters<Value> = readonly [Value, Value, Value, Value]

/** Whether the images of a mosaic are halved, so that it is as large as they are, or stay as they are. */
export type MosaicSize = 'halved' | 'full'

const sizes: readonly MosaicSize[] = ['halved', 'full']

/** The focus of a map of a mosaic (Arias-Duart et al. 2022, “Focus! Rating XAI methods and finding biases”, section III): the share
 * of its positive values that lies on the images of the explained class.
 * @param isOfClass which quarters show the class; where a side is odd, those below and right are a pixel larger
 * @returns 0 for an empty map, up to 1: high is good
 * @throws InvalidArgumentError where the map is none */
export function focus(map: HeatMap, isOfClass: Quarters<boolean>): number {
  requireHeatMap(map)
  if (!Array.isArray(isOfClass) || isOfClass.length !== 4)
    throw invalid('isOfClass', 'true or false for each of four quarters', isOfClass)
  const [middle, centre] = [Math.floor(map.height / 2), Math.floor(map.width / 2)]
  let [inside, all] = [0, 0]
  for (const [i, value] of map.data.entries()) {
    if (value <= 0) continue
    const isBelow = Math.floor(i / map.width) >= middle
    const isRight = i % map.width >= centre
    all += value
    if (isOfClass[2 * Number(isBelow) + Number(isRight)]) inside += value
  }
  return all > 0 ? inside / all : 0
}

/** Four images of one size as one image.
 * @param size 'halved': each is shrunk to half its sides, so that the mosaic has their size; 'full': it is twice as high and wide
 * @throws InvalidArgumentError where they differ in size */
export function mosaic(images: Quarters<PreparedImage | PreparedInput>, size: MosaicSize): PreparedImage {
  const [first] = images.map(shapeOf) as [Shape]
  const [channels, height, width] = first
  for (const image of images)
    if (shapeOf(image).some((extent, i) => extent !== first[i]))
      throw invalid('images', `four images of ${width}×${height}`, shapeOf(image).join('×'))
  const scale = size === 'full' ? 2 : 1
  const [all, across] = [height * scale, width * scale]
  const data = new Float32Array(channels * all * across)
  for (const [quarter, image] of images.entries()) {
    const rows = parts(all, quarter >= 2)
    const columns = parts(across, quarter % 2 === 1)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < rows.count; y++)
        for (let x = 0; x < columns.count; x++)
          data[(c * all + rows.begin + y) * across + columns.begin + x] = meanAt(image.data, {
            offset: c * height * width,
            width,
            top: Math.floor((y * height) / rows.count),
            bottom: Math.ceil(((y + 1) * height) / rows.count),
            left: Math.floor((x * width) / columns.count),
            right: Math.ceil(((x + 1) * width) / columns.count),
          })
  }
  return { data, shape: [channels, all, across] }
}

type Shape = readonly [number, number, number]

function shapeOf(image: PreparedImage | PreparedInput): Shape {
  return 'shape' in image ? image.shape : [image.channels, image.height, image.width]
}

function parts(extent: number, isSecond: boolean) {
  const half = Math.floor(extent / 2)
  return isSecond ? { begin: half, count: extent - half } : { begin: 0, count: half }
}

interface Area {
  offset: number
  width: number
  top: number
  bottom: number
  left: number
  right: number
}

function meanAt(data: Float32Array, { offset, width, top, bottom, left, right }: Area): number {
  let sum = 0
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += data[offset + y * width + x]!
  return sum / ((bottom - top) * (right - left))
}

/** The images of a mosaic: the sample, another of its class, and two of other classes, in drawn quarters. */
interface Drawn {
  samples: Quarters<Sample>
  isOfClass: Quarters<boolean>
}

/** Draws a sample's mosaic from all samples of a run; undefined where they hold too few.
 * It depends on them and the seed alone, not on the process that makes it. */
function drawMosaic(sample: Sample, all: readonly Sample[], seed: number): Drawn | undefined {
  const random = randomIntegers(fnv1a(`${seed} ${sample.id}`))
  const take = (from: Sample[]) => from.splice(random(from.length), 1)[0]
  const same = all.filter(other => other.target === sample.target && other.id !== sample.id)
  const others = all.filter(other => other.target !== sample.target)
  const chosen = [sample, take(same), take(others), take(others)]
  if (chosen.includes(undefined)) return undefined
  const samples: Sample[] = []
  while (chosen.length > 0) samples.push(chosen.splice(random(chosen.length), 1)[0]!)
  return {
    samples: samples as unknown as Quarters<Sample>,
    isOfClass: samples.map(({ target }) => target === sample.target) as unknown as Quarters<boolean>,
  }
}

interface Settings {
  mosaic: MosaicSize
  mosaicSeed: number
}

export const focusProtocol = declareProtocol<Settings>(
  {
    kind: 'focus',
    title: 'Focus',
    summary: 'how much of the map of a mosaic of four images lies on the two of the class',
    source: 'Arias-Duart et al. 2022',
    direction: 'higher',
    samples: 1000,
    options: [
      option('mosaic', 'choice', 'images halved, so that the mosaic has their size, or full', 'halved', {
        choices: sizes,
      }),
      option('mosaicSeed', 'whole', "draws each mosaic's other images", 0, { minimum: 0 }),
    ],
    tell: ({ mosaic }) => `images ${mosaic}`,
  },
  settings => ({
    work: () => ({ maps: 1, passes: 0 }),
    run: context => eachMosaic(context, settings),
    summarise(records) {
      const score = bootstrapMean(valuesOf<{ focus: number }>(records).map(image => image.focus))
      return { score, scores: { focus: score }, curves: [] }
    },
  }),
)

/** A mosaic for each sample, explained as the sample's label. */
async function* eachMosaic(
  context: RunContext,
  { mosaic: size, mosaicSeed }: Settings,
): AsyncGenerator<RunRecord<{ focus: number }>, void, undefined> {
  const { model, allSamples, seed, signal } = context
  await using opened = await context.openMethod(model)
  for (const sample of context.samples) {
    signal.throwIfAborted()
    const { id, target } = sample
    if (context.isDone(id)) continue
    const drawn = drawMosaic(sample, allSamples, mosaicSeed)
    if (drawn === undefined) {
      yield { key: id, id, target, seconds: 0, skipped: 'too few images of its class or of others' }
      continue
    }
    await context.onRead(sample)
    const quarters = await loadAll(context, drawn.samples)
    if (quarters === undefined) continue
    const image = mosaic(quarters, size)
    const explained = { image, target, seed: fnv1a(`${seed} ${id}`) }
    const [found] = await opened.attributer.attribute([explained], { signal })
    yield {
      key: id,
      id,
      target,
      seconds: found!.seconds,
      values: { focus: focus(found!.map, drawn.isOfClass) },
    }
  }
}

/** The images of a mosaic; undefined, and told, where one of them can't be read. */
async function loadAll(
  { model, signal, onError }: RunContext,
  samples: Quarters<Sample>,
): Promise<Quarters<PreparedInput> | undefined> {
  const inputs: PreparedInput[] = []
  for (const sample of samples) {
    try {
      inputs.push((await loadSample(sample, model)).input)
    } catch (error) {
      if (signal.aborted) throw error
      onError(error as Error, sample)
      return undefined
    }
  }
  return inputs as unknown as Quarters<PreparedInput>
}
